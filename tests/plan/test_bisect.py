"""A stage that raises on some flows: these are rejected, and nothing of them is counted."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.exposition.self_metrics import Telemetry
from pipeline.plan.bisect import PoisonIsolator
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.plan.outcome import Outcome, Reject
from pipeline.plan.plan import Plan
from pipeline.runtime.embedded import Embedded, EmbeddedOptions
from pipeline.runtime.outputs import Outputs
from pipeline.stage import VALUE, BuildContext, Decode, Decoded, Fields, Spec, Step, Transform
from pipeline.state.ledger import Ledger
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.flatten import Flatten
from stages.ingest_file import IngestFile
from stages.rules.stage import AnyRule, Rules
from stages.write_stdout import WriteStdout

Raise = Callable[[float], BaseException | None]
"""What a stage raises at a flow's number, if anything."""


class Raising(Transform, frozen=True, kw_only=True, tag="test_raising"):
    """Passes flows on, and fails where `why` says so."""

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            CALLS.append(flows.height)
            errors = [error for n in flows["n"] if (error := WHY[-1](n))]
            if errors:
                raise errors[0]
            return flows

        return step


CALLS: list[int] = []
WHY: list[Raise] = []
"""The last one is what `Raising` asks."""


def nothing(_: float) -> None:
    return None


def always(_: float) -> ValueError:
    return ValueError("no")


def some(n: float) -> BaseException | None:
    if n % 100 == 7:
        return ValueError(f"never seen {n:.0f}")
    if n == 500:
        return pl.exceptions.PanicException("index out of bounds")
    return None


def stages(folder: Path) -> list[Spec]:
    """Flows counted and written, beside a branch on which a stage fails."""
    count = [Metric(name="beside", value="n")]
    return [
        IngestFile(name="in", path=str(folder / "in.json"), decoder="json", batch_size=300),
        Raising(name="fragile", follows="in"),
        EncodePrometheus(name="one", follows="in", metrics=count),
        EncodePrometheus(name="two", follows="fragile", metrics=[Metric(name="behind")]),
        WriteStdout(name="out", follows="in"),
    ]


class Run:
    """A run over flows numbered from 0 on, in batches of 300."""

    def __init__(self, folder: Path, why: Raise, flows: int = 1_000, **options: Any) -> None:
        lines = [json.dumps({"n": n}) + "\n" for n in range(flows)]
        (folder / "in.json").write_text("".join(lines))
        self.letters_file = folder / "letters"
        plan = compile_plan(stages(folder), BuildContext(folder=folder))
        WHY[:] = [why]
        self.ledger = Ledger(plan.families)
        self.telemetry = Telemetry(plan, process=False)
        given = EmbeddedOptions(dead_letters=self.letters_file, **options)
        outputs = Outputs(self.telemetry)
        self.embedded = Embedded(ActivePlan(plan), self.ledger, self.telemetry, outputs, given)
        CALLS.clear()

    def counts(self) -> dict[str, float]:
        tables = self.ledger.tables()
        return {t.family.name: sum(t.series()[VALUE]) for t in tables if t.series().height}

    def letters(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.letters_file.read_text().splitlines()]

    def accounts(self) -> dict[str, tuple[float, ...]]:
        """In, out, filtered and rejected of every stage."""
        found = self.telemetry.snapshot()
        parts = [found[f"stage_flows_{part}"] for part in ("in", "out", "filtered", "rejected")]
        return {stage: tuple(part[stage] for part in parts) for stage in parts[0]}


def test_what_makes_a_stage_fail_is_rejected_and_the_rest_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path, some)
    advanced: list[int] = []
    with caplog.at_level(logging.ERROR):
        run.embedded.run(advanced.append)
    bad = [*range(7, 500, 100), 500, *range(507, 1_000, 100)]
    good = sorted(set(range(1_000)) - set(bad))
    assert run.counts() == {"beside": sum(good), "behind": len(good)}
    assert [json.loads(line)["n"] for line in capsys.readouterr().out.splitlines()] == good
    letters = run.letters()
    assert [json.loads(letter["payload"])["n"] for letter in letters] == bad
    assert {letter["stage"] for letter in letters} == {"fragile"}
    assert letters[0]["reason"] == 'stage "fragile" failed: ValueError: never seen 7'
    assert letters[5]["reason"] == 'stage "fragile" failed: PanicException: index out of bounds'
    assert run.accounts() == {
        "in": (1_000, 989, 0, 11),
        "fragile": (989, 989, 0, 0),
        "one": (989, 989, 0, 0),
        "two": (989, 989, 0, 0),
        "out": (989, 989, 0, 0),
    }
    page = run.telemetry.render([], {}, None)
    assert 'flowmatrix_stage_errors{stage="fragile",error="ValueError"} 10\n' in page
    assert 'flowmatrix_stage_errors{stage="fragile",error="PanicException"} 1\n' in page
    assert 'flowmatrix_dead_letters{stage="fragile"} 11\n' in page
    assert "ingest_errors{" not in page
    assert sum(advanced) == 1_000
    told = [record.getMessage().split(":")[:2] for record in caplog.records]
    assert told == [
        ['stage "fragile" failed', " ValueError"],
        ['stage "fragile" failed', " PanicException"],
    ]


def test_flows_without_failure_go_in_whole_batches(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n: ValueError() if n == 310 else None)
    run.embedded.run()
    assert CALLS[:2] == [300, 300]
    assert CALLS[-1] == 100
    assert CALLS.count(1) < 4
    assert len(CALLS) < 30


@pytest.mark.parametrize(
    ("options", "said", "letters"),
    [
        ({"max_consecutive": 40}, "40 messages in a row were rejected", 40),
        ({"max_ratio": 0.5}, "100 of 100 messages were rejected", 100),
    ],
)
def test_the_limits_stop_a_stage_that_fails_on_everything(
    tmp_path: Path, options: dict[str, Any], said: str, letters: int
) -> None:
    run = Run(tmp_path, always, **options)
    with pytest.raises(TooManyDeadLettersError, match=said):
        run.embedded.run()
    assert len(run.letters()) == letters
    assert run.counts() == {}
    assert len(CALLS) < letters + 12


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, InterruptedError, SystemExit])
def test_what_concerns_the_process_passes_through(
    tmp_path: Path, error: type[BaseException]
) -> None:
    run = Run(tmp_path, lambda n: error() if n == 500 else None)
    with pytest.raises(error):
        run.embedded.run()
    assert run.letters() == []
    assert run.counts() == {"beside": sum(range(300)), "behind": 300}


def test_a_run_goes_on_behind_what_was_rejected(tmp_path: Path) -> None:
    """Also behind the last message, which is no message cut short."""
    for _ in range(2):
        run = Run(tmp_path, lambda n: ValueError() if n == 999 else None, state=tmp_path / "state")
        run.embedded.run()
        assert run.counts()["behind"] == 999
        assert len(run.letters()) == 1


class FailingSource(IngestFile, frozen=True, kw_only=True, tag="test_failing_source"):
    """A file whose decoder fails on one message."""

    def decode(self, context: BuildContext) -> Decode:
        decode = super().decode(context)

        def fails(payloads: list[bytes]) -> Decoded:
            if b'{"n":3}' in payloads:
                raise KeyError("three")
            return decode(payloads)

        return fails


def test_a_failing_decoder_is_a_failing_stage() -> None:
    source = FailingSource(name="in", path="in.json", decoder="json")
    plan = compile_plan([source, WriteStdout(name="out", follows="in")], BuildContext())
    payloads = [b'{"n":%d}' % n for n in range(8)]
    rejects = Counter((r.stage, r.reason, r.payload) for r in walk(plan, payloads))
    assert rejects == {("in", "stage \"in\" failed: KeyError: 'three'", b'{"n":3}'): 1}


def walk(plan: Plan, payloads: list[bytes]) -> list[Reject]:
    return [reject for outcome in pieces(plan, payloads) for reject in outcome.rejects]


def test_a_stage_that_fails_without_flows(tmp_path: Path) -> None:
    class Empty(Transform, frozen=True, kw_only=True, tag="test_empty"):
        def reads(self) -> Fields:
            return frozenset({"n"})

        def build(self, context: BuildContext) -> Step:
            return lambda flows: flows.filter(pl.col("n") >= flows["n"].item(0))

    source = IngestFile(name="in", path="in.json", decoder="json")
    plan = compile_plan([source, Empty(name="empty", follows="in")], BuildContext(folder=tmp_path))
    outcome = PoisonIsolator().run(plan, "in", [])
    assert (outcome.messages, outcome.rejects, outcome.counts["in"].flows_in) == (0, [], 0)
    assert [d.stage for d in walk(plan, [b"no json", b'{"n":2}'])] == ["in"]
    assert [d.stage for d in walk(plan, [b"no json"])] == ["empty"]


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda n: ValueError("word " * 1_000) if n == 3 else None, flows=5)
    run.embedded.run()
    (letter,) = run.letters()
    assert letter["reason"].endswith("word word ...")
    assert len(letter["reason"]) <= 500


HAS_N = {"type": "remove_entry_if_exists", "input": "n"}
SAMPLED = [
    {"type": "keep_entry_query", "query": "with(n)", "sampling": 3},
    {"type": "conditional_sampling", "samples": [{"value": 2, "rules": [HAS_N]}]},
]


@pytest.mark.slow
@pytest.mark.parametrize("bad", [[], [7], [0, 99, 100, 498, 499], list(range(0, 500, 5))])
def test_pieces_give_what_the_whole_batch_gives(bad: list[int]) -> None:
    """Also what two stages draw for each message, and for the parts of a message."""
    sampling = msgspec.convert(SAMPLED, list[AnyRule])
    found: list[Spec] = [
        IngestFile(name="in", path="in.json", decoder="json"),
        Flatten(name="parts", fields=["Flags"], follows="in"),
        Rules(name="half", rules=sampling, follows="parts"),
        Rules(name="third", rules=sampling, follows="in"),
        Raising(name="fragile", follows="in"),
        WriteStdout(name="out", follows=["half", "third", "fragile"]),
    ]
    plan = compile_plan(found, BuildContext(clock=lambda: 0.0, random=Random(5)))
    payloads = [b'{"n":%d,"Flags":["A","B"]}' % n for n in range(500)]
    WHY[:] = [nothing]
    whole = written([plan.run("in", payloads)])
    assert 500 < len(whole) < 1_000, "some are sampled out"
    WHY[:] = [lambda n: ValueError() if n in bad else None]
    outcomes = list(pieces(plan, payloads))
    assert len(outcomes) > 1 or not bad
    assert written(outcomes) == [line for line in whole if json.loads(line)["n"] not in bad]


def pieces(plan: Plan, payloads: list[bytes]) -> Iterator[Outcome]:
    isolator = PoisonIsolator()
    while payloads:
        outcome = isolator.run(plan, "in", payloads)
        yield outcome
        payloads = payloads[outcome.messages :]


def written(outcomes: Iterable[Outcome]) -> list[str]:
    """The lines of all outcomes, by the number of their flow."""
    lines = [str(line) for o in outcomes for _, records in o.records for line in records]
    return sorted(lines, key=lambda line: (json.loads(line)["n"], line))

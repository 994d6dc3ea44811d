from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.json import decoder
from pipeline.diagnostics import Severity
from pipeline.stage import BuildContext
from pipeline.testing import Flow, assert_laws, rows, run
from stages.generic import CopyRule, Generic, Policy

GOLDEN = Path(__file__).parents[1] / "golden"


def lines(path: Path) -> list[Flow]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("case", ["generic-preserve", "generic-replace"])
def test_writes_what_the_original_writes(case: str) -> None:
    config = yaml.safe_load((GOLDEN / case / "config.yaml").read_text())
    block = config["parameters"][1]["transform"]["generic"]
    stage = Generic(
        name="g",
        rules=[CopyRule(**rule) for rule in block["rules"]],
        policy=Policy(block.get("policy", Policy.PRESERVE)),
    )
    assert run(stage, lines(GOLDEN / case / "flows.jsonl")) == lines(
        GOLDEN / case / "expected.jsonl"
    )


@pytest.mark.parametrize("beside", [[], ["x", "y"], [[1], [2]]])
def test_a_product_out_of_range_is_absent(beside: list[object]) -> None:
    """Whichever column the number is in."""
    stage = Generic(name="g", rules=[CopyRule(input="A", output="B", multiplier=2**62)])
    payloads = [msgspec.json.encode({"A": value}) for value in [1e300, -1e300, *beside]]
    flows = decoder(BuildContext(clock=lambda: 0.0))(payloads).flows
    assert all("B" not in flow for flow in rows(stage.build(BuildContext())(flows)))


def copied(flow: Flow, *rules: tuple[str, str, float], policy: Policy = Policy.REPLACE) -> Flow:
    made = [CopyRule(input=a, output=b, multiplier=m) for a, b, m in rules]
    return run(Generic(name="g", rules=made, policy=policy), [flow])[0]


@pytest.mark.parametrize(
    ("value", "factor", "result"),
    [
        (20, 8, {"B": 160}),
        (20, -1, {"B": -20}),
        (20, 0.5, {"B": 10}),
        (1.5, 2, {"B": 3.0}),
        ("3", 2, {}),
        ("3", 0, {"B": "3"}),
        (True, 2, {}),
        ([1], 2, {}),
        ([1], 0, {"B": [1]}),
        (None, 0, {"B": None}),
        (None, 2, {}),
    ],
)
@pytest.mark.parametrize("name", ["Bytes", "A"])
def test_multiplied(name: str, value: object, factor: float, result: Flow) -> None:
    assert copied({name: value}, (name, "B", factor)) == result


def test_a_narrow_number_does_not_overflow() -> None:
    assert copied({"Proto": 17}, ("Proto", "B", 1000)) == {"B": 17000}


def test_every_rule_reads_the_original() -> None:
    flow = {"A": 1, "B": 2}
    swap = [("A", "B", 0.0), ("B", "A", 0.0), ("B", "C", 10)]
    assert copied(flow, *swap) == {"A": 2, "B": 1, "C": 20}
    assert copied({"B": 2}, *swap, policy=Policy.PRESERVE) == {"A": 2, "B": 2, "C": 20}


def test_the_last_rule_that_has_a_value_wins() -> None:
    rules = [("A", "X", 0.0), ("B", "X", 0.0)]
    assert copied({"A": 1, "B": "b"}, *rules) == {"X": "b"}
    assert copied({"A": 1}, *rules) == {"X": 1}


def test_no_rules() -> None:
    assert copied({"A": 1}) == {}
    assert copied({"A": 1}, policy=Policy.PRESERVE) == {"A": 1}


def test_check() -> None:
    rules = [
        CopyRule(input="Bytez", output="B"),
        CopyRule(input="Bytes", output="", multiplier=1e20),
    ]
    found = [(p.path, p.severity) for p in Generic(name="g", rules=rules).check(Path())]
    assert found == [
        (("rules", 1, "output"), Severity.ERROR),
        (("rules", 1, "multiplier"), Severity.ERROR),
    ]
    assert Generic(name="g", rules=rules).reads() == {"Bytes", "Bytez"}


CELLS = st.sampled_from([0, 7, -3, 300, 1.5, "x", "7", True, None, [1, "a"], {"k": 2}])
FIELDS = st.sampled_from(["Proto", "Bytes", "SrcAddr", "A", "B", "n"])
RULES = st.builds(
    CopyRule, input=FIELDS, output=FIELDS, multiplier=st.sampled_from([0, 2, -1, 0.5])
)


@given(
    st.lists(st.dictionaries(FIELDS.filter(lambda name: name != "n"), CELLS), max_size=5),
    st.lists(RULES, max_size=3).filter(lambda rules: all(rule.output != "n" for rule in rules)),
    st.sampled_from(Policy),
    st.integers(0, 5),
)
def test_laws(flows: list[dict[str, Any]], rules: list[CopyRule], policy: Policy, cut: int) -> None:
    assert_laws(Generic(name="g", rules=rules, policy=policy), flows, cut)


def test_frames_stay_typed() -> None:
    flows = pl.DataFrame({"Bytes": [7]}, schema={"Bytes": pl.UInt64})
    step = Generic(name="g", rules=[CopyRule(input="Bytes", output="b", multiplier=8)]).build(
        BuildContext()
    )
    assert step(flows).schema == {"Bytes": pl.UInt64(), "b": pl.UInt64()}

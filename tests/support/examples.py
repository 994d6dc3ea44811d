"""The examples of stages, run: through the loader of configurations, a plan and the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import yaml

from pipeline.config.loader import loads
from pipeline.exposition.text_format import Exposition
from pipeline.flows.jsonl import json_lines
from pipeline.kafka.publication import Record, Records
from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.stage import (
    BuildContext,
    Encoder,
    Example,
    Macro,
    Source,
    SourceContext,
    Spec,
    Writer,
)
from pipeline.state.ledger import Ledger
from pipeline.state.memories import Memories
from pipeline.state.series_rows import TIMES
from pipeline.state.series_table import SeriesTable

_BEFORE = "- {name: flows, type: ingest_stdin}"
_BEHIND = "- {name: shown, type: write_stdout, follows: %s}"


def example_of(kind: type[Spec]) -> Example:
    """The example of a stage type; a stage without one is an error."""
    assert kind.example, f"stages: {kind.__name__} has no example"
    return kind.example


def stages(kind: type[Spec], folder: Path) -> list[Spec]:
    """A whole pipeline about the example, its files written to `folder`."""
    example = example_of(kind)
    for name, text in example.files.items():
        (folder / name).write_text(text)
    for name, content in example.binaries.items():
        (folder / name).write_bytes(content)
    parts = [example.config]
    if not issubclass(kind, Source):
        parts.insert(0, _BEFORE)
    if not issubclass(kind, Encoder | Writer | Macro):
        parts.append(_BEHIND % yaml.safe_load(example.config)[-1]["name"])
    config = loads("stages:\n" + "\n".join(parts), "example.yaml", folder)
    assert list(map(str, config.warnings)) == []
    return list(config.stages)


def output(kind: type[Spec], folder: Path) -> list[str]:
    """The lines that come out when the example's flows come in, or its source's own."""
    whole, context = stages(kind, folder), BuildContext(folder=folder, clock=lambda: 0.0)
    if flows := example_of(kind).flows:
        (folder / "recording.jsonl").write_text(flows + "\n")
        whole = [_replayed(stage, folder / "recording.jsonl") for stage in whole]
    lines = _run(compile_plan(whole, context), SourceContext(folder))
    return lines if issubclass(kind, Encoder | Writer | Macro) else list(map(_flow, lines))


def _replayed(stage: Spec, recording: Path) -> Spec:
    return stage.replay(recording) if isinstance(stage, Source) else stage


def _run(plan: Plan, context: SourceContext) -> list[str]:
    """The records that the plan gives, the metrics without their comments, then the facts."""
    ledger, records = Ledger(plan.families), list[Record]()
    memories = Memories(plan.remembering)
    for source in plan.sources:
        for payloads in source.chunks(context):
            outcome = plan.run(source.name, payloads, memories=memories)
            memories.adopt(outcome.changes)
            assert outcome.rejects == []
            records += [record for _, some in outcome.records for record in _records(some)]
            for delta in outcome.deltas:
                ledger.merge([delta], 1.0)
    metrics = Exposition().render(ledger.tables()).splitlines()
    facts = [
        line for table in ledger.tables() if not table.family.exposed for line in _facts(table)
    ]
    return [*map(_line, records), *(line for line in metrics if not line.startswith("#")), *facts]


def _records(written: Records) -> Sequence[Record]:
    return json_lines(written) if isinstance(written, pl.DataFrame) else written


def _facts(table: SeriesTable) -> Iterator[str]:
    """The labels of each row as a metric has them, then its values; without what is empty or 0."""
    for row in table.series().drop(TIMES).iter_rows(named=True):
        labels = ",".join(f'{name}="{row[name]}"' for name in table.labels if row[name])
        values = (f"{name}={row[name]}" for name in table.family.columns if row[name])
        yield f"{table.family.name}{{{labels}}}"
        yield f"  {' '.join(values)}"


def _line(record: Record) -> str:
    return record if isinstance(record, str) else record.value.decode()


def _flow(line: str) -> str:
    """A flow as examples write it: JSON without the time of its decoding."""
    flow = json.loads(line)
    flow.pop("TimeReceived", None)
    return json.dumps(flow)

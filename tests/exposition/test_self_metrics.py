"""Self-metrics that no run without Kafka shows."""

from __future__ import annotations

import polars as pl

from pipeline.exposition.self_metrics import PartitionStatus, Telemetry
from pipeline.plan.compile import compile_plan
from pipeline.plan.outcome import Counts, Outcome
from pipeline.stage import BuildContext, Delta, Family, Policy, Rule
from pipeline.state.ledger import Ledger
from stages.ingest_stdin import IngestStdin
from stages.write_stdout import WriteStdout


def shown(telemetry: Telemetry) -> set[str]:
    text = telemetry.render([], {}, None)
    return {line for line in text.splitlines() if not line.startswith("#")}


def test_partitions_come_and_go() -> None:
    telemetry = Telemetry(compile_plan([], BuildContext()), "", process=False)
    telemetry.set_partitions(
        [PartitionStatus("t", 0, 10, 14, 0.5), PartitionStatus("t", 1, 7, 6, 0.0)]
    )
    telemetry.set_partitions(
        [PartitionStatus("t", 1, 9, 6, 1.0), PartitionStatus("u", 1, 1, 3, 2.0)]
    )
    assert shown(telemetry) == {
        'kafka_offset{topic="t",partition="1"} 9',
        'kafka_offset{topic="u",partition="1"} 1',
        'kafka_lag{topic="t",partition="1"} 0',
        'kafka_lag{topic="u",partition="1"} 2',
        'kafka_checkpoint_age_seconds{topic="t",partition="1"} 1',
        'kafka_checkpoint_age_seconds{topic="u",partition="1"} 2',
    }


def test_every_stage_begins_at_zero() -> None:
    """`rate` sees its first flow, and `top` an idle worker."""
    plan = compile_plan([IngestStdin(name="in", decoder="json")], BuildContext())
    lines = shown(Telemetry(plan, "", process=False))
    parts = ("flows_in", "flows_out", "flows_filtered", "flows_rejected", "seconds")
    assert {f'stage_{part}{{stage="in"}} 0' for part in parts} <= lines


def test_records_written() -> None:
    telemetry = Telemetry(compile_plan([], BuildContext()), "", process=False)
    writer = WriteStdout(name="out", follows="x")
    outcome = Outcome(records=[(writer, ["a", "b"])], counts={"flows": Counts()})
    for _ in range(2):
        telemetry.batch("flows", 0, outcome)
    assert 'records_written{stage="out"} 4' in shown(telemetry)


def test_tables_of_several_partitions_add_up() -> None:
    """Facts are held and not exposed."""
    facts = Family("edges", None, ("ns",), facts=(("n", Rule.SUM),))
    ledgers = [Ledger({"edges": (facts, Policy("matrix"))}) for _ in range(2)]
    for number, ledger in enumerate(ledgers, 1):
        rows = pl.DataFrame({"ns": [str(n) for n in range(number)], "n": [1] * number})
        ledger.merge([Delta(facts, rows)], 1.0)
    telemetry = Telemetry(compile_plan([], BuildContext()), "", process=False)
    tables = [table for ledger in ledgers for table in ledger.tables()]
    text = telemetry.render(tables, {"edges": 7}, None)
    assert {line for line in text.splitlines() if not line.startswith("#")} == {
        'series{metric="edges"} 3',
        'encode_prom_metrics_reported{stage="matrix"} 0',
        'metrics_dropped{stage="matrix"} 7',
    }


def test_tables_are_looked_at_for_their_sizes_alone() -> None:
    """To look at millions of series costs more than the few metrics that a scrape asks for."""
    facts = Family("edges", None, ("ns",), facts=(("n", Rule.SUM),))
    tables = iter(Ledger({"edges": (facts, Policy("matrix"))}).tables())
    telemetry = Telemetry(compile_plan([], BuildContext()), "own_", process=False)
    telemetry.set("dead_letters", 3, "flows")
    assert "own_dead_letters" in telemetry.render(tables, {}, None, ["own_dead_letters"])
    assert 'own_series{metric="edges"} 0' in telemetry.render(tables, {}, None, ["own_series"])


def test_what_stages_measure() -> None:
    """What a batch adds, and of what is remembered the sum over all memories."""
    telemetry = Telemetry(compile_plan([], BuildContext()), "", process=False)
    outcome = Outcome(
        measures=[("conntrack_tcp_flags", 2, ("swapAB",))], counts={"flows": Counts()}
    )
    for _ in range(2):
        telemetry.batch("flows", 0, outcome)
        gauge = "conntrack_memory_connections", 3.0, ("0: DEFAULT", "active")
        telemetry.remembered([gauge, gauge])
    assert {
        'conntrack_tcp_flags{action="swapAB"} 4',
        'conntrack_memory_connections{group="0: DEFAULT",phase="active"} 6',
    } <= shown(telemetry)

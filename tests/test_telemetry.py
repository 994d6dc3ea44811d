"""Self-metrics that no run without Kafka shows."""

from __future__ import annotations

from pipeline.plan import Counts, Outcome, Plan
from pipeline.stage import Env
from pipeline.telemetry import Held, Telemetry
from stages.write_stdout import WriteStdout


def shown(telemetry: Telemetry) -> set[str]:
    text = telemetry.render([], {}, None)
    return {line for line in text.splitlines() if not line.startswith("#")}


def test_partitions_come_and_go() -> None:
    telemetry = Telemetry(Plan([], Env()), "", process=False)
    telemetry.hold([Held("t", 0, 10, 14, 0.5), Held("t", 1, 7, 6, 0.0)])
    telemetry.hold([Held("t", 1, 9, 6, 1.0), Held("u", 1, 1, 3, 2.0)])
    assert shown(telemetry) == {
        'kafka_offset{topic="t",partition="1"} 9',
        'kafka_offset{topic="u",partition="1"} 1',
        'kafka_lag{topic="t",partition="1"} 0',
        'kafka_lag{topic="u",partition="1"} 2',
        'kafka_checkpoint_age_seconds{topic="t",partition="1"} 1',
        'kafka_checkpoint_age_seconds{topic="u",partition="1"} 2',
    }


def test_records_written() -> None:
    telemetry = Telemetry(Plan([], Env()), "", process=False)
    writer = WriteStdout(name="out", follows="x")
    outcome = Outcome(records=[(writer, ["a", "b"])], counts={"flows": Counts()})
    for _ in range(2):
        telemetry.batch("flows", 0, outcome)
    assert 'records_written{stage="out"} 4' in shown(telemetry)

"""write_parquet behind a real broker: killed workers, and what is in their folder then."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from tests.kafka.support.counting import counting, positions, seen, value
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, counted, running, wait
from tests.real.broker import Broker

_FLOWS = 20_000


def keeping(folder: Path, broker: str, topic: str, **keep: Any) -> Worker:
    """A worker that counts flows, and keeps them in the folder `raw`."""
    worker = counting(folder, broker, [topic], batch_size=500)
    config = folder / "kafka.yaml"
    out = {"name": "raw", "type": "write_parquet", "follows": "flows", "folder": "raw", **keep}
    config.write_text(config.read_text().replace("stages:\n", f"stages:\n- {out}\n"))
    return worker


def kept(folder: Path) -> Counter[int]:
    """How often each flow is in finished files, by its number."""
    files = list((folder / "raw").glob("*.parquet"))
    return Counter(pl.concat([pl.read_parquet(f, columns=["n"]) for f in files])["n"].to_list())


def feed(broker: Broker, topic: str, numbers: range) -> None:
    produce(broker.bootstrap, topic, (b'{"n":%d,"Proto":6}' % n for n in numbers), 2)


def test_killed_workers_lose_no_flow(kafka_broker: Broker, tmp_path: Path) -> None:
    """None is missing; those of the batches after the last checkpoint may be there again.

    The counts are exact all the same.
    """
    kafka_broker.create_topic("raw-kept", 2)
    worker = keeping(tmp_path, kafka_broker.bootstrap, "raw-kept", every=1, max_flows=3000)
    for numbers in (range(_FLOWS // 2), range(_FLOWS // 2, _FLOWS)):
        with running(worker):
            feed(kafka_broker, "raw-kept", numbers)
            wait(lambda: value(worker, 'flowmatrix_records_written{stage="raw"}') > 0)
            worker.process.kill()
    with running(worker):
        assert counted(_FLOWS, worker) == {"flows_seen": {(): _FLOWS}}
        assert worker.exit() == 0
    found = kept(tmp_path)
    assert found.keys() == {*range(_FLOWS)}
    assert max(found.values()) <= 3, "once, and once more for each kill"
    assert [path.name for path in (tmp_path / "raw").glob(".*")] == []


def test_two_workers_share_a_folder(kafka_broker: Broker, tmp_path: Path) -> None:
    """Each flow is there once when nobody is killed, also while others start and end."""
    kafka_broker.create_topic("raw-shared", 2)
    first = keeping(tmp_path, kafka_broker.bootstrap, "raw-shared", max_flows=1000)
    second = Worker(tmp_path / "kafka.yaml", "second")
    with running(first, second):
        feed(kafka_broker, "raw-shared", range(_FLOWS))
        wait(lambda: sum(positions(first)) + sum(positions(second)) == _FLOWS)
        assert first.exit() == second.exit() == 0
    assert kept(tmp_path) == Counter(range(_FLOWS))


def test_a_folder_that_is_gone_costs_no_count(kafka_broker: Broker, tmp_path: Path) -> None:
    """A file stands where the folder was: flows are counted, and the loss is told."""
    kafka_broker.create_topic("raw-full", 1)
    worker = keeping(tmp_path, kafka_broker.bootstrap, "raw-full")
    with running(worker):
        (tmp_path / "raw").write_text("in the way")
        produce(kafka_broker.bootstrap, "raw-full", [b'{"n":1}', b'{"n":2}'], 1)
        wait(lambda: seen(worker) == 2)
        assert value(worker, 'flowmatrix_records_lost{stage="raw"}') == 2
        assert worker.get("/readyz")[0] == 200
        assert worker.exit() == 0
    assert "flows are not kept" in worker.log.read_text()

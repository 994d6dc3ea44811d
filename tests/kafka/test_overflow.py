"""Limits on series over several partitions and workers: the sums agree whatever overflows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import yaml

from tests.kafka.support.counting import positions
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Counts, Worker, running, totals, wait
from tests.real.broker import Broker

_FLOWS, _PARTITIONS, _LIMIT = 2_000, 4, 5
_NAME, _REST = "netobserv_flows", ("SrcAddr=__overflow__",)
_STAGES = re.compile(r'^flowmatrix_stage_flows_(\w+)\{stage="(\w+)"\} (\S+)$', re.MULTILINE)


def limited(folder: Path, broker: Broker, name: str) -> Worker:
    """Counts flows by SrcAddr, five series at most."""
    source = {"brokers": [broker.bootstrap], "topics": ["overflow"], "group_id": "overflow"}
    metric = {"name": _NAME, "labels": ["SrcAddr"], "value": "One"}
    limits = {"metrics": [metric], "max_series": _LIMIT, "expiry": "1h"}
    stages = [
        {"name": "flows", "type": "ingest_kafka", "decoder": "json", "linger": 0.1, **source},
        {"name": "some", "type": "filter", "follows": "flows", "query": "Proto=6"},
        {"name": "count", "type": "encode_prometheus", "follows": "some", **limits},
    ]
    config = folder / "kafka.yaml"
    config.write_text(yaml.safe_dump({"stages": stages, "checkpoint": {"interval": 0.3}}))
    return Worker(config, name)


def message(number: int) -> bytes:
    """Of twenty flows one is poison, one filtered out, one without a value, one not countable."""
    kind = number % 20
    if kind == 0:
        return b"no json"
    proto = 17 if kind == 1 else 6
    one = {2: "null", 3: "-1"}.get(kind, "1")
    return b'{"SrcAddr":"10.0.0.%d","Proto":%d,"One":%s}' % (number % 37, proto, one.encode())


def accounts(*workers: Worker) -> dict[str, Counter[str]]:
    """In, out, filtered and rejected by stage, over the workers."""
    found: dict[str, Counter[str]] = {}
    for worker in workers:
        for part, stage, value in _STAGES.findall(worker.get("/metrics")[1].decode()):
            found.setdefault(stage, Counter())[part] += int(float(value))
    return found


def sums(counts: Counts) -> float:
    return sum(counts.get(_NAME, {}).values())


def test_sums_agree_when_series_overflow(kafka_broker: Broker, tmp_path: Path) -> None:
    """In = out + filtered + rejected, over workers, and after one was killed."""
    kafka_broker.create_topic("overflow", _PARTITIONS)
    one, two = (limited(tmp_path, kafka_broker, name) for name in ("one", "two"))
    twentieth = _FLOWS // 20
    counted = _FLOWS - 4 * twentieth
    with running(one, two):
        wait(lambda: len(positions(one)) == len(positions(two)) == _PARTITIONS / 2)
        produce(kafka_broker.bootstrap, "overflow", map(message, range(_FLOWS)), _PARTITIONS)
        wait(lambda: totals(one, two)[0] == _FLOWS)
        stages = accounts(one, two)
        for parts in stages.values():
            assert parts["in"] == parts["out"] + parts["filtered"] + parts["rejected"]
        assert stages["flows"]["in"] == _FLOWS
        assert stages["count"]["out"] == counted
        rejected = stages["flows"]["rejected"] + stages["count"]["rejected"]
        filtered = stages["some"]["filtered"] + stages["count"]["filtered"]
        assert (rejected, filtered) == (2 * twentieth, 2 * twentieth)
        exact = totals(one, two)[1]
        assert sums(exact) == counted
        assert _LIMIT + 1 < len(exact[_NAME]) <= _PARTITIONS * _LIMIT + 1
        assert exact[_NAME][_REST] > 0
        wait(lambda: sums(one.shown()) + sums(two.shown()) == counted)
        for worker in (one, two):
            shown = worker.shown()[_NAME]
            assert len(shown) == _LIMIT + 1
            assert any("__overflow__" in label for labels in shown for label in labels)
            assert worker.get("/readyz")[1]["series_limit"] == [_NAME]
            assert worker.log.read_text().count("is at its series limit") == 1
        one.process.kill()
        wait(lambda: len(positions(two)) == _PARTITIONS)
        assert totals(two) == (_FLOWS, exact), "also from the changelog"

"""The latest flows of a run: enriched, with all their fields, and few."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.app import latest
from pipeline.app.job import Job
from pipeline.app.latest import MOST, LatestFlows
from pipeline.config.loader import loads

CONFIG = """
stages:
- {name: in, type: ingest_file, path: flows.json, decoder: json}
- name: subnets
  type: subnet_label
  follows: in
  labels: [{name: ten, cidrs: [10.0.0.0/8]}]
- {name: kept, type: filter, follows: subnets, query: SrcPort != 9}
- name: out
  type: encode_prometheus
  follows: kept
  metrics: [{name: flows, type: counter, labels: [SrcSubnetLabel]}]
- {name: aside, type: filter, follows: in, query: SrcPort = 9}
- {name: ports, type: encode_prometheus, follows: aside, metrics: [{name: nines, type: counter}]}
"""


def job(folder: Path, flows: int) -> Job:
    lines = [f'{{"SrcAddr":"10.0.0.1","SrcPort":{n % 10},"Own":{n}}}\n' for n in range(flows)]
    (folder / "flows.json").write_text("".join(lines) + "not a flow\n")
    return Job(loads(CONFIG, "p.yaml", folder))


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Job]:
    found = job(tmp_path, 30)
    found.latest.keep()
    found.run()
    yield found
    found.close()


def test_flows_as_the_metrics_are_made_of_them(ran: Job) -> None:
    """With fields that no stage reads."""
    found = ran.latest.flows().frame()
    assert found["Own"].to_list() == [n for n in range(30) if n % 10 != 9]
    assert set(found["SrcSubnetLabel"]) == {"ten"}
    assert ran.latest.flows() is ran.latest.flows()


def test_without_anybody_to_look_nothing_is_kept(tmp_path: Path) -> None:
    found = job(tmp_path, 30)
    found.run()
    assert found.latest.flows().frame().height == 0
    found.close()


def test_a_new_configuration_is_a_new_view(ran: Job, tmp_path: Path) -> None:
    assert set(ran.latest.flows().frame()["SrcSubnetLabel"]) == {"ten"}
    ran.reload(loads(CONFIG.replace("name: ten", "name: TEN"), "p.yaml", tmp_path))
    ran.latest.add("in", [b'{"SrcAddr":"10.0.0.2","SrcPort":1}'])
    ran.latest._next = 0.0
    assert set(ran.latest.flows().frame()["SrcSubnetLabel"]) == {"TEN"}


def test_only_the_latest_are_kept(ran: Job) -> None:
    kept = LatestFlows(ran.live, ran.latest._compile)
    for start in range(0, 4 * MOST, 700):
        kept.add("in", [b'{"SrcPort":1,"Own":%d}' % n for n in range(start, start + 700)])
        assert kept._held <= MOST + 700
    found = kept.flows().frame()["Own"].to_list()
    last = int(max(found))
    assert found == list(range(last - MOST + 1, last + 1))


def test_large_messages_are_few(ran: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest, "_BYTES", 1_000)
    kept = LatestFlows(ran.live, ran.latest._compile)
    for n in range(100):
        kept.add("in", [b'{"SrcPort":1,"Own":%d,"Text":"%s"}' % (n, b"x" * 100)] * 50)
        assert kept._bytes <= 1_000
    assert 0 < kept.flows().frame().height < 10
    kept.add("in", [b"x" * 2_000])
    assert kept._bytes <= 1_000

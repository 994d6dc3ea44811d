"""The reference scenario on a real Prometheus: Q1 to Q4 of the blog give its tables.

Scraped for the rows, and loaded with the flows' own times for the rates.
Source: docs/reference/scenario.md#queries, docs/reference/scenario.md#tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.exposition.text_format import Exposition
from pipeline.stage import SourceContext
from pipeline.state.ledger import Ledger
from simulate import Simulation, simulate
from tests.real.prometheus import Prometheus, Sample, promtool

pytestmark = pytest.mark.real

_OUT = "workload, kind, port, to_kind, to_namespace, to_subnet_label, to_workload"
_IN = "workload, kind, port, from_kind, from_namespace, from_subnet_label, from_workload"
_IN_METRIC = "netobserv_workload_syn_in"
QUERIES = {
    "Q1": f'sum(rate(netobserv_workload_syn_out{{ namespace="netobserv"}}[1m])) by ({_OUT})',
    "Q2": f'sum(rate({_IN_METRIC}{{ namespace="netobserv"}}[1m])) by ({_IN})',
    "Q3": f'sum(rate({_IN_METRIC}{{ namespace="netobserv",from_kind="Node"}}[1m])) '
    "by (workload, kind, port, from_subnet_label)",
    "Q4": f'sum(rate({_IN_METRIC}{{ namespace="netobserv",from_kind!="Node"}}[1m])) by ({_IN})',
}
_SIZES = {"Q1": 12, "Q2": 16, "Q3": 2, "Q4": 4}
Row = tuple[tuple[str, str], ...]
Start = Callable[[Mapping[str, object]], Prometheus]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def row(labels: Mapping[str, str]) -> Row:
    """A row as Prometheus keeps it: an empty label is no label."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def wanted(made: Simulation) -> dict[str, set[Row]]:
    tables: dict[str, Any] = json.loads(made.truth.read_text())["tables"]
    found = {}
    for query in QUERIES:
        columns = tables[query]["columns"][:-1]
        found[query] = {
            row(dict(zip(columns, cells, strict=False))) for cells in tables[query]["rows"]
        }
    return found


def test_scraped_rows(made: Simulation, new_prometheus: Start) -> None:
    job = Job(config.load(made.config))
    job.run()
    with job.server("127.0.0.1:0") as server:
        prometheus = new_prometheus(
            {
                "scrape_configs": [
                    {
                        "job_name": "flowmatrix",
                        "honor_labels": True,
                        "scrape_interval": "1s",
                        "static_configs": [{"targets": [server.url.removeprefix("http://")]}],
                    }
                ]
            }
        )
        for name, query in QUERIES.items():
            answer = prometheus.wait(query)
            assert {row(sample.labels) for sample in answer} == wanted(made)[name], name
            assert len(answer) == _SIZES[name]
            assert {sample.value for sample in answer} == {0.0}
        names = {s.labels["__name__"] for s in prometheus.query('{job="flowmatrix"}')}
        assert not {
            n for n in names if n.startswith("netobserv_") and n.endswith(("_total", "_created"))
        }
        ports = prometheus.query(f"count({_IN_METRIC}) by (port)")
        assert all(int(sample.labels["port"]) < 32768 for sample in ports)
        flags = prometheus.query(f"count({_IN_METRIC}) by (Flags)")
        assert [sample.labels for sample in flags] == [{"Flags": "SYN"}]
        assert prometheus.query(f'{_IN_METRIC}{{workload="dns-default"}}') == []


def test_rates_of_the_flows_own_time(
    made: Simulation, tmp_path: Path, new_prometheus: Start
) -> None:
    end = load(made, tmp_path)
    prometheus = new_prometheus({"scrape_configs": []})
    rates = {name: prometheus.query(query, at=end) for name, query in QUERIES.items()}
    assert {name: len(answer) for name, answer in rates.items()} == _SIZES
    probes = [s.value for s in rates["Q2"] if s.labels["port"] == "8080"]
    assert len(probes) == 6
    assert all(0.08 <= rate <= 0.12 for rate in probes)
    idle = [s for s in rates["Q2"] if s.labels["port"] != "8080"]
    assert {s.value for s in idle} == {0.0}
    pods, services = (gateway(rates["Q1"], kind) for kind in ("Deployment", "Service"))
    assert services <= pods <= 2 * services
    node = [s.value for s in rates["Q3"] if s.labels["port"] == "8080"]
    assert node == [pytest.approx(sum(probes))]


def gateway(answer: list[Sample], kind: str) -> float:
    """The rate of flowlogs-pipeline to the Loki gateway."""
    [sample] = [
        s
        for s in answer
        if s.labels["workload"] == "flowlogs-pipeline"
        and s.labels["port"] == "8080"
        and s.labels["to_kind"] == kind
    ]
    return sample.value


def load(made: Simulation, folder: Path) -> float:
    """Put the counters of every 10 s of the recording into a Prometheus's data; the last time."""
    job = Job(config.load(made.config))
    [source] = job.plan.sources
    payloads = [
        p for chunk in source.chunks(SourceContext(folder=made.config.parent)) for p in chunk
    ]
    times = replace(job.plan.context, needed=frozenset({"TimeFlowEndMs"}))
    steps = source.decode(times)(payloads).flows["TimeFlowEndMs"]
    truth = json.loads(made.truth.read_text())
    start, last = truth["start_ms"] // 1000, truth["end_ms"] // 1000
    ledger = Ledger(job.plan.families)
    lines: list[str] = []
    for at in range(start, last + 10, 10):
        due = ((steps > (at - 10) * 1000) & (steps <= at * 1000)).arg_true().to_list()
        if due:
            outcome = job.plan.run(source.name, [payloads[i] for i in due])
            ledger.merge(outcome.deltas, at)
        text = Exposition().render(ledger.tables())
        lines += [f"{line} {at}" for line in text.splitlines() if line[:1] not in ("#", "")]
    typed = [f"# TYPE {name} unknown" for name in job.plan.families]
    grouped = [
        line
        for declared, name in zip(typed, job.plan.families, strict=True)
        for line in (declared, *(x for x in lines if x.startswith(name)))
    ]
    (folder / "backfill.om").write_text("\n".join([*grouped, "# EOF", ""]))
    answer = promtool(
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(folder / "backfill.om"),
        str(folder / "data"),
    )
    assert answer.returncode == 0, answer.stderr
    return float(last)

"""`make bench`: the embedded engine on one core, and how its cost grows.

Each figure is the median of several runs, each run a process of its own pinned to one core. The
data are simulated (`flowmatrix simulate cluster`) into the cache and kept there.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks import edges
from benchmarks.connections import main as connections
from benchmarks.grpc import main as grpc
from benchmarks.lookups import main as lookups
from benchmarks.netflow import main as netflow
from benchmarks.pods import growth as churned_growth
from benchmarks.process import Figures, measured
from benchmarks.push import main as push
from benchmarks.results import Results, Row
from benchmarks.stages import main as stages
from simulate import Shape, Simulation, simulate

_COUNTED = ("messages", "rejected", "sums")


def main() -> None:
    """Print every table, and keep its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=1_000_000, help="also the addresses of a scan")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the main figure only")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, medians of {given.runs} runs, one core each\n")
    results = Results("engine", given.runs)
    _main_figure(given.flows, results)
    if not given.quick:
        _edges(given.edges, results)
        _growth(given.flows, results)
    print(f"\nkept in {results.write()}")
    if not given.quick:
        churned_growth()
        connections()
        lookups()
        netflow()
        grpc()
        push()
        stages()


def _main_figure(flows: int, results: Results) -> None:
    made = _cluster(flows, Shape(pods=10_000, nodes=100, workloads=1_000, services=500))
    plain = _without_edges(made)
    figures = _median(plain, results.runs)
    print(f"{flows:,} protobuf flows, 10,000 pods, both ends enriched, subnet labels,")
    print("two SYN metrics of ten labels and one bytes metric")
    print(_line("all of it", figures, results))
    for stage, seconds in figures["stage_seconds"].items():
        print(f"    {stage:<42} {seconds / flows * 1e6:6.3f} us a flow")
    _account(figures)
    scraped = _median(plain, results.runs, "--scrape")
    print(_line("scraped meanwhile", scraped, results))
    print(_shown(scraped))
    whole = _median(made.config, results.runs)
    print(_line("and all edges", whole, results))
    more = (whole["cpu_seconds"] - figures["cpu_seconds"]) / flows * 1e6
    print(f"    {more:.2f} us CPU a flow more, for {whole['series'] - figures['series']:,} rows")


def _edges(number: int, results: Results) -> None:
    """A ledger of so many edges, and a scan from so many addresses beside as many calm flows."""
    print(f"\n{number:,} edges in the ledger, {number:,} addresses that scan {edges.PORTS} ports")
    with tempfile.TemporaryDirectory() as folder:
        found = {part: _of_edges(part, number, folder) for part in ("count", "restore")}
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1e6
        found |= {part: _of_edges(part, number, folder) for part in ("calm", "scan")}
    for part, title in _TITLES.items():
        print(_line(title, found[part], results))
        print(f"    {found[part]['rows']:,} rows, {found[part]['held_mb']:.0f} MB held at the end")
    times = found["scan"]["cpu_seconds"] / found["calm"]["cpu_seconds"]
    print(f"    restored in {found['restore']['seconds']:.1f} s from {size:.0f} MB;", end=" ")
    print(f"a flow of the scan costs {times:.1f} times a calm one")


_TITLES = {
    "count": "edges counted",
    "restore": "edges restored",
    "calm": "100 addresses",
    "scan": "scan",
}


def _of_edges(part: str, number: int, folder: str) -> Figures:
    """A part of `benchmarks.edges`, on one core."""
    core = str(max(os.sched_getaffinity(0)))
    command = ["taskset", "-c", core, sys.executable, "-m", "benchmarks.edges"]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run(
        [*command, part, str(number), folder], check=True, stdout=subprocess.PIPE, env=environment
    )
    figures: Figures = json.loads(done.stdout)
    return figures


def _without_edges(made: Simulation) -> Path:
    """The simulated pipeline without `encode_matrix`."""
    document = yaml.safe_load(made.config.read_text())
    document["stages"] = [one for one in document["stages"] if one["type"] != "encode_matrix"]
    config = made.config.with_name(f"{made.config.stem}.plain.yaml")
    config.write_text(yaml.safe_dump(document))
    return config


def _shown(figures: Figures) -> str:
    scrapes = figures["scrapes_ms"]
    meanwhile = f", while flows come in {statistics.median(scrapes):.0f} ms" if scrapes else ""
    size = f"{figures['series']:,} series ({figures['exposition_bytes'] / 1e6:.1f} MB)"
    return f"    exposition of {size}: {figures['exposition_ms']:.0f} ms{meanwhile}"


def _growth(flows: int, results: Results) -> None:
    runs = results.runs
    print("\ngrowth with pods (1,000 workloads)")
    for pods in (1_000, 10_000, 100_000):
        shape = Shape(pods=pods, nodes=max(20, pods // 200), workloads=1_000, services=500)
        figures = _median(_without_edges(_cluster(flows, shape)), runs)
        print(_line(f"{pods:>9,} pods", figures, results))
    print("\ngrowth with series (label sets of one counter, exposed while flows come in)")
    made = _cluster(flows, Shape(pods=10_000, nodes=100, workloads=1_000, services=500))
    for label, fields in (
        ("about 1k", ["SrcK8S_OwnerName"]),
        ("about 100k", ["SrcK8S_OwnerName", "DstK8S_OwnerName"]),
        ("about 1M", ["SrcAddr", "DstAddr", "SrcPort", "DstPort"]),
    ):
        config = _with_metrics(made, [_metric("grown", fields)], label.split()[-1])
        figures = _median(config, runs, "--scrape")
        print(_line(f"{label} series", figures, results))
        print(_shown(figures))
    print("\ngrowth with metrics (three labels each, no two alike)")
    for number in (1, 10, 50):
        metrics = [_metric(f"m{i}", [*_LABELS[i % 5], "Proto"], i) for i in range(number)]
        config = _with_metrics(made, metrics, f"m{number}")
        print(_line(f"{number:>9} metrics", _median(config, runs), results))


_LABELS = [
    ["SrcK8S_Namespace", "DstK8S_Namespace"],
    ["SrcK8S_OwnerName", "SrcK8S_OwnerType"],
    ["DstK8S_OwnerName", "DstK8S_OwnerType"],
    ["SrcSubnetLabel", "DstSubnetLabel"],
    ["SrcK8S_Namespace", "DstPort"],
]


def _metric(name: str, labels: list[str], threshold: int = 0) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": "Counter", "labels": labels}
    if threshold:
        spec["filters"] = [{"field": "DstPort", "matchType": "NotEqual", "value": str(threshold)}]
    return {
        "apiVersion": "flows.netobserv.io/v1alpha1",
        "kind": "FlowMetric",
        "metadata": {"name": name, "namespace": "netobserv"},
        "spec": spec,
    }


def _with_metrics(made: Simulation, metrics: list[dict[str, Any]], name: str) -> Path:
    """The simulated pipeline with these FlowMetrics instead of its own."""
    name = name.replace(" ", "-")
    resources = made.config.with_name(f"{made.config.stem}.{name}.metrics.yaml")
    resources.write_text(yaml.safe_dump_all(metrics))
    document = yaml.safe_load(_without_edges(made).read_text())
    for stage in document["stages"]:
        if stage["type"] == "flow_metrics":
            stage["files"] = [resources.name]
    config = made.config.with_name(f"{made.config.stem}.{name}.yaml")
    config.write_text(yaml.safe_dump({"limits": {"max_series": 2_000_000}, **document}))
    return config


def _cluster(flows: int, shape: Shape) -> Simulation:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    folder = cache / "bench" / f"{flows}-{shape.pods}-{shape.workloads}"
    return simulate("cluster", folder / "cluster.pb", flows=flows, seed=1, shape=shape)


def _median(config: Path, runs: int, *options: str) -> Figures:
    found = [measured(config, *options) for _ in range(runs)]
    whole = dict(found[0])
    for name in ("seconds", "cpu_seconds", "rss_mb", "exposition_ms"):
        whole[name] = statistics.median(figures[name] for figures in found)
    whole["scrapes_ms"] = [ms for figures in found for ms in figures["scrapes_ms"]]
    whole["sums"] = all(figures["sums"] for figures in found)
    return whole


def _line(what: str, figures: Figures, results: Results) -> str:
    """A row of the table, which becomes one of the results."""
    flows = figures["messages"]
    row = Row(
        flows_s=flows / figures["seconds"],
        cpu_us=figures["cpu_seconds"] / flows * 1e6,
        peak_mb=figures["rss_mb"],
    )
    results.rows[what.strip()] = row
    return (
        f"  {what:<18} {row.flows_s:>11,.0f} flows/s  {row.cpu_us:5.2f} us CPU a flow"
        f"  {row.peak_mb:5.0f} MB  {'' if figures['sums'] else 'COUNTS DO NOT ADD UP'}"
    ).rstrip()


def _account(figures: Figures) -> None:
    read, rejected = figures["messages"], figures["rejected"]
    print(
        f"  in {read:,.0f} = decoded {read - rejected:,.0f} + rejected {rejected:,.0f};"
        f" each metric: in = counted + filtered + rejected: {figures['sums']}"
    )


if __name__ == "__main__":
    main()

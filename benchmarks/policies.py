"""`python -m benchmarks.policies`: what policies of a whole cluster cost: processor time."""

from __future__ import annotations

import os
import resource
import time

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import random
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from matrix.edges import EDGES, Evidence, State
from pipeline.kube.inventory import file
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext
from policy.files import load
from policy.generate.build import Options, generate
from policy.generate.objects import Kind, manifests
from policy.generate.text import dump
from policy.objects import Cluster, Manifest
from policy.verify.verification import verify
from stages.policy_verdict import PolicyVerdict

NAMESPACES, WORKLOADS, PODS, FLOWS = 50, 600, 3_000, 1_000_000
_PEERS, _PORTS = 15, (80, 443, 5432, 6379, 8080, 8443, 9090, 9092)
_NODES = 100
_BATCH = 50_000
_OWNER = {"kind": "OwnerType", "namespace": "Namespace", "workload": "OwnerName"}
_LABELS = [
    Label("EXT:S3", [f"198.51.{number}.0/24" for number in range(8)]),
    Label("Machines", ["10.0.0.0/16"]),
    Label("Pods", ["10.128.0.0/14"]),
]


def objects() -> list[Manifest]:
    """Namespaces, nodes, Deployments and their pods."""
    made: list[Manifest] = [
        {"kind": "Namespace", "metadata": {"name": f"ns-{number}"}} for number in range(NAMESPACES)
    ]
    made += [
        {
            "kind": "Node",
            "metadata": {"name": f"node-{number}"},
            "status": {"addresses": [{"type": "InternalIP", "address": f"10.0.0.{number + 1}"}]},
        }
        for number in range(_NODES)
    ]
    for number in range(WORKLOADS):
        labels = {"app": f"app-{number}"}
        meta = {"namespace": f"ns-{number % NAMESPACES}", "name": f"app-{number}"}
        spec = {"selector": {"matchLabels": labels}}
        made.append({"kind": "Deployment", "metadata": meta, "spec": spec})
        for pod in range(PODS // WORKLOADS):
            owners = [{"kind": "Deployment", "name": meta["name"], "controller": True}]
            own = meta | {"name": f"app-{number}-{pod}", "labels": labels}
            address = f"10.{128 + pod % 4}.{number // 200}.{number % 200 + 1}"
            made.append(
                {
                    "kind": "Pod",
                    "metadata": own | {"ownerReferences": owners},
                    "spec": {"nodeName": f"node-{number % _NODES}"},
                    "status": {"podIP": address, "hostIP": f"10.0.0.{number % _NODES + 1}"},
                }
            )
    return made


def edges() -> pl.DataFrame:
    """Each workload opens connections to others, to the networks of a label, and has probes."""
    draw, rows = random.Random(0), list[dict[str, Any]]()
    for number in range(WORKLOADS):
        own = _end("client", "Deployment", number)
        for _ in range(_PEERS):
            server = _end("server", "Deployment", draw.randrange(WORKLOADS))
            rows.append(own | server | {"port": draw.choice(_PORTS)})
        rows.append(own | {"server_label": "EXT:S3", "port": 443})
        node = {"client_kind": "Node", "client_workload": f"node-{number % _NODES}"}
        rows.append(node | _end("server", "Deployment", number) | {"port": 8081})
    nothing: dict[str, Any] = {
        name: [] if dtype == pl.List(pl.String()) else 0 if dtype.is_numeric() else ""
        for name, dtype in EDGES.items()
    }
    usual = {"protocol": "TCP", "state": State.ESTABLISHED, "evidence": Evidence.SYN}
    return pl.DataFrame([nothing | usual | row for row in rows], schema=EDGES)


def _end(side: str, kind: str, number: int) -> dict[str, str]:
    found = {"kind": kind, "namespace": f"ns-{number % NAMESPACES}", "workload": f"app-{number}"}
    return {f"{side}_{name}": value for name, value in found.items()}


def main() -> None:
    """Print a line for `policy generate` and one for `policy verify`."""
    given, seen = objects(), edges()
    namespaces = tuple(f"ns-{number}" for number in range(NAMESPACES))
    start = time.process_time()
    found = generate(seen, given, _LABELS, Options(namespaces=namespaces))
    text = dump(manifests(found.drafts, Kind.NETWORK_POLICY, found.report))
    seconds = time.process_time() - start
    print(
        f"policy generate: {PODS:,} pods, {WORKLOADS} workloads, {NAMESPACES} namespaces, "
        f"{seen.height:,} edges: {len(found.drafts)} policies, {len(text) / 1e6:.1f} MB of YAML "
        f"in {seconds:.1f} s, {_peak():.0f} MB"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "policies.yaml").write_text(text, encoding="utf-8")
        file.write(given, folder / "objects.json")
        _verify(folder, given, seen)
        _audit(folder, seen)


def _verify(folder: Path, given: list[Manifest], seen: pl.DataFrame) -> None:
    """Policies are read from YAML, as a user has them; the edges stand for FLOWS flows."""
    frame = seen.with_columns(flows=pl.lit(FLOWS // seen.height).cast(pl.Int64))
    start = time.process_time()
    policies = load(["policies.yaml"], folder).policies
    read = time.process_time() - start
    found = verify(policies, frame, Cluster(given), _LABELS)
    seconds = time.process_time() - start
    seen_, lost = found.coverage(), found.lost().height
    print(
        f"policy verify: {len(policies)} policies, {seen_.edges:,} edges of {seen_.flows:,} flows: "
        f"{lost} denied, {found.unused.height} permissions never seen in {seconds:.1f} s "
        f"({read:.1f} s to read the policies), {_peak():.0f} MB"
    )


def _audit(folder: Path, seen: pl.DataFrame) -> None:
    """The stage `policy_verdict`, over batches of flows of these edges."""
    stage = PolicyVerdict(name="v", policies=["policies.yaml"], inventory="objects.json")
    start = time.process_time()
    built = stage.build(BuildContext(folder=folder))
    read, times = time.process_time() - start, list[float]()
    for number in range(FLOWS // _BATCH):
        batch = _flows(seen, number)
        start = time.process_time()
        built(batch)
        times.append(time.process_time() - start)
    usual = min(times) / _BATCH * 1e9
    print(
        f"policy_verdict: {FLOWS:,} flows in {sum(times):.1f} s, the first {_BATCH:,} in "
        f"{times[0]:.1f} s, later {usual:.0f} ns a flow ({read:.1f} s to build), {_peak():.0f} MB"
    )


def _flows(seen: pl.DataFrame, number: int) -> pl.DataFrame:
    """A batch of enriched flows that open connections of the edges."""
    rows = seen.with_row_index("edge").sample(_BATCH, with_replacement=True, seed=number)
    ends = {
        f"{end}K8S_{field}": pl.when(pl.col(f"{side}_{own}") != "").then(f"{side}_{own}")
        for end, side in (("Src", "client"), ("Dst", "server"))
        for own, field in _OWNER.items()
    }
    octet = pl.col("edge") % 256
    return rows.select(
        **ends,
        SrcAddr=pl.format("10.0.0.{}", octet),
        DstAddr=pl.format("198.51.1.{}", octet),
        SrcPort=pl.lit(40_000),
        DstPort="port",
        Proto=pl.lit(6),
        Flags=pl.lit(2),
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()

"""What it costs to make a flow ready for a server: lines, records, objects (part of `make bench`).

The network and the servers are left out, but for the datagrams of IPFIX, which nobody reads;
printing to standard output is beside them.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from pipeline.flows.jsonl import json_lines
from pipeline.flows.printing import printer
from pipeline.push.loki_client import push_request
from pipeline.push.otlp_client import logs, traces
from pipeline.stage import BuildContext
from stages.write_ipfix import WriteIpfix
from stages.write_loki import WriteLoki

_BATCH = 10_000
_LABELS = ["SrcK8S_Namespace", "DstK8S_Namespace", "FlowDirection"]


def main() -> None:
    """Print processor time for each flow."""
    flows = _flows()
    loki = WriteLoki(name="l", follows="f", url="http://l", labels=_LABELS).build(BuildContext())
    ways: dict[str, Callable[[], object]] = {
        "write_loki": lambda: _loki(loki(flows)),
        "encode_s3, as JSON": lambda: json_lines(flows),
        "encode_otlplogs": lambda: logs(flows, "bench"),
        "encode_otlptraces": lambda: traces(flows, "bench", ("Src", "Dst")),
        "write_stdout, printf": lambda: printer("printf", integers=True, now=time.time)(flows),
    }
    print(f"\nwriters, flows of {flows.width} fields, {_BATCH:,} a batch")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        ways["write_ipfix, over UDP"] = _ipfix(unread.getsockname()[1], flows)
        for name, way in ways.items():
            print(f"  {name:<22} {_cost(way):6.2f} us CPU a flow")


def _loki(lines: object) -> None:
    if isinstance(lines, pl.DataFrame):
        push_request(lines, 0)


def _ipfix(port: int, flows: pl.DataFrame) -> Callable[[], None]:
    stage = WriteIpfix(name="i", follows="f", target=f"127.0.0.1:{port}", transport="udp")
    ready, exporter = stage.build(BuildContext()), stage.destination(Path()).connect()

    def send() -> None:
        records = ready(flows)
        if isinstance(records, pl.DataFrame):
            exporter.send(records)

    return send


def _cost(way: Callable[[], object]) -> float:
    """Microseconds of processor time for each flow, the best of three."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        way()
        found.append((time.process_time() - begun) / _BATCH * 1e6)
    return min(found)


def _flows() -> pl.DataFrame:
    """Enriched flows, as they are written."""
    n = pl.int_range(_BATCH)
    name = pl.format("app-{}", n % 50)
    ends = [
        value.alias(f"{end}{field}")
        for end in ("Src", "Dst")
        for field, value in {
            "Addr": pl.format("10.{}.{}.{}", n % 4, n // 256 % 256, n % 256),
            "Port": (1_024 + n).cast(pl.UInt16),
            "K8S_Namespace": pl.format("team-{}", n % 20),
            "K8S_Name": name,
            "K8S_OwnerName": name,
            "K8S_OwnerType": pl.lit("Deployment"),
            "K8S_HostName": pl.format("node-{}", n % 9),
        }.items()
    ]
    return pl.select(
        n.alias("Packets").cast(pl.UInt32),
        (n * 1_500).cast(pl.UInt64).alias("Bytes"),
        (1_700_000_000_000 + n).alias("TimeFlowEndMs"),
        (1_700_000_000_000 - n).alias("TimeFlowStartMs"),
        pl.lit(1_700_000_000).alias("TimeReceived"),
        pl.lit(6, pl.UInt8).alias("Proto"),
        (n % 2).cast(pl.UInt8).alias("FlowDirection"),
        *ends,
    )


if __name__ == "__main__":
    main()

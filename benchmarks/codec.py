"""What JSON costs: decoding, beside readers of libraries and one payload at a time; `encode_kafka`.

Part of `make bench`; alone: `python -m benchmarks.codec`, which keeps its figures as JSON.
"""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.json as pj

from benchmarks.results import Results, Row
from pipeline import config
from pipeline.cli.entry import COLLECTED
from pipeline.decode import json, json_rows, protobuf
from pipeline.decode.objects import MAX_BYTES
from pipeline.flows.jsonl import json_lines
from pipeline.stage import BuildContext, SourceContext
from simulate import Shape, simulate
from stages.encode_kafka import EncodeKafka
from stages.ingest_file import IngestFile
from stages.kubernetes import Kubernetes

_FLOWS, _BATCH, _ROUNDS = 100_000, 20_000, 5
_SHAPE = Shape(pods=10_000, nodes=100, workloads=1_000, services=500)
_METRICS = frozenset({"SrcAddr", "DstAddr", "DstPort", "Proto", "Flags", "Bytes", "TimeFlowEndMs"})
"""What the stages of the main figure of `make bench` read."""


def main() -> None:
    """Print processor time for each flow, the least of some rounds; keep it."""
    gc.set_threshold(COLLECTED)  # as the command does
    results = Results("codec", _ROUNDS)
    agents, enriched = _frames()
    for title, flows in (("agents' flows", agents), ("enriched flows", enriched)):
        lines = [line.encode() for frame in flows for line in json_lines(frame)]
        print(f"JSON, {title}, {sum(map(len, lines)) / len(lines):.0f} bytes each")
        batches = [lines[at : at + _BATCH] for at in range(0, len(lines), _BATCH)]
        for what, needed in (("all fields", None), ("fields of metrics", _METRICS)):
            context = BuildContext(needed=needed)
            decode = json.decoder(context)
            _line(results, f"{title}, {what}", decode, batches)
            for reader, read in _readers(decode(batches[0]).flows.schema):
                _line(results, f"{title}, {what}, {reader} alone", read, batches)
            _line(results, f"{title}, {what}, one by one", _one_by_one(context), batches)
        for key in ("conversation", "none"):
            stage = EncodeKafka(name="out", brokers=["localhost:9092"], topic="t", key=key)
            _line(results, f"{title}, encode_kafka, key {key}", stage.build(BuildContext()), flows)
    print(f"kept in {results.write()}")


def _readers(schema: pl.Schema) -> Iterator[tuple[str, Callable[[list[bytes]], Any]]]:
    """Readers of libraries, given the types: they check nothing. Structs are not yet columns."""
    types = [
        (name, pa.float64() if dtype.is_numeric() else _plain(dtype))
        for name, dtype in schema.items()
    ]
    parse = pj.ParseOptions(explicit_schema=pa.schema(types), unexpected_field_behavior="ignore")
    wide = {name: pl.Int64() if dtype.is_integer() else dtype for name, dtype in schema.items()}
    struct = msgspec.json.Decoder(
        msgspec.defstruct("Flow", [(name, Any, None) for name in schema], gc=False)
    )

    def arrow(lines: list[bytes]) -> pa.Table:
        block = b"\n".join(lines)
        one = pj.ReadOptions(use_threads=False, block_size=len(block) + 1)
        return pj.read_json(pa.BufferReader(block), read_options=one, parse_options=parse)

    yield "Arrow's reader", arrow
    yield "Polars' reader", lambda lines: pl.read_ndjson(b"\n".join(lines), schema=wide)
    yield "msgspec's structs", lambda lines: deque(map(struct.decode, lines), maxlen=0)


def _plain(dtype: pl.DataType) -> pa.DataType:
    if isinstance(dtype, pl.List):
        numbers = pl.List(pl.String()) != dtype
        return pa.list_(pa.float64() if numbers else pa.string())
    return pa.bool_() if dtype == pl.Boolean() else pa.string()


def _one_by_one(context: BuildContext) -> Callable[[list[bytes]], Any]:
    return lambda payloads: json_rows.read(payloads, context, MAX_BYTES)


def _frames() -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Batches of flows as agents send them, and the same enriched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flowmatrix"
    folder = cache / "bench" / f"{_FLOWS}-{_SHAPE.pods}-{_SHAPE.workloads}"
    made = simulate("cluster", folder / "cluster.pb", flows=_FLOWS, seed=1, shape=_SHAPE)
    stages = config.load(made.config).stages
    source = next(stage for stage in stages if isinstance(stage, IngestFile))
    enrich = next(stage for stage in stages if isinstance(stage, Kubernetes))
    context = BuildContext(folder=made.config.parent)
    payloads = [one for chunk in source.chunks(SourceContext(folder)) for one in chunk]
    decode, step = protobuf.decoder(context), enrich.build(context)
    agents = [decode(payloads[at : at + _BATCH]).flows for at in range(0, _FLOWS, _BATCH)]
    return agents, [step(flows) for flows in agents]


def _line(
    results: Results, title: str, work: Callable[[Any], object], batches: Sequence[Any]
) -> None:
    """Measure a title's work, print it, and keep it."""
    for batch in batches[:2]:
        work(batch)
    rounds = [_seconds(work, batches) for _ in range(_ROUNDS)]
    wall, cpu = (min(times) / _FLOWS for times in zip(*rounds, strict=True))
    print(f"  {title:<75} {cpu * 1e6:6.2f} us CPU a flow")
    results.rows[title] = Row(flows_s=1 / wall, cpu_us=cpu * 1e6)


def _seconds(work: Callable[[Any], object], batches: Sequence[Any]) -> tuple[float, float]:
    """Wall clock and processor time of all batches."""
    begun, cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        work(batch)
    return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    main()

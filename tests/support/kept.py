"""Flows in Parquet files, as a stage `write_parquet` keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from pipeline.flows import values
from pipeline.parquet.conversion import convert
from pipeline.parquet.spool import Spool

_USUAL = {"SrcPort": 40_000, "DstPort": 443, "Proto": 6, "Bytes": 10, "Packets": 1}


def parquet(path: Path, *batches: pl.DataFrame) -> Path:
    """A file of these flows."""
    spool = Spool(path.with_name(f".{path.stem}.spool"))
    for batch in batches:
        spool.append(batch.drop(values.NUMBER, strict=False))
    spool.close()
    assert convert(spool.path)
    return path


def flow(second: int, **more: Any) -> dict[str, Any]:
    """A flow that was seen at this second, of an address of its own."""
    ends = {"SrcAddr": f"10.0.0.{second % 200}", "DstAddr": "10.1.0.1"}
    return {**_USUAL, **ends, "TimeFlowEndMs": second * 1000, **more}

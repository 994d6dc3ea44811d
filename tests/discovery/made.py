"""Edges and ranges by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from discovery import ranges
from discovery.vendors import Listing, Range
from matrix.edges import EDGES

LOKI = {"client_kind": "StatefulSet", "client_namespace": "noo-loki"}


def edge(server_address: str = "", **fields: Any) -> dict[str, Any]:
    """An edge from a workload to an address, unless told otherwise."""
    plain: dict[str, Any] = {
        **{name: _zero(dtype) for name, dtype in EDGES.items()},
        "client_kind": "Deployment",
        "client_namespace": "shop",
        "client_workload": "web",
        "server_address": server_address,
        "protocol": "TCP",
        "port": 443,
        "flows": 1,
        "bytes": 100,
        "state": "established",
        "evidence": "syn",
        "first_seen": 1000.0,
        "last_seen": 2000.0,
    }
    unknown = set(fields) - set(plain)
    assert not unknown
    return plain | fields


def _zero(dtype: pl.DataType) -> Any:
    if isinstance(dtype, pl.List):
        return []
    return 0 if dtype.is_numeric() else ""


def edges(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """A frame of edges."""
    return pl.DataFrame(list(rows), EDGES)


def known(*rows: Range, title: str = "a list") -> pl.DataFrame:
    """RANGES of cidr, provider, service and region."""
    return ranges.frame({"list.json": Listing(title, list(rows))})


AWS: tuple[Range, ...] = tuple(
    (cidr, "AWS", service, "eu-west-3")
    for service, cidrs in {
        "AMAZON": (
            "3.5.204.0/22",
            "3.5.224.0/22",
            "16.12.18.0/23",
            "13.36.0.0/14",
            "2600:1f00::/24",
        ),
        "EC2": ("3.5.204.0/22", "3.5.224.0/22", "13.36.0.0/14"),
        "S3": (
            *("16.12.20.0/24", "52.95.156.0/24", "3.5.204.0/22", "52.95.154.0/23", "16.12.18.0/23"),
            *("3.5.224.0/22", "13.36.84.48/28", "13.36.84.64/28"),
            *("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24", "2600:1ffa:8000::/40"),
        ),
    }.items()
    for cidr in cidrs
)
"""Three services of AWS in a region, whose ranges are partly the same."""
SEEN = ("3.5.206.141", "3.5.205.175", "3.5.205.38")
"""Addresses of S3 in the post about the flow matrix."""

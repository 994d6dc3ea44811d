"""The ranges that providers publish, of all lists at hand, in one frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from discovery import networks, vendors
from discovery.vendors import Listing
from pipeline.diagnostics import Location, refusal
from pipeline.files import content

_MOST = 1 << 26
"""Bytes of a list; those of the large providers have some millions."""
GROUP = ("provider", "service", "region")
"""What one label is proposed for."""
RANGES = pl.Schema(
    {
        "cidr": pl.String(),
        **dict.fromkeys(GROUP, pl.String()),
        "list": pl.String(),
        **networks.NUMBERS,
        "published": pl.Float64(),
    }
)
"""A row for each range of each service. `list` is the list it is from, with its version.

`published` is how many addresses of this version (4 or 6) its provider publishes for the service
and region: the fewer, the narrower the service.
"""


def read(paths: Iterable[Path]) -> pl.DataFrame:
    """The RANGES of files. Raises ConfigError for one that cannot be read, and OSError."""
    listings = {str(path): vendors.listing(content(path, _MOST), str(path)) for path in paths}
    return frame(listings)


def frame(listings: dict[str, Listing]) -> pl.DataFrame:
    """The RANGES of listings by their files. Raises ConfigError: a range is not a valid CIDR."""
    empty = RANGES.to_frame().drop("published")
    rows = pl.concat([empty, *(_rows(file, found) for file, found in listings.items())])
    rows = rows.unique(["cidr", *GROUP], keep="first", maintain_order=True)
    addresses = pl.lit(2.0).pow(networks.BITS - pl.col("length").cast(pl.Float64()))
    published = addresses.sum().over(*GROUP, "version").alias("published")
    return rows.with_columns(published).match_to_schema(RANGES)


def _rows(file: str, found: Listing) -> pl.DataFrame:
    schema = {"text": pl.String(), **dict.fromkeys(GROUP, pl.String())}
    given = pl.DataFrame(found.ranges, schema, orient="row")
    known = networks.numbered(given["text"])
    unknown = given.with_row_index("number", 1).join(known, on="text", how="anti")
    if unknown.height:
        number, text, *group = unknown.row(0)
        where = " ".join(filter(None, group))
        raise refusal(Location(file), f'range {number} ({where}): "{text}" is not a valid CIDR')
    joined = given.join(known, on="text", maintain_order="left")
    columns = [name for name in RANGES if name != "published"]
    return joined.with_columns(pl.lit(found.title).alias("list")).select(columns)


def titles(ranges: pl.DataFrame) -> list[str]:
    """The lists that ranges are from, in their order."""
    return ranges["list"].unique(maintain_order=True).to_list()


def of_group(ranges: pl.DataFrame, group: Sequence[str]) -> pl.DataFrame:
    """The ranges of one provider, service and region."""
    return ranges.filter(pl.col(name) == value for name, value in zip(GROUP, group, strict=True))

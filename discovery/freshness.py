"""Whether subnet labels still have all that a provider publishes for the service they name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from discovery import networks
from discovery.ranges import GROUP, of_group
from pipeline.kube.subnets import Label


class Stale(NamedTuple):
    """A label that a list of ranges knows more of.

    `lacking`: ranges of the service and region that are not in the label. `withdrawn`: CIDRs of
    the label that the list does not have any more.
    """

    name: str
    provider: str
    service: str
    region: str
    list: str
    lacking: tuple[str, ...]
    withdrawn: tuple[str, ...]


def stale(labels: Iterable[Label], known: pl.DataFrame) -> list[Stale]:
    """The labels that lack ranges of RANGES, or have some that were withdrawn, in their order.

    A label is taken for that of the service and region which publishes most of its CIDRs, at
    least half of them, and of several the narrowest service. Labels of one name are one.
    """
    by_name: dict[str, list[str]] = {}
    for label in labels:
        by_name.setdefault(label.name, []).extend(label.cidrs)
    found = (_compared(name, cidrs, known) for name, cidrs in by_name.items())
    return [one for one in found if one and (one.lacking or one.withdrawn)]


def _compared(name: str, cidrs: list[str], known: pl.DataFrame) -> Stale | None:
    own = networks.numbered(pl.Series(cidrs, dtype=pl.String()))["cidr"].unique()
    group = _group(own, known)
    if group is None:
        return None
    published = of_group(known, group)
    texts = published["cidr"].to_list()
    return Stale(
        name,
        *group,
        published["list"][0],
        tuple(networks.beyond(networks.outermost(texts), own)),
        tuple(networks.beyond(own, texts)),
    )


def _group(own: pl.Series, known: pl.DataFrame) -> tuple[str, str, str] | None:
    listed = known.filter(pl.col("cidr").is_in(own.implode()))
    counted = listed.group_by(GROUP).agg(pl.col("cidr").n_unique(), pl.col("published").min())
    best = counted.filter(pl.col("cidr") * 2 >= own.len())
    best = best.sort("cidr", "published", *GROUP, descending=[True, *[False] * 4])
    return best.select(GROUP).row(0) if best.height else None

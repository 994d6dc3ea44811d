"""Which network each unnamed address is put into: a provider's range, or one made to cover it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from discovery import names, networks
from discovery.cover import SPREAD, cover
from discovery.ranges import GROUP
from discovery.special import purpose
from pipeline.flows.cidr import Address, Network
from pipeline.flows.prefix_table import PrefixTable

_RANK = ("address", "published", "outer_length", *GROUP)
_NARROWEST = (False, False, True, False, False, False)


class Rules(NamedTuple):
    """How networks are made and named.

    `spread`: see cover. `taken`: networks that have a name already. `prefix`: of every name.
    """

    spread: int = SPREAD
    taken: tuple[Network, ...] = ()
    prefix: str = names.EXTERNAL


class Placed(NamedTuple):
    """The addresses in their networks, and all ranges around them.

    `rows`: `address` (as given), `name`, `cidr`, `provider`, `service`, `region`, `list`,
    `purpose` (String), a row for each address. `hits`: `address`, then RANGES without NUMBERS,
    a row for each range around it.
    """

    rows: pl.DataFrame
    hits: pl.DataFrame


def place(addresses: pl.Series, ranges: pl.DataFrame, rules: Rules) -> Placed:
    """Place each distinct address (or network, as String) of a column.

    Of the ranges around it that of the service which publishes the fewest addresses is taken,
    then the narrowest. Others are covered, each special purpose by itself.
    """
    seen = networks.numbered(addresses).rename({"text": "address"})
    hits = networks.containing(seen.drop("cidr"), ranges)
    hits = hits.sort(_RANK, descending=_NARROWEST)
    best = hits.unique("address", keep="first", maintain_order=True)
    rest = seen.join(best, on="address", how="anti")
    rows = pl.concat(
        [_named(best, rules.prefix), _covered(rest, rules)], how="diagonal"
    ).with_columns(pl.col(*GROUP, "list", "purpose").fill_null(""))
    return Placed(rows, hits)


def _named(best: pl.DataFrame, prefix: str) -> pl.DataFrame:
    groups = best.select(GROUP).unique()
    texts = [names.name(*group, prefix=prefix) for group in groups.rows()]
    named = groups.with_columns(pl.Series("name", texts, pl.String()))
    return best.join(named, on=GROUP).select("address", "name", "cidr", *GROUP, "list")


def _covered(rest: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    blocks = list(_blocks(networks.read(rest["cidr"]), rules))
    found = [(str(net), names.of_network(net, why, rules.prefix), why) for net, why in blocks]
    schema = {"cidr": pl.String(), "name": pl.String(), "purpose": pl.String()}
    made = pl.DataFrame(found, schema, orient="row")
    numbers = networks.numbered(made["cidr"]).drop("text")
    inside = networks.containing(rest.drop("cidr"), made.join(numbers, on="cidr"))
    return inside.select("address", "name", "cidr", "purpose")


def _blocks(seen: list[Network], rules: Rules) -> Iterator[tuple[Network, str]]:
    """Networks around those seen, which do not overlap, and the special purpose of each."""
    wide = networks.collapsed(net for net in seen if net.num_addresses > 1)
    around = PrefixTable((net, True) for net in wide)
    single: dict[str, list[Address]] = {}
    for net in seen:
        if not around.first(net.network_address):
            place = net.network_address
            single.setdefault(purpose(place), []).append(place)
    yield from ((net, purpose(net.network_address)) for net in wide)
    for why, places in sorted(single.items()):
        yield from ((net, why) for net in cover(places, rules.spread, (*rules.taken, *wide)))

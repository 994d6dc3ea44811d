"""Names proposed for unnamed peers, each with its evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from discovery import asked, names, networks
from discovery.placing import Placed, Rules, place
from discovery.ranges import GROUP


class Workload(msgspec.Struct, frozen=True):
    """A workload that talks to a peer."""

    namespace: str
    kind: str
    workload: str


class Alternative(msgspec.Struct, frozen=True):
    """Another service whose ranges the addresses are in as well."""

    name: str
    provider: str
    service: str
    region: str
    cidrs: list[str]


class AskedName(msgspec.Struct, frozen=True):
    """A DNS name that a client asked for just before it reached so many of the addresses."""

    name: str
    addresses: int


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A subnet label that would name peers, and why.

    `addresses` are those seen, `opened` is how many the CIDRs have. `further` are the other ranges
    of the same service and region. `purpose` is that of special addresses. `bytes` and `flows` are
    of both directions, times are those of the flows in epoch seconds (null without flows).
    `asked_names` are DNS names that clients asked for just before.
    """

    name: str
    cidrs: list[str]
    opened: int
    provider: str = ""
    service: str = ""
    region: str = ""
    list: str = ""
    purpose: str = ""
    source: str = ""
    roles: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()
    ports: tuple[str, ...] = ()
    flows: int = 0
    bytes: int = 0
    first_seen: float | None = None
    last_seen: float | None = None
    addresses: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    further: tuple[str, ...] = ()
    asked_names: tuple[AskedName, ...] = ()


def propose(
    peers: pl.DataFrame,
    known: pl.DataFrame,
    questions: pl.DataFrame,
    rules: Rules | None = None,
    *,
    whole: bool = False,
) -> list[Proposal]:
    """Proposals for PEERS, most bytes first; each peer's address is in exactly one.

    `known` are RANGES, `questions` the names asked for (asked.QUESTIONS). With `whole` a
    provider's service is proposed with all its ranges, not only with those that were reached.
    """
    rules = rules or Rules()
    placed = place(peers["address"], known, rules)
    alternatives = _alternatives(placed, rules.prefix)
    told = _questions(asked.asked(peers, questions), placed.rows)
    of_service = _published(known, placed.rows)
    found = []
    for row in _summed(peers, placed.rows).to_dicts():
        published = of_service.get(tuple(row[name] for name in GROUP), [])
        cidrs = networks.outermost(published if whole and published else row["cidr"])
        evidence = _evidence(row)
        found.append(
            Proposal(
                name=row["name"],
                cidrs=cidrs,
                opened=networks.size(cidrs),
                alternatives=alternatives.get(row["name"], ()),
                further=tuple(networks.beyond(networks.outermost(published), cidrs)),
                asked_names=told.get(row["name"], ()),
                **evidence,
            )
        )
    return sorted(found, key=lambda one: (-one.bytes, one.name))


def _published(known: pl.DataFrame, rows: pl.DataFrame) -> dict[tuple[str, ...], list[str]]:
    """All ranges of each provider, service and region in which an address was placed."""
    used = known.join(rows.filter(pl.col("provider") != ""), on=GROUP, how="semi")
    return {(*group,): cidrs for *group, cidrs in used.group_by(GROUP).agg("cidr").rows()}


def _summed(peers: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """A row for each name: its networks, and what its peers have in common."""
    return (
        peers.join(rows, on="address")
        .group_by("name")
        .agg(
            pl.col("cidr", "address", "role").unique(),
            pl.col(*GROUP, "list", "purpose").first(),
            pl.struct("namespace", "kind", "workload").unique().alias("workloads"),
            pl.struct("protocol", "port").unique().alias("ports"),
            pl.col("flows", "bytes").sum(),
            pl.col("first_seen").min(),
            pl.col("last_seen").max(),
        )
    )


def _evidence(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a proposal that are in a row of `_summed`."""
    workloads = [Workload(**each) for each in row["workloads"]]
    ports = sorted(row["ports"], key=lambda one: (one["port"] or 0, one["protocol"]))
    plain = (*GROUP, "list", "purpose", "flows", "bytes", "first_seen", "last_seen")
    return {
        **{name: row[name] for name in plain},
        "roles": tuple(sorted(row["role"], reverse=True)),
        "workloads": tuple(sorted(workloads, key=msgspec.structs.astuple)),
        "ports": tuple(_port(**each) for each in ports),
        "addresses": tuple(networks.ordered(row["address"])),
    }


def _port(protocol: str, port: int | None) -> str:
    return protocol if port is None else f"{port}/{protocol}"


def _alternatives(placed: Placed, prefix: str) -> dict[str, tuple[Alternative, ...]]:
    """The other services by the name proposed, the narrowest first."""
    chosen = placed.rows.select("address", "name", *(pl.col(n).alias(f"own_{n}") for n in GROUP))
    same = [pl.col(name) == pl.col(f"own_{name}") for name in GROUP]
    others = placed.hits.join(chosen, on="address").filter(~pl.all_horizontal(same))
    summed = others.group_by("name", *GROUP).agg(pl.col("cidr").unique(), pl.col("published").min())
    found: dict[str, tuple[Alternative, ...]] = {}
    for own, *group, cidrs, _ in summed.sort("name", "published", *GROUP).rows():
        other = names.name(*group, prefix=prefix)
        provider, service, region = group
        one = Alternative(other, provider, service, region, networks.outermost(cidrs))
        found[own] = (*found.get(own, ()), one)
    return found


def _questions(told: pl.DataFrame, rows: pl.DataFrame) -> dict[str, tuple[AskedName, ...]]:
    """The names asked for by the name proposed, that of most addresses first."""
    named = told.join(rows.select("address", "name"), on="address")
    counted = named.group_by("name", "question").agg(pl.col("address").n_unique())
    found: dict[str, tuple[AskedName, ...]] = {}
    for own, text, number in counted.sort("name", -pl.col("address").cast(int), "question").rows():
        found[own] = (*found.get(own, ()), AskedName(text, number))
    return found

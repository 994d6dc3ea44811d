"""One connection, asked for by a reader: /api/v0/check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
import polars as pl
from msgspec import Meta

from page.draft import UNLISTED, Policies, draft, in_force, knows_policies, objects
from page.query import parameters, refused
from page.source import Seen
from page.times import stamp
from pipeline.api.openapi import Described
from policy.ends import End
from policy.generate.build import Options
from policy.judge.verdicts import Verdict
from policy.networkpolicy import Protocol
from policy.objects import Cluster
from policy.verify.explanation import NoEndError, end, explained

_END = "A workload (NS/NAME, KIND/NS/NAME), a node, an address, a CIDR, or a subnet label."


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A connection."""

    client: Annotated[str, Meta(description=f"Who connects. {_END}")] = msgspec.field(name="from")
    server: Annotated[str, Meta(description=f"To whom. {_END}")] = msgspec.field(name="to")
    port: Annotated[int, Meta(ge=1, le=65535, description="The port of the server.")]
    protocol: Annotated[Protocol, Meta(description="The protocol.")] = Protocol.TCP


class Opinion(msgspec.Struct, frozen=True):
    """A verdict, and sentences that say by which rule or policy."""

    verdict: str
    because: list[str]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of this connection."""

    state: str
    flows: int
    last_seen: datetime | None


class CheckPage(msgspec.Struct, frozen=True, kw_only=True):
    """/api/v0/check: what the draft of the namespaces of both ends says of a connection.

    `in_force` is what the policies of the cluster say, `seen` what was seen of it (null: never).
    """

    client: str
    server: str
    protocol: str
    port: int
    draft: Opinion
    in_force: Opinion
    seen: Past | None


DESCRIBED = Described(
    "Whether a connection is allowed: by the draft, and by the policies in force.",
    CheckPage,
    parameters(Asked),
)


def page(seen: Seen, question: Asked) -> CheckPage:
    """What policies say of a connection. Raises UnansweredError."""
    cluster = objects(seen)
    try:
        client, server = (
            end(text, cluster, seen.labels) for text in (question.client, question.server)
        )
    except NoEndError as error:
        raise refused(str(error)) from error
    spaces = sorted({client.namespace, server.namespace} - {""})
    port = question.protocol.value, question.port
    found = _seen(seen.edges(), (client, server), port)
    ends = _as_seen(found) or (client, server)
    drafted = (
        draft(seen, cluster, Options(namespaces=tuple(spaces))) if spaces else Policies([], [])
    )
    return CheckPage(
        client=str(ends[0]),
        server=str(ends[1]),
        protocol=question.protocol.value,
        port=question.port,
        draft=_opinion(drafted, cluster, seen, ends, port),
        in_force=_opinion(in_force(cluster), cluster, seen, ends, port)
        if knows_policies(cluster)
        else Opinion(Verdict.UNKNOWN.value, [UNLISTED]),
        seen=_past(found),
    )


def _opinion(
    policies: Policies,
    cluster: Cluster,
    seen: Seen,
    ends: tuple[End, End],
    port: tuple[str, int],
) -> Opinion:
    verdict, because = explained(policies.read, cluster, seen.labels, ends, port)
    return Opinion(verdict.value, because)


def _seen(edges: pl.DataFrame, ends: Sequence[End], port: tuple[str, int]) -> pl.DataFrame:
    """The edges of a connection, that which was seen last first."""
    conditions = [pl.col("protocol") == port[0], pl.col("port") == port[1]]
    for side, one in zip(("client", "server"), ends, strict=True):
        parts = ("label",) if one.label else ("kind", "namespace", "workload", "address")
        conditions += [pl.col(f"{side}_{part}") == getattr(one, part) for part in parts]
    return edges.filter(conditions).sort("last_seen", descending=True, nulls_last=True)


def _as_seen(found: pl.DataFrame) -> tuple[End, End] | None:
    """The ends with their labels, which say from which of its addresses a node connects."""
    for row in found.head(1).iter_rows(named=True):
        client, server = (
            End(*(row[f"{side}_{part}"] for part in End._fields)) for side in ("client", "server")
        )
        return client, server
    return None


def _past(found: pl.DataFrame) -> Past | None:
    for row in found.head(1).iter_rows(named=True):
        flows = int(found.select(pl.sum("flows") + pl.sum("reply_flows")).item())
        return Past(state=row["state"], flows=flows, last_seen=stamp(row["last_seen"]))
    return None

"""What policies say of edges: allowed, denied, or not theirs to decide.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies. A connection needs
the egress of its client and the ingress of its server. A pod that no policy selects for a
direction is open there; else some rule of some of these policies must match (policies add up).
Replies need no rule, and a pod always reaches itself. The documents leave undefined: pods on the
host network, the traffic of a pod's own node (which is always let through), and protocols other
than TCP, UDP and SCTP. These are *undecided* where a pod is isolated. `ipBlock` matches every
address, also those of pods: network plugins differ there.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from pipeline.kube.subnets import Label
from policy.ends import End
from policy.judge.answers import answer
from policy.judge.ends import SOMEBODY, Ends, Place, UnknownEndError
from policy.judge.groups import ANY_FAMILY, Groups
from policy.judge.tables import Tables, compile_policies
from policy.judge.verdicts import Pairs, by_edge
from policy.networkpolicy import Direction, NetworkPolicy
from policy.objects import Cluster

_CLIENT, _SERVER = "client", "server"
_PLACES = pl.Schema(
    {
        "end": pl.UInt32(),
        "place": pl.UInt32(),
        "group": pl.UInt32(),
        "family": pl.Int64(),
        "at": pl.Int32(),
        "alone": pl.String(),
    }
)
"""Endpoints behind ends; `at` is their port where it is not the one asked for, `alone` the name of
a single endpoint."""
_LOST = pl.Schema({"end": pl.UInt32(), "why": pl.String()})


class Judged(NamedTuple):
    """The verdicts of edges (policy/judge/verdicts.py), and which rules let them through.

    `hits`: edge, rule (UInt32, a number of `tables.parts`), each once.
    """

    verdicts: pl.DataFrame
    hits: pl.DataFrame
    tables: Tables


class _Side(NamedTuple):
    """One side of all edges. `ends`: edge, end; `places` and `lost` as above, by end."""

    ends: pl.DataFrame
    places: pl.DataFrame
    lost: pl.DataFrame


class Evaluator:
    """Judges edges by policies, with the objects of a cluster and the networks of labels."""

    def __init__(
        self, policies: Sequence[NetworkPolicy], cluster: Cluster, labels: Iterable[Label] = ()
    ) -> None:
        self._policies = list(policies)
        self._cluster = cluster
        self._groups = Groups(self._policies, cluster)
        self._ends = Ends(cluster, labels, self._groups)
        self._places: list[Place] = []
        self._tables: tuple[int, Tables] | None = None

    def judge(self, edges: pl.DataFrame) -> Judged:
        """The verdicts of a frame of EDGES; of its columns the ends, protocol and port are read."""
        asked, self._places = edges.with_row_index("edge"), []
        client, server = self._side(asked, _CLIENT), self._side(asked, _SERVER)
        tables = self._compiled()
        pairs = _pairs(asked, client, server)
        questions = pairs.select("client", "server", "protocol", "port").unique()
        questions = questions.with_row_index("q")
        hosts = [number for number, group in enumerate(self._groups.all) if group.on_host]
        answers = {
            direction: answer(questions, direction, tables.by_direction[direction], hosts)
            for direction in Direction
        }
        found = Pairs(
            asked.select("edge", "protocol"),
            pairs.join(questions, on=("client", "server", "protocol", "port"), nulls_equal=True),
            pl.concat([side.ends.join(side.lost, on="end") for side in (client, server)]),
            self._places,
        )
        verdicts, hits = by_edge(found, answers, tables)
        return Judged(verdicts, hits, tables)

    def _compiled(self) -> Tables:
        """The tables of all groups that were found until now."""
        number = len(self._groups.all)
        if self._tables is None or self._tables[0] != number:
            found = compile_policies(self._policies, self._groups.all, self._cluster)
            self._tables = number, found
        return self._tables[1]

    def _side(self, asked: pl.DataFrame, side: str) -> _Side:
        """The endpoints of one side, each distinct end looked up once."""
        keys = [f"{side}_{name}" for name in End._fields]
        keys += ["protocol", "port"] if side == _SERVER else []
        ends = asked.select(keys).unique(maintain_order=True).with_row_index("end")
        behind, before = array("I"), len(self._places)
        lost: list[tuple[int, str]] = []
        (nowhere,) = self._groups.of_node(())
        for end, *key in ends.iter_rows():
            try:
                places = self._ends.places(End(*key[:5]), *key[5:])
            except UnknownEndError as error:
                lost.append((end, str(error)))
                places = [Place(nowhere, None, SOMEBODY)] if error.is_outside else []
            behind.extend([end] * len(places))
            self._places += places
        own = self._places[before:]
        found = {
            "end": behind,
            "place": range(before, len(self._places)),
            "group": [place.group for place in own],
            "family": [self._groups.all[place.group].family for place in own],
            "at": [place.port for place in own],
            "alone": [place.alone for place in own],
        }
        return _Side(
            asked.join(ends, on=keys, nulls_equal=True).select("edge", "end"),
            pl.DataFrame(found, schema=_PLACES),
            pl.DataFrame(lost, schema=_LOST, orient="row"),
        )


def _pairs(asked: pl.DataFrame, client: _Side, server: _Side) -> pl.DataFrame:
    """Each pair of endpoints of an edge that can speak: of one family, not a pod with itself."""
    both = (
        asked.select("edge", "protocol", "port")
        .join(client.ends.join(client.places, on="end"), on="edge")
        .join(server.ends.join(server.places, on="end"), on="edge", suffix="_server")
        .select(
            "edge",
            "protocol",
            port=pl.coalesce("at_server", "port"),
            client="group",
            server="group_server",
            client_place="place",
            server_place="place_server",
            is_self=(pl.col("alone") == pl.col("alone_server")).fill_null(False)
            & (pl.col("group") == pl.col("group_server")),
            matches=(pl.col("family") == pl.col("family_server"))
            | (pl.col("family") == ANY_FAMILY)
            | (pl.col("family_server") == ANY_FAMILY),
        )
    )
    return both.filter("matches").drop("matches")

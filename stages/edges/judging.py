"""Verdicts of policies by connection: each distinct one is judged once, and told when denied."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import polars as pl

from pipeline.diagnostics import printable
from pipeline.flows.lookup_cache import LookupCache
from policy.ends import End
from policy.judge.evaluator import Evaluator
from policy.judge.verdicts import LOST, Verdict
from policy.networkpolicy import NetworkPolicy
from policy.objects import Cluster
from stages.edges.connections import SEPARATOR

_LOG = logging.getLogger(__name__)
_AGAIN, _MINUTE, _LINES = 3600.0, 60.0, 10
"""Seconds until a connection is told again, and the most lines in so many seconds."""
_KEPT = 100_000
"""Connections that are remembered as told."""
_PARTS = ("kind", "namespace", "workload", "address")
_KEY = (*(f"{side}_{part}" for side in ("client", "server") for part in _PARTS), "protocol", "port")


class Judge:
    """Judges connections by policies, with the objects of the cluster that it knows at present.

    `clock` gives seconds, for the log.
    """

    def __init__(
        self, policies: Sequence[NetworkPolicy], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policies = policies
        self._denials = _Denials(clock)
        self.know(Cluster(()))

    def know(self, cluster: Cluster) -> None:
        """Judge with these objects from now on; between batches only."""
        self._evaluator = Evaluator(self._policies, cluster)
        self._known = LookupCache(self._judged)

    def verdicts(self, connections: pl.Series) -> pl.DataFrame:
        """`verdict` (a Verdict) and `policy` (null: none) of connections, as `asked` gives them."""
        said = self._known.get(connections, ["verdict", "policy"])
        denied = said["verdict"].is_in(LOST).arg_true()
        if len(denied):
            self._denials.tell(connections.gather(denied).unique(maintain_order=True), self._why)
        return said.with_columns(pl.col("verdict").fill_null(pl.lit(Verdict.UNKNOWN.value)))

    def _why(self, connection: str) -> str:
        (row,) = self._known.get(pl.Series([connection]), ["why"]).to_series()
        return str(row)

    def _judged(self, connections: pl.Series) -> pl.DataFrame:
        asked = _edges(connections)
        found = self._evaluator.judge(asked).verdicts
        isolating = pl.col("isolated_by").list.join(", ")
        lost = pl.col("verdict").is_in(LOST)
        policies = (
            pl.when(pl.col("verdict") == Verdict.ALLOWED.value)
            .then("allowed_by")
            .otherwise("isolated_by")
        )
        names = policies.list.eval(pl.element().str.split(" ").list.first()).list.unique()
        return found.select(
            "verdict",
            policy=pl.when(policies.list.len() > 0).then(names.list.sort().list.join(", ")),
            why=pl.when(lost).then(isolating),
        )


class _Denials:
    """Tells of connections that would be denied, each once an hour, some in a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._since, self._lines = clock(), 0

    def tell(self, connections: pl.Series, why: Callable[[str], str]) -> None:
        now = self._clock()
        if now >= self._since + _MINUTE:
            self._since, self._lines = now, 0
        for connection in connections:
            if self._lines >= _LINES:
                return
            if now < self._told.get(connection, now - _AGAIN) + _AGAIN:
                continue
            if len(self._told) >= _KEPT:
                self._told.clear()
            self._told[connection] = now
            self._lines += 1
            _LOG.warning("would be denied: %s", printable(_said(connection, why(connection))))


def _said(connection: str, policies: str) -> str:
    parts = connection.split(SEPARATOR)
    client, server = (
        End(kind, namespace, workload, "", address)
        for kind, namespace, workload, address in (parts[:4], parts[4:8])
    )
    port = f" {parts[9]}" if parts[9] else ""
    return f"{client} to {server} at {parts[8]}{port}, isolated by {policies}"


def _edges(connections: pl.Series) -> pl.DataFrame:
    """What the evaluator reads of a frame of edges."""
    parts = connections.str.split_exact(SEPARATOR, len(_KEY) - 1).struct.rename_fields(_KEY)
    return parts.struct.unnest().with_columns(
        pl.col("port").cast(pl.Int32, strict=False),
        client_label=pl.lit(""),
        server_label=pl.lit(""),
    )

"""What a table of edges covers: which time, how many flows, and what is in no row."""

from __future__ import annotations

import msgspec
import polars as pl

from matrix.cells import number_text, time_text
from matrix.completeness import unopened
from matrix.edge_text import edge_text
from matrix.edges import State

_NAMED = 3


class Coverage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What edges were made of. Times are epoch seconds, null where there are no edges.

    `flows`: both ways, over all edges. `beyond`: flows that are beyond a limit and in no row.
    `rejected`: messages and flows that could not be used; null where nobody counted them.
    `reported`: flows as the agents report them, where that is known: one that both of its nodes
    report, or a Service as well, is one flow of an edge.
    """

    first_seen: float | None
    last_seen: float | None
    flows: int
    beyond: int
    rejected: int | None = None
    reported: int = 0

    @classmethod
    def of(
        cls, edges: pl.DataFrame, beyond: int, rejected: int | None, reported: int = 0
    ) -> Coverage:
        """The coverage of all edges, before any of them is left out."""
        flows: int = edges.select(pl.sum("flows") + pl.sum("reply_flows")).item()
        times = edges.select(pl.min("first_seen"), pl.max("last_seen")).row(0)
        return cls(times[0], times[1], flows, beyond, rejected, reported)

    def __str__(self) -> str:
        """A line for people."""
        window = "no flow"
        if self.first_seen is not None and self.last_seen is not None:
            window = f"{time_text(self.first_seen)} to {time_text(self.last_seen)}"
        parts = [window, f"{number_text(self.flows)} flows"]
        if self.reported > self.flows:
            parts[-1] += (
                f" (reported {number_text(self.reported)} times: by the nodes of both ends, "
                "or with a Service and what is behind it)"
            )
        if self.rejected is not None:
            parts.append(f"{number_text(self.rejected)} rejected")
        if self.beyond:
            parts.append(f"{number_text(self.beyond)} flows beyond the limit of edges, in no row")
        return f"covers {', '.join(parts)}"


def remarks(edges: pl.DataFrame) -> list[str]:
    """What a reader should know about some edges, a sentence each."""
    found = []
    uncertain = edges.filter(pl.col("state") == State.UNCERTAIN.value)
    if uncertain.height:
        found.append(f"{_counted(uncertain)} uncertain: which end is the server is not known")
    silent = pl.col("flows") + pl.col("reply_flows") == 0
    empty = edges.filter(silent, pl.col("services").list.len() > 0)
    if empty.height:
        found.append(
            f"{_counted(empty)} without numbers ({_named(empty)}): only the Service before them "
            "was seen, and its numbers stand at the first of its endpoints"
        )
    old = unopened(edges)
    if old.height:
        found.append(
            f"{_counted(old)} with connections that are older than what was seen: restart the pods "
            f"of one end to see them open ({_named(old)})"
        )
    sampling = edges["sampling"].max()
    if isinstance(sampling, int) and sampling > 1:
        found.append(f"flows are sampled (1 of {sampling}): connections are missed")
    return found


def _counted(edges: pl.DataFrame) -> str:
    """1 edge, 2 edges."""
    return f"{number_text(edges.height)} {'edge' if edges.height == 1 else 'edges'}"


def _named(edges: pl.DataFrame) -> str:
    """The first of some edges by name."""
    names = [edge_text(edge) for edge in edges.head(_NAMED).iter_rows(named=True)]
    return ", ".join([*names, "..."] if edges.height > _NAMED else names)

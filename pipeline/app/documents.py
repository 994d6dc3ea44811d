"""The JSON documents of a run's server, by their names under /api/v0/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.api import handlers, openapi
from pipeline.api.openapi import DESCRIBED, Described
from pipeline.api.server import Action, Document
from pipeline.plan.live import ActivePlan
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import CountStore


class Extra(NamedTuple):
    """What stands on top of the engine, and its description: a document, or an action (`post`)."""

    answer: Document | None
    described: Described
    post: Action | None = None


def documents(
    live: ActivePlan,
    counts: CountStore,
    resources: ResourcePool,
    extra: Mapping[str, Extra] | None = None,
) -> Mapping[str, Document]:
    """What answers a request for each document, from the plan and the counts at that moment.

    `extra` are more of them, by name.
    """
    more = extra or {}
    described = DESCRIBED | {name: one.described for name, one in more.items()}
    return {
        **{name: one.answer for name, one in more.items() if one.answer},
        openapi.PATH: lambda _: openapi.openapi(described),
        "flowmetrics": lambda _: live.plan.statuses,
        "series": lambda _: [handlers.series(table) for table in counts.tables()],
        "totals": lambda _: handlers.totals(counts),
        "progress": lambda _: handlers.progress(counts),
        "who": lambda query: handlers.who(live, resources, query),
        "inventory": lambda _: handlers.inventory(live, resources),
        "labels": lambda _: handlers.labels(live, resources),
    }


def actions(extra: Mapping[str, Extra] | None = None) -> Mapping[str, Action]:
    """What can be done, by name."""
    return {name: one.post for name, one in (extra or {}).items() if one.post}


def alone(extra: Mapping[str, Extra]) -> Mapping[str, Document]:
    """The documents of a server that is no worker, and their description."""
    described = {openapi.PATH: DESCRIBED[openapi.PATH]}
    described |= {name: one.described for name, one in extra.items()}
    found = {name: one.answer for name, one in extra.items() if one.answer}
    return {**found, openapi.PATH: lambda _: openapi.openapi(described)}

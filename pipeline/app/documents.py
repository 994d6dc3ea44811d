"""The JSON documents of a run's server, by their names under /api/v0/."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.api import handlers
from pipeline.api.server import Document
from pipeline.plan.live import ActivePlan
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import CountStore


def documents(
    live: ActivePlan, counts: CountStore, resources: ResourcePool
) -> Mapping[str, Document]:
    """What answers a request for each document, from the plan and the counts at that moment."""
    return {
        "flowmetrics": lambda _: live.plan.statuses,
        "series": lambda _: [handlers.series(table) for table in counts.tables()],
        "totals": lambda _: handlers.totals(counts),
        "progress": lambda _: handlers.progress(counts),
        "who": lambda query: handlers.who(live, resources, query),
        "inventory": lambda _: handlers.inventory(live, resources),
    }

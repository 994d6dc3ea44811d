"""What the sources of a plan consume, as one membership of one group."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from pipeline.kafka.connection import Subscription
from pipeline.plan.plan import Plan


def derived_group(pipeline: str) -> str:
    """The group of a pipeline that names none, from its identifier."""
    return f"flowmatrix-{pipeline}" if pipeline else "flowmatrix"


def subscriptions(plan: Plan) -> Mapping[str, Subscription]:
    """The subscription of each source, by its name.

    One membership can serve them all: the configuration has been checked for that. Each worker of
    one command is an instance of its own.
    """
    folder, group = plan.context.folder, derived_group(plan.context.pipeline)
    number = os.environ.get("FLOWMATRIX_WORKER")
    return {
        source.name: msgspec.structs.replace(
            found,
            group=found.group or group,
            instance=f"{found.instance}-{number}" if found.instance and number else found.instance,
        )
        for source in plan.sources
        if (found := source.subscription(folder))
    }

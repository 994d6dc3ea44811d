"""What the sources of a plan consume, as one membership of one group."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from pipeline.kafka.connection import Subscription
from pipeline.plan.plan import Plan


def subscriptions(plan: Plan) -> Mapping[str, Subscription]:
    """The subscription of each source, by its name.

    One membership can serve them all: the configuration has been checked for that. Each worker of
    one command is an instance of its own.
    """
    folder = plan.context.folder
    found = {
        source.name: subscription
        for source in plan.sources
        if (subscription := source.subscription(folder))
    }
    number = os.environ.get("FLOWMATRIX_WORKER")
    return {
        name: msgspec.structs.replace(subscription, instance=f"{subscription.instance}-{number}")
        if subscription.instance and number
        else subscription
        for name, subscription in found.items()
    }

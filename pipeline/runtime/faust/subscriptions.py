"""What the sources of a plan consume, as one membership of one group."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from pipeline.kafka.connection import BrokerError, Subscription
from pipeline.plan.plan import Plan


def subscriptions(plan: Plan) -> Mapping[str, Subscription]:
    """The subscription of each source, by its name.

    Raises BrokerError when one membership cannot serve them all.
    """
    found: dict[str, Subscription] = {}
    for source in plan.sources:
        subscription = source.subscription(plan.context.folder)
        if subscription is None:
            raise BrokerError(
                f'stage "{source.name}": a local source cannot run beside one that reads Kafka'
            )
        found[source.name] = subscription
    (name, first), *others = found.items()
    taken = dict.fromkeys(first.topics, name)
    for name, other in others:
        same = msgspec.structs.replace(
            first,
            topics=other.topics,
            from_end=other.from_end,
            batch_size=other.batch_size,
            linger=other.linger,
        )
        if same != other:
            raise BrokerError(
                f'stage "{name}": sources that read Kafka share brokers, tls, sasl, group_id, '
                "session_timeout, isolation_level and recreated_topic"
            )
        for topic in other.topics:
            if topic in taken:
                raise BrokerError(f'stage "{name}": topic {topic} is read by "{taken[topic]}"')
            taken[topic] = name
    if first.instance and os.environ.get("FLOWMATRIX_WORKER"):
        numbered = f"{first.instance}-{os.environ['FLOWMATRIX_WORKER']}"
        return {n: msgspec.structs.replace(s, instance=numbered) for n, s in found.items()}
    return found

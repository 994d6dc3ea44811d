"""The Faust app of a membership: its settings, its transport, its login."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import faust
from faust.assignor.partition_assignor import PartitionAssignor
from faust.tables import TableManager
from faust.types import TP
from faust.types.assignor import HostToPartitionMap

from pipeline.kafka.batch import TopicPartition
from pipeline.kafka.connection import Subscription
from pipeline.kafka.repeated_lines import leave_out_repeated_lines
from pipeline.runtime.faust.fetched import POLL_RECORDS
from pipeline.runtime.faust.transport import BatchingTransport

_FETCH_BYTES = 4 * 1024 * 1024
_MESSAGE_BYTES = 17 * 1024 * 1024
_BATCH_BYTES = 64 * 1024
"""Of records of a partition that travel together; a larger one travels alone."""
_REQUEST_SECONDS = 90.0
_HEARTBEAT_SECONDS = 0.3
"""By its heartbeat a member hears of a rebalance, and how early a session is over after a kill."""


class _Tables(TableManager):
    """Tables that are known before the app starts: stock Faust waits a second for them.

    They are told when partitions are revoked: a takeover that is under way then is for nothing.
    """

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tell each table before anything is waited for."""
        for table in self.values():
            cast("Any", table).revoke()
        super().on_partitions_revoked(revoked)

    async def on_start(self) -> None:
        """Subscribe to the changelogs, then recover."""
        await self._update_channels()
        await self.recovery.start()


class Assignor(PartitionAssignor):
    """Faust's assignor without its map of the whole group, which every member would be told.

    It is for routing requests by key, which a worker does not do. With it, what a broker keeps of
    a group grows with members times partitions: 960 kB at 50 times 1,000 (docs/scale.md).
    """

    def _get_changelog_distribution(self, _assignments: Any) -> HostToPartitionMap:
        return {}

    def _get_external_topic_distribution(self, _assignments: Any) -> HostToPartitionMap:
        return {}


class _App(faust.App):
    """Tables are in memory: nothing is to be written where the process was started."""

    def _create_directories(self) -> None:
        """Make none of Faust's folders."""


def application(
    subscription: Subscription,
    topics: Collection[str],
    positions: Callable[[], Mapping[TopicPartition, int]],
) -> faust.App:
    """An app in the subscription's group; `topics` come as batches and begin at `positions()`."""
    leave_out_repeated_lines()
    arguments = subscription.connection.arguments()
    session = subscription.session_timeout
    app = _App(
        subscription.group,
        broker=[f"kafka://{broker}" for broker in subscription.connection.brokers],
        broker_credentials=_credentials(arguments),
        broker_max_poll_records=POLL_RECORDS,
        broker_session_timeout=session,
        broker_heartbeat_interval=_HEARTBEAT_SECONDS,
        broker_request_timeout=max(_REQUEST_SECONDS, session),
        broker_rebalance_timeout=max(10.0, session),
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=subscription.instance or None,
        consumer_metadata_max_age_ms=10_000,
        processing_guarantee="at_least_once",
        producer_request_timeout=_REQUEST_SECONDS,
        producer_max_batch_size=_BATCH_BYTES,
        producer_max_request_size=_MESSAGE_BYTES,
        producer_linger=0.0,
        store="memory://",
        stream_buffer_maxsize=2,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        PartitionAssignor=Assignor,
        TableManager=_Tables,
        web_enabled=False,
    )
    transport = BatchingTransport(app.conf.broker_consumer, app)
    transport.batched = frozenset(topics)
    transport.committed = subscription.committed
    transport.positions = positions
    app.transport = transport
    return app


def _credentials(arguments: Mapping[str, Any]) -> Any:
    context = arguments.get("ssl_context")
    if "sasl_mechanism" in arguments:
        return faust.SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            ssl_context=context,
            mechanism=arguments["sasl_mechanism"],
        )
    return faust.SSLCredentials(context) if context else None

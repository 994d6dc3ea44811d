"""Flows from Kafka topics, consumed as a member of a group.

Source: docs/reference/flowlogs-pipeline.md#kafka-ingest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from pipeline import decode
from pipeline.decode.detect import decoder_of
from pipeline.decode.framing import guarded
from pipeline.diagnostics import Problem
from pipeline.kafka import connection
from pipeline.kafka.connection import Connection, Sasl, Subscription, Tls, Topic
from pipeline.stage import BuildContext, Decode, Example, Source, registry
from pipeline.stage.duration import Duration, seconds
from pipeline.yaml import validate

_Name = Annotated[str, Meta(min_length=1)]
_MIN_SESSION = 1.0


class IngestKafka(Source, frozen=True, kw_only=True, tag="ingest_kafka"):
    """Consume flows from Kafka topics, one flow a message.

    The position is kept with the counts (in a changelog topic of the group), so no flow is lost or
    counted twice, whatever happens to a worker; `start_offset` is where to begin when there are no
    counts yet. Without a `group_id` the group is derived from the name and place of the file, so
    that two pipelines do not share one by accident: to move the file, or to run it on several
    machines, set it. A batch goes through the pipeline when it has `batch_size` messages, `linger`
    after its first one, or when a checkpoint is due. `session_timeout` is how long a dead worker
    keeps its partitions, unless `group_instance_id` names a worker that comes back.

    `isolation_level` says whether messages of transactions that are open or were aborted are left
    out, as they are by default. `recreated_topic` says what happens when a topic was deleted and
    made again: the worker stops and says so, or it counts the new topic from its start, on top of
    what it has counted.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: flows
              type: ingest_kafka
              brokers: ["localhost:9092"]
              topics: [network-flows]
              decoder: json
        """,
        flows='{"SrcAddr": "10.128.0.14", "Bytes": 840}',
        output="""
            {"SrcAddr": "10.128.0.14", "Bytes": 840}
        """,
    )

    brokers: Annotated[list[_Name], Meta(min_length=1)]
    topics: Annotated[list[Annotated[Topic, Meta(min_length=1)]], Meta(min_length=1)]
    decoder: decode.Format
    group_id: str = ""
    group_instance_id: str = ""
    start_offset: Literal["first", "last"] = "first"
    batch_size: Annotated[int, Meta(ge=1, le=100_000)] = 60_000
    linger: Duration = 0.25
    session_timeout: Duration = 6.0
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    recreated_topic: Literal["stop", "start_over"] = "stop"
    tls: Tls | None = None
    sasl: Sasl | None = None

    live: ClassVar[bool] = True
    endless: ClassVar[bool] = True

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, broker in enumerate(self.brokers):
            try:
                connection.address(broker)
            except ValueError as error:
                yield Problem(("brokers", index), str(error), "for example localhost:9092")
        yield from self._unusable()
        if seconds(self.session_timeout) < _MIN_SESSION:
            yield Problem(("session_timeout",), "a session is at least 1s long")
        yield from connection.check(self.tls, self.sasl, folder)

    def _unusable(self) -> Iterator[Problem]:
        """Groups with which no changelog can be made, of a topic at least."""
        for topic in self.topics if self.group_id else ():
            name = connection.changelog(self.group_id, topic)
            for found in validate.problems(name, Topic, ("group_id",)):
                message = "the counts are kept in a topic whose name begins with that of the group"
                yield msgspec.structs.replace(found, message=message, hint=found.message)
                return

    def decode(self, context: BuildContext) -> Decode:
        return guarded(decode.by_name(self.decoder, context))

    def subscription(self, folder: Path) -> Subscription:
        return Subscription(
            connection=Connection(
                brokers=tuple(self.brokers), tls=self.tls, sasl=self.sasl, folder=str(folder)
            ),
            topics=tuple(dict.fromkeys(self.topics)),
            group=self.group_id,
            instance=self.group_instance_id,
            from_end=self.start_offset == "last",
            batch_size=self.batch_size,
            linger=seconds(self.linger),
            session_timeout=seconds(self.session_timeout),
            committed=self.isolation_level == "read_committed",
            start_over=self.recreated_topic == "start_over",
        )

    def replay(self, recording: Path) -> Source:
        decoder = decoder_of(recording, self.decoder)
        fields = {"name": self.name, "path": str(recording), "decoder": decoder}
        source = msgspec.convert(fields | {"type": "ingest_file"}, registry()["ingest_file"])
        if not isinstance(source, Source):
            raise TypeError("ingest_file is not a source")
        return source

"""A Kafka broker as tests use it: topics of their own on one that may be someone else's."""

from __future__ import annotations

import os
from typing import Self

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

VARIABLE = "KAFKA_BOOTSTRAP"
"""Names a broker to run on (HOST:PORT, without login) instead of one that is started."""
_ATTEMPTS, _SECONDS = 12, 15.0
_LATE = (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT)


class Broker:
    """A broker at `bootstrap`."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Make a topic; in `config`, `_` stands for `.` (cleanup_policy="compact").

        A client that was told of no controller, as by a broker that is behind with its heartbeats,
        asks for one again minutes later: another one is made.
        """
        settings = {key.replace("_", "."): value for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, config=settings)
        for attempt in range(_ATTEMPTS):
            admin = self._admin()  # what it has not done yet ends with it
            try:
                admin.create_topics([topic], request_timeout=_SECONDS)[name].result()
            except KafkaException as error:
                code = error.args[0].code()
                if attempt and code == KafkaError.TOPIC_ALREADY_EXISTS:
                    return
                if attempt == _ATTEMPTS - 1 or code not in _LATE:
                    raise
            else:
                return

    def claim(self, name: str) -> None:
        """A program under test is going to make this topic."""

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 4})  # warnings


class Foreign(Broker):
    """Someone else's; leaving the context takes away what came because of the tests.

    That is the topics they made, and those made since whose names contain one of these names
    (changelogs, dead letters).
    """

    def __init__(self, bootstrap: str) -> None:
        super().__init__(bootstrap)
        self._ours: set[str] = set()
        self._before: set[str] = set()

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> None:
        """Make a topic. KafkaException where they have one of that name."""
        super().create_topic(name, partitions, **config)
        self._ours.add(name)

    def claim(self, name: str) -> None:
        """A program under test is going to make this topic. ValueError where they have it."""
        if name in self._before:
            raise ValueError(f"{self.bootstrap} has a topic {name}")
        self._ours.add(name)

    def __enter__(self) -> Self:
        self._before = self._topics()
        return self

    def __exit__(self, *_: object) -> None:
        new = self._topics() - self._before
        gone = [name for name in new if any(ours in name for ours in self._ours)]
        admin = self._admin()
        for deleted in admin.delete_topics(gone).values() if gone else ():
            deleted.result(timeout=60)

    def _topics(self) -> set[str]:
        return set(self._admin().list_topics(timeout=60).topics)


def foreign() -> Foreign | None:
    """The broker of KAFKA_BOOTSTRAP, None where the tests start their own."""
    bootstrap = os.environ.get(VARIABLE)
    return Foreign(bootstrap) if bootstrap else None

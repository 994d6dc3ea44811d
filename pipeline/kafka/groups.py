"""Who else is in a consumer group, before a worker joins it."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import InconsistentGroupProtocolError, KafkaError

PROTOCOL = "faust"
"""How workers share partitions, as the group knows it: the name of Faust's assignor."""


async def check_members(admin: AIOKafkaAdminClient, group: str) -> None:
    """Raise InconsistentGroupProtocolError when the members of a group are of another program.

    The error lists them. To join such a group would disturb them, and could not succeed. Where the
    group cannot be described, for want of a right say, joining it will tell.
    """
    answers: list[Any] = []
    with suppress(KafkaError):
        answers = await admin.describe_consumer_groups([group])
    for answer in answers:
        for found in answer.groups:
            protocol, members = found[4], found[5]
            if members and protocol not in {"", PROTOCOL}:
                raise InconsistentGroupProtocolError(_listed(group, members))


def _listed(group: str, members: list[tuple[Any, ...]]) -> str:
    clients = Counter(f"{member[1]} at {member[2].lstrip('/')}" for member in members)
    listed = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in clients.items())
    return f"{group} has {listed}"

"""Attacks by what others write into the topic of the dead letters, on the command that reads it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from random import Random

from confluent_kafka import Producer

from tests.attack.kafka_worker import LARGEST, LETTERS, Attacked
from tests.attack.tally import Size, Tally
from tests.kafka.support.letters import told
from tests.support.record_batches import batch, produce, record

_NAMES = ("reason", "stage", "topic", "partition", "offset", "of", "x")
_CONTENTS = (
    *(
        b"",
        b"\xff\xfe",
        b"-1",
        b"9" * 5_000,
        b"1e9",
        b"\x1b]0;x\x07",
        b"attacked-plain",
        b"0",
        b"all",
    ),
    *(None, b"part", b"x" * 100_000, b"../../x", b"nowhere"),
)


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    yield _foreign("foreign records among the dead letters", under, size.of(60, 3_000))


def _foreign(name: str, under: Attacked, count: int) -> Tally:
    """The command prints every letter of ours, and ends with no traceback; so does a replay."""
    tally, draw = Tally(name), Random(31)
    before = told(under.broker, LETTERS).splitlines()
    producer = Producer(
        {
            "bootstrap.servers": under.broker.bootstrap,
            "message.max.bytes": LARGEST,
            "log_level": 2,
        }
    )
    for _ in range(count):
        names = draw.choices(_NAMES, k=draw.randrange(8))
        headers: list[tuple[str, str | bytes | None]] = [
            (one, draw.choice(_CONTENTS)) for one in names
        ]
        value = draw.choice((None, b"", b"\xff", b"{}", b"x" * 300_000))
        producer.produce(LETTERS, value, draw.choice((None, b"k")), 0, headers=headers)
        tally.add("passed over, or printed")
    producer.flush(60)
    odd = record(0, b"x", headers=[(b"\xff", b"\xff"), (b"reason", b"\xff")])
    assert produce(under.broker.bootstrap, LETTERS, batch(odd, 1)) == 0
    for options in ((), ("--replay",)):
        with tally.step(f"dead-letters {options}"):
            try:
                after = told(under.broker, LETTERS, *options).splitlines()
            except subprocess.CalledProcessError as error:
                tally.fault(f"{options}: exit {error.returncode}: {error.stderr[-1_500:]}")
                continue
            if not options and not set(before) <= set(after):
                tally.fault(f"{len(set(before) - set(after))} letters are missing")
            for line in () if options else after:
                json.loads(line)
    under.settled(tally, name, unsure=len(before) + count)  # what is replayed is rejected again
    return tally

"""What cannot be used goes to the dead letters, and back from there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.kafka.support.counting import FLOW, counting, positions, seen
from tests.kafka.support.feeding import produce
from tests.kafka.support.letters import letters, told
from tests.kafka.support.workers import running, wait
from tests.real.broker import Broker


def test_poison_goes_to_the_dead_letters(kafka_broker: Broker, tmp_path: Path) -> None:
    """The payload as it came; the headers say why and whence."""
    kafka_broker.create_topic("poisoned", 1)
    payloads = [b"no json" if n % 100 == 0 else FLOW for n in range(1_000)]
    produce(kafka_broker.bootstrap, "poisoned", payloads, 1)
    dead = {"topic": "poisoned.letters"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["poisoned"], dead_letters=dead)
    with running(worker):
        wait(lambda: seen(worker) == 990)
    found = letters(kafka_broker, "poisoned.letters", 10)
    assert [letter.payload for letter in found] == [b"no json"] * 10
    offsets = [int(letter.headers.pop("offset")) for letter in found]
    assert sorted(offsets) == list(range(0, 1_000, 100))
    reason = found[0].headers.pop("reason")
    assert "JSON" in reason
    assert found[0].headers == {
        "stage": "flows",
        "topic": "poisoned",
        "partition": "0",
        "of": "message",
    }


def test_too_much_poison_stops_the_worker(kafka_broker: Broker, tmp_path: Path) -> None:
    """A limit of messages in a row."""
    kafka_broker.create_topic("drained", 1)
    produce(kafka_broker.bootstrap, "drained", [FLOW] * 10 + [b"no json"] * 500, 1)
    limit = {"max_consecutive": 100}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["drained"], dead_letters=limit)
    with running(worker, ready=False):
        assert worker.ended() == 1
    assert "100 messages in a row were rejected" in worker.log.read_text()


def test_messages_of_any_size(kafka_broker: Broker, tmp_path: Path) -> None:
    """Ten megabytes and none."""
    kafka_broker.create_topic("sizes", 1, max_message_bytes=str(11 << 20))
    large = json.dumps({"Bytes": 1, "Note": "x" * (10 << 20)}).encode()
    payloads = [b"1", large, b"", FLOW, b"{}", large, b"x", large[:-1]]
    produce(kafka_broker.bootstrap, "sizes", payloads, 1, message_max_bytes=str(12 << 20))
    worker = counting(
        tmp_path, kafka_broker.bootstrap, ["sizes"], dead_letters={"topic": "dead-sizes"}
    )
    with running(worker):
        wait(lambda: positions(worker) == [8])
        wait(lambda: seen(worker) == 4)
    found = letters(kafka_broker, "dead-sizes", 4)
    places = {int(letter.headers["offset"]): letter.payload or b"" for letter in found}
    assert places == {0: b"1", 2: b"", 6: b"x", 7: large[:-1]}


def test_of_a_letter_that_is_too_large_for_its_topic_a_part_is_kept(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """It is not sent back."""
    kafka_broker.create_topic("larger", 1, max_message_bytes=str(4 << 20))
    kafka_broker.create_topic("dead-larger", 1)
    payloads = [b"no json", b"{" + b"x" * (2 << 20), b"[]"]
    large = {"message_max_bytes": str(4 << 20)}
    produce(kafka_broker.bootstrap, "larger", payloads, 1, **large)
    dead = {"topic": "dead-larger"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["larger"], dead_letters=dead)
    with running(worker):
        wait(lambda: positions(worker) == [3])
        found = {
            letter.headers["offset"]: letter for letter in letters(kafka_broker, "dead-larger", 3)
        }
        kinds = {offset: letter.headers["of"] for offset, letter in found.items()}
        assert kinds == {"0": "message", "1": "part", "2": "message"}
        assert payloads[1].startswith(found["1"].payload)
        assert 100_000 < len(found["1"].payload) < 1_000_000
        assert "JSON" in found["1"].headers["reason"]
        assert told(kafka_broker, "dead-larger", "--replay") == "2 messages sent back\n"
        wait(lambda: positions(worker) == [5])
        assert worker.exit() == 0


def test_a_topic_that_takes_no_letters(kafka_broker: Broker, tmp_path: Path) -> None:
    """The worker ends and says what to change."""
    kafka_broker.create_topic("unheard", 1)
    kafka_broker.create_topic("dead-unheard", 1, max_message_bytes="500")
    produce(kafka_broker.bootstrap, "unheard", [b"x" * 1_000], 1)
    dead = {"topic": "dead-unheard"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["unheard"], dead_letters=dead)
    with running(worker, ready=False):
        assert worker.ended() == 1
    assert "topic dead-unheard refuses even parts of messages: raise" in worker.log.read_text()


def test_dead_letters_are_read_and_sent_back(kafka_broker: Broker, tmp_path: Path) -> None:
    """Each once."""
    kafka_broker.create_topic("replayed", 2)
    produce(kafka_broker.bootstrap, "replayed", [b"no json", b"\xff", FLOW], 2)
    dead = {"topic": "dead-replayed"}
    worker = counting(tmp_path, kafka_broker.bootstrap, ["replayed"], dead_letters=dead)
    with running(worker):
        wait(lambda: sum(positions(worker)) == 3)
        first = [json.loads(line) for line in told(kafka_broker, "dead-replayed").splitlines()]
        places = {(letter["partition"], letter["offset"], letter["topic"]) for letter in first}
        assert places == {(1, 0, "replayed"), (0, 0, "replayed")}
        assert {"no json", None} == {letter.get("payload") for letter in first}
        assert told(kafka_broker, "dead-replayed", "--replay") == "2 messages sent back\n"
        wait(lambda: sum(positions(worker)) == 5)
        assert len(told(kafka_broker, "dead-replayed").splitlines()) == 4
        assert told(kafka_broker, "dead-replayed", "--replay") == "2 messages sent back\n"
        assert worker.exit() == 0
    with pytest.raises(subprocess.CalledProcessError) as refused:
        told(kafka_broker, "nowhere")
    assert 'there is no topic "nowhere"' in refused.value.stderr

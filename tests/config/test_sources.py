"""Sources that cannot run in one process are refused when the file is read, with their places."""

from __future__ import annotations

import pytest

from pipeline.config import loader
from pipeline.config.loader import ConfigError

_KAFKA = """
  - name: {name}
    type: ingest_kafka
    brokers: [localhost:9092]
    topics: [{topic}]
    decoder: json{more}
"""
_REST = """
  - {name: out, type: write_stdout, follows: [one, two]}
"""


def kafka(name: str, topic: str, **more: str) -> str:
    """A source of a topic, as YAML."""
    fields = "".join(f"\n    {key}: {value}" for key, value in more.items())
    return _KAFKA.format(name=name, topic=topic, more=fields)


def refusal(*sources: str, settings: str = "") -> list[str]:
    """What is said of a file with these sources."""
    text = f"{settings}\nstages:{''.join(sources)}{_REST}"
    with pytest.raises(ConfigError) as raised:
        loader.loads(text, "f.yaml")
    return str(raised.value).splitlines()


def test_sources_may_differ_in_topics_and_batches() -> None:
    text = kafka("one", "a") + kafka("two", "b", batch_size="5", linger="2s", start_offset="last")
    assert loader.loads(f"stages:{text}{_REST}", "f.yaml").warnings == []


@pytest.mark.parametrize(
    ("setting", "value"),
    {
        "group_id": "x",
        "group_instance_id": "x",
        "session_timeout": "9s",
        "isolation_level": "read_uncommitted",
        "recreated_topic": "start_over",
        "tls": "{ca: ca.crt}",
        "sasl": "{username: me, password_file: p}",
    }.items(),
)
def test_what_all_sources_share(setting: str, value: str) -> None:
    """The place is that of the setting which differs."""
    found = refusal(kafka("one", "a"), kafka("two", "b", **{setting: value}))
    message = f'sources that read Kafka have one {setting}, and "one" has another'
    assert found[0].startswith("f.yaml:14:")
    assert message in found[0]


def test_a_topic_has_one_source() -> None:
    found = refusal(kafka("one", "a"), kafka("two", "a"))
    assert found[0].startswith("f.yaml:12:")
    assert 'topic "a" is read by stage "one" too' in found[0]


def test_a_local_source_beside_kafka() -> None:
    local = "\n  - {name: two, type: ingest_file, path: x, decoder: json}\n"
    found = refusal(kafka("one", "a"), local)
    assert 'stage "two"' in found[0]
    assert "a local source cannot run beside one that reads Kafka" in found[0]


def test_a_dead_letter_file_beside_kafka() -> None:
    found = refusal(
        kafka("one", "a"), kafka("two", "b"), settings="dead_letters: {file: dead.jsonl}"
    )
    assert found[0].startswith("f.yaml:1:")
    assert "with Kafka sources, dead letters are kept in a topic" in found[0]
    assert "dead_letters.topic" in found[0]


_GRPC = """
  - {{name: {name}, type: ingest_grpc, listen: "{listen}"}}"""
_IPFIX = """
  - {{name: {name}, type: ingest_ipfix, listen: ["127.0.0.1:0", "{listen}"]}}"""


@pytest.mark.parametrize(
    ("one", "two", "who"),
    [
        (_GRPC.format(name="one", listen="[::1]:1"), ("two", "[::1]:1"), 'stage "one"'),
        (_GRPC.format(name="one", listen="127.0.0.1:1"), ("two", "0.0.0.0:1"), 'stage "one"'),
        (_GRPC.format(name="one", listen="127.0.0.1:1"), ("two", "127.0.0.2:7"), "`server.listen`"),
        (_GRPC.format(name="one", listen="127.0.0.1:1"), ("two", "0.0.0.0:8"), "`server.health`"),
    ],
)
def test_an_address_is_listened_on_once(one: str, two: tuple[str, str], who: str) -> None:
    name, listen = two
    own = "server: {listen: '127.0.0.2:7', health: '127.0.0.1:8'}"
    (found,) = refusal(one, _GRPC.format(name=name, listen=listen), settings=own)
    assert found.endswith(f'stage "two", field listen: {who} listens on {listen} too')


def test_datagrams_of_an_address_go_to_one_stage() -> None:
    (found,) = refusal(
        *(_IPFIX.format(name=name, listen="127.0.0.1:2055") for name in ("one", "two"))
    )
    assert found.endswith('field listen[1]: stage "one" listens on 127.0.0.1:2055 too')


def test_tcp_and_udp_are_apart() -> None:
    both = _GRPC.format(name="one", listen="[::]:1") + _IPFIX.format(name="two", listen="[::]:1")
    assert loader.loads(f"stages:{both}{_REST}", "f.yaml").warnings == []


SERVED = """
server: {{listen: "127.0.0.1:9102", health: "127.0.0.1:9103"}}
metric_servers:
- {{stages: [out], listen: "0.0.0.0:{first}"}}
- {{stages: [{name}], listen: "127.0.0.1:{second}", tls_cert: c.pem}}
stages:
- {{name: one, type: ingest_stdin}}
- {{name: out, type: discard, follows: one}}
"""


def test_servers_of_metrics() -> None:
    """Each has an address and stages of its own."""
    with pytest.raises(ConfigError) as raised:
        loader.loads(SERVED.format(first=9103, second=9103, name="ot"), "f")
    found = [str(one).removeprefix("f:") for one in raised.value.problems]
    assert [text.replace("error: field metric_servers", "", 1) for text in found] == [
        "4:27: [0].listen: `server.health` listens on 0.0.0.0:9103 too",
        '5:13: [1].stages[0]: no stage has the name "ot"; did you mean "out"?',
        "5:26: [1].listen: `server.health` listens on 127.0.0.1:9103 too",
        "5:26: [1].listen: `metric_servers[0].listen` listens on 127.0.0.1:9103 too",
        "5:54: [1].tls_cert: tls_cert and tls_key go together",
        '5:54: [1].tls_cert: no file "c.pem"',
    ]
    with pytest.raises(ConfigError, match='the metrics of "out" are on another server already'):
        loader.loads(SERVED.format(first=1, second=2, name="out"), "f")


_OUT = """
  - name: back
    type: encode_kafka
    follows: one
    brokers: [{broker}]
    topic: {topic}
"""


@pytest.mark.parametrize(
    ("settings", "out", "place"),
    [
        ("", _OUT.format(broker="localhost:9092", topic="b"), 'stage "back", field topic'),
        ("dead_letters: {topic: b}", "", "field dead_letters.topic"),
    ],
)
def test_a_topic_that_is_read_is_not_written_to(settings: str, out: str, place: str) -> None:
    """One message would become as many as there is time for."""
    (found,) = refusal(kafka("one", "a"), kafka("two", "b"), out, settings=settings)
    reason = 'stage "two" reads this topic: what is written there comes again without end'
    assert found.endswith(f"error: {place}: {reason}")


def test_a_topic_of_that_name_elsewhere() -> None:
    out = _OUT.format(broker="other:9092", topic="b")
    text = f"stages:{kafka('one', 'a')}{kafka('two', 'b')}{out}{_REST}"
    assert loader.loads(text, "f.yaml").warnings == []

"""What a recording replaces, and which changes of a configuration take a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.app.restart import check_same, replayed
from pipeline.config import loader
from pipeline.config.loader import Config, ConfigError
from stages.ingest_file import IngestFile
from stages.ingest_kafka import IngestKafka
from stages.write_stdout import WriteStdout

SOURCE = "{name: in, type: ingest_kafka, brokers: [b], topics: [flows], decoder: json}"
TOPIC = "{name: out, type: encode_kafka, follows: in, brokers: [b], topic: t}"


def read(*stages: str, settings: str = "") -> Config:
    """A configuration of these stages."""
    lines = "".join(f"\n  - {stage}" for stage in stages)
    return loader.loads(f"{settings}\nstages:{lines}\n", "f.yaml")


def test_a_recording_replaces_a_source() -> None:
    """The messages come from the file; the decoder is the source's own."""
    source = IngestKafka(name="in", brokers=["b"], topics=["t"], decoder="protobuf")
    recorded = replayed(source, Path("flows.pb"))
    assert recorded == IngestFile(name="in", path="flows.pb", decoder="protobuf")
    assert replayed(source, None) is source


def test_a_recording_replaces_nothing_else() -> None:
    writer = WriteStdout(name="out", follows="in")
    assert replayed(writer, Path("flows.pb")) is writer


def test_stages_between_the_ends_may_change() -> None:
    old = read(SOURCE, TOPIC)
    between = "{name: some, type: filter, follows: in, query: 'Bytes > 1'}"
    new = read(SOURCE, between, TOPIC.replace("follows: in", "follows: some"))
    check_same(old, new, None)


def test_limits_may_change() -> None:
    check_same(read(SOURCE, TOPIC), read(SOURCE, TOPIC, settings="limits: {max_series: 5}"), None)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (read(SOURCE.replace("flows", "other"), TOPIC), "where flows come from or go to takes a"),
        (read(SOURCE, TOPIC.replace("topic: t}", "topic: u}")), 'stage "out"'),
        (read(SOURCE, TOPIC, "{name: o2, type: write_stdout, follows: in}"), ""),
        (read(SOURCE, TOPIC, settings="log_level: debug"), '"log_level" has changed'),
    ],
    ids=["source", "topic", "stdout", "setting"],
)
def test_ends_and_settings_take_a_restart(new: Config, message: str) -> None:
    """A writer to standard output comes and goes: it has nothing that is opened."""
    old = read(SOURCE, TOPIC)
    if not message:
        check_same(old, new, None)
        return
    with pytest.raises(ConfigError, match=message):
        check_same(old, new, None)


def test_a_source_that_a_recording_replaces_may_change() -> None:
    old, new = read(SOURCE, TOPIC), read(SOURCE.replace("flows", "other"), TOPIC)
    check_same(old, new, Path("recording"))

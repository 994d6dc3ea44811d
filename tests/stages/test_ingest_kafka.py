"""What the configuration of a Kafka source is refused for, before a broker is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config.loader import load
from pipeline.diagnostics import ConfigError

TOPIC = "t" * 249


def said(folder: Path, **fields: object) -> list[str]:
    """The problems of a file with a source that has these fields besides its own."""
    source = {
        "name": "flows",
        "type": "ingest_kafka",
        "brokers": ["b:9092"],
        "decoder": "json",
        "topics": ["flows"],
        **fields,
    }
    file = folder / "p.yaml"
    edges = {"name": "edges", "type": "encode_matrix", "follows": "flows"}
    file.write_text(f"stages:\n- {source}\n- {edges}\n")
    try:
        load(file)
    except ConfigError as error:
        return [str(problem).split("error: ", 1)[1] for problem in error.problems]
    return []


@pytest.mark.parametrize("topic", ["", ".", "..", "a b", TOPIC + "t"])
def test_what_is_no_topic(tmp_path: Path, topic: str) -> None:
    """A broker has no topic of that name, however long it is waited for."""
    [problem] = said(tmp_path, topics=["flows", topic])
    assert problem.startswith('stage "flows", field topics[1]: expected the name of a topic')


@pytest.mark.parametrize(
    ("group", "topic"),
    [
        ("my group", "flows"),
        ("a/b", "flows"),
        ("grün", "flows"),
        ("g" * 230, "flows"),
        ("g", TOPIC),
    ],
)
def test_a_group_that_cannot_have_a_changelog(tmp_path: Path, group: str, topic: str) -> None:
    """Its name is part of a topic's, which keeps the counts."""
    [problem] = said(tmp_path, group_id=group, topics=[topic])
    assert problem.startswith('stage "flows", field group_id: the counts are kept in a topic')
    assert "[a-zA-Z0-9._-]{1,249}" in problem


@pytest.mark.parametrize("broker", ["..:9092", f"{'b' * 64}:9092", "[zz]:9092", "a b"])
def test_a_broker_on_no_host(tmp_path: Path, broker: str) -> None:
    [problem] = said(tmp_path, brokers=[broker])
    assert problem.startswith('stage "flows", field brokers[0]: ')
    assert "is not host:port" in problem


def test_what_is_taken(tmp_path: Path) -> None:
    names = {"group_id": "g.1_2-3", "topics": ["t" * 200, "..."], "brokers": ["[::1]:9092", "b"]}
    assert said(tmp_path, **names) == []

"""How commands reach Kafka."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pipeline.cli.brokers import connection
from pipeline.kafka.connection import BrokerError, Sasl, Tls


def test_brokers_are_separated_by_commas() -> None:
    found = connection("a:1,b", None)
    assert (found.brokers, found.tls, found.sasl) == (("a:1", "b"), None, None)


@pytest.mark.parametrize("brokers", ["", "a:1,", "a:1:1", "a:65536", "a:b", "a b", "a:" + "9" * 50])
def test_a_broker_is_host_and_port(brokers: str) -> None:
    with pytest.raises(BrokerError, match="is not host:port"):
        connection(brokers, None)


def test_names_of_files_are_relative_to_the_file_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "security.yaml"
    path.write_text("tls: {ca: ca.pem}\nsasl: {username: u, password_file: secret}\n")
    found = connection("a:1", path)
    assert found.tls == Tls(ca="ca.pem")
    assert found.sasl == Sasl(username="u", password_file="secret")  # noqa: S106 - a file's name
    assert found.folder == str(tmp_path)


@pytest.mark.parametrize("text", ["tsl: {}", "tls: 7", "[]", "", "sasl: {mechanism: x}"])
def test_a_file_with_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "security.yaml"
    path.write_text(text)
    with pytest.raises(msgspec.MsgspecError):
        connection("a:1", path)


def test_a_file_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        connection("a:1", tmp_path / "none.yaml")

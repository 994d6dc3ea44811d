"""How commands reach Kafka."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.brokers import connection
from pipeline.diagnostics import ConfigError
from pipeline.kafka.connection import BrokerError, Sasl, Tls
from tests.support.commands import flowmatrix


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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tsl: {}", ":1:1: error: field tsl: unknown field"),
        ("tls: 7", ":1:6: error: field tls: expected mapping"),
        ("[]", ":1:1: error: expected mapping, got list"),
        ("", ":1:1: error: expected mapping"),
        ("sasl: {mechanism: x}", ':1:19: error: field sasl.mechanism: unknown value "x"'),
        ("tls: {cert: a.pem}", ":1:13: error: field tls.cert: cert and key go together"),
        ("sasl: {username: u}", ':1:7: error: field sasl: missing field "password_file"'),
        ("sasl: {}", ":1:7: error: field sasl: give one of username and username_file"),
        ("a: 1\na: 2", ':2:1: error: duplicate key "a"'),
        ("[" * 100_000 + "]" * 100_000, ":1:102: error: nested deeper than 100 levels"),
    ],
)
def test_a_file_with_anything_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Nesting without end was the end of the process."""
    path = tmp_path / "security.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(f"{path}{said}")):
        connection("a:1", path)


@pytest.mark.parametrize("name", ["none.yaml", "/dev/zero", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    said = f"{tmp_path / name}: error: (cannot be read|the file is longer)"
    with pytest.raises(ConfigError, match=said):
        connection("a:1", tmp_path / name)


@pytest.mark.parametrize("command", ["dead-letters --topic t", "simulate cluster --kafka a:1"])
def test_a_command_says_each_problem_of_the_file_on_a_line_of_its_own(
    tmp_path: Path, command: str
) -> None:
    """As of any configuration that is refused; a password that is written there is not shown."""
    path = tmp_path / "security.yaml"
    path.write_text("sasl: {mechanism: PLAIN, username: u, password: hush}\ntls: {caa: x}\n")
    done = flowmatrix(*command.split(), "--security", path)
    assert done.exit_code == 78
    assert [line.split(": error: ")[1] for line in done.stderr.splitlines()] == [
        'field sasl.mechanism: unknown value "PLAIN"; did you mean "plain"?',
        'field sasl.password: unknown field; did you mean "password_file"?',
        'field tls.caa: unknown field; did you mean "ca"?',
    ]


@pytest.mark.parametrize("name", ["", ".", "a b", "x" * 250, "t\n"])
@pytest.mark.parametrize("command", ["dead-letters", "simulate cluster --kafka 127.0.0.1:1"])
def test_what_is_no_topic_is_refused_before_a_broker_is_asked(command: str, name: str) -> None:
    done = flowmatrix(*command.split(), "--topic", name)
    assert done.exit_code == 2
    assert "is not the name of a topic" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("option", [[], ["--replay"]])
def test_a_client_that_does_not_start_is_stopped(option: list[str]) -> None:
    """The library warns of one that is not, with its place in memory."""
    asked = ["dead-letters", "--topic", "t", "--bootstrap", "127.0.0.1:1", *option]
    command = [str(Path(sys.executable).with_name("flowmatrix")), *asked]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert "no broker answers at 127.0.0.1:1: " in done.stderr
    assert "Unclosed" not in done.stderr

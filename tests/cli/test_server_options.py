"""Commands that ask a server which wants a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.api.access import Access
from pipeline.api.credentials import CA_FILE, CERT_FILE, TOKEN_FILE
from pipeline.api.schema import Explanation, Inventory, Totals
from pipeline.api.server import Answers, Server
from tests.support.commands import flowmatrix

ANSWERS = Answers(
    lambda _: "",
    str,
    {
        "who": lambda _: Explanation("10.0.0.1", found=True, lines=[("node", "n1")]),
        "inventory": lambda _: Inventory([], []),
        "totals": lambda _: Totals([], {}, []),
    },
)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options set variables; each test has its own."""
    for name in (TOKEN_FILE, CA_FILE, CERT_FILE):
        monkeypatch.setenv(name, "")


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("canary-of-a-token\n")
    return file


@pytest.fixture
def server(token_file: Path) -> Iterator[Server]:
    with Server("127.0.0.1:0", ANSWERS, access=Access(token_file)) as running:
        yield running


@pytest.mark.usefixtures("environment")
def test_a_token_of_a_file(server: Server, token_file: Path) -> None:
    asked = ["who", "10.0.0.1", "--server", server.url]
    refused = flowmatrix(*asked)
    assert refused.exit_code == 1
    assert "it takes the token of server.token_file" in refused.stderr
    done = flowmatrix(*asked, "--token-file", token_file)
    assert (done.exit_code, done.stdout.split()) == (0, ["node", "n1"])


@pytest.mark.usefixtures("environment")
def test_a_token_of_the_environment(
    server: Server, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_FILE, str(token_file))
    assert flowmatrix("who", "10.0.0.1", "--server", server.url).exit_code == 0


@pytest.mark.usefixtures("environment")
def test_matrix_has_one_option_for_both_of_its_servers(server: Server, token_file: Path) -> None:
    asked = ["matrix", "--server", server.url]
    assert "it takes the token" in flowmatrix(*asked).stderr
    assert "it takes the token" not in flowmatrix(*asked, "--token-file", token_file).stderr


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("secret", ["token", "wrong", "binary"])
def test_no_error_says_the_token(server: Server, tmp_path: Path, secret: str) -> None:
    file = tmp_path / f"{secret}.txt"
    file.write_bytes(
        {"token": b"canary-x", "wrong": b"canary y z", "binary": b"canary\xff"}[secret]
    )
    done = flowmatrix("who", "10.0.0.1", "--server", server.url, "--token-file", file)
    assert done.exit_code == 1
    assert "canary" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert isinstance(done.exception, SystemExit)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("option", ["--token-file", "--ca-file", "--cert-file"])
@pytest.mark.parametrize("command", [["top"], ["matrix"], ["who", "::1"], ["page"]])
def test_no_file_and_a_folder_are_told_at_the_start(
    tmp_path: Path, option: str, command: list[str]
) -> None:
    """`top` and the page asked, and failed, again and again."""
    for file, why in ((tmp_path / "none", "does not exist"), (tmp_path, "is a directory")):
        done = flowmatrix(*command, "--server", "http://127.0.0.1:1", option, file)
        assert done.exit_code == 2
        assert f"{option}" in done.stderr
        assert why in " ".join(done.stderr.split())


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("option", ["--ca-file", "--cert-file"])
def test_a_pipe_of_certificates_is_told_at_the_start(tmp_path: Path, option: str) -> None:
    """OpenSSL opens it by its name, and would wait."""
    os.mkfifo(tmp_path / "pipe")
    done = flowmatrix("top", "--server", "http://127.0.0.1:1", option, tmp_path / "pipe")
    assert done.exit_code == 2
    assert "it is not a regular file" in " ".join(done.stderr.split())


@pytest.mark.usefixtures("environment")
def test_a_token_of_a_pipe(server: Server, tmp_path: Path) -> None:
    """As `--token-file <(pass show token)` is; one that nobody writes to has no token."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    asked = ["who", "10.0.0.1", "--server", server.url, "--token-file", pipe]
    done = flowmatrix(*asked)
    assert (done.exit_code, "pipe has no token" in done.stderr) == (1, True)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    pipe.write_text("canary-of-a-token")
    assert flowmatrix(*asked).exit_code == 0
    os.close(reader)


@pytest.mark.parametrize("url", ["", "ftp://x", "http://127.0.0.1:99999"])
@pytest.mark.parametrize(
    "command",
    [
        *("who 10.0.0.1", "inventory --out o.yaml", "top --once", "matrix", "matrix approve"),
        *("page --listen 127.0.0.1:0", "discover", "policy verify p.yaml"),
    ],
)
def test_what_is_no_url_is_refused_before_anything_is_asked(command: str, url: str) -> None:
    done = flowmatrix(*command.split(), "--server", url)
    assert done.exit_code == 2
    assert f'"{url}" is not a URL: http://HOST:PORT' in done.stderr

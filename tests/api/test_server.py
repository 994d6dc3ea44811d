"""The HTTP server on a real socket."""

import json
import socket
import ssl
import subprocess
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pipeline.api.server import Answers, Server, UnansweredError
from pipeline.exposition.text_format import CONTENT_TYPE


def test_every_path() -> None:
    reason = ["starting"]
    answers = Answers(
        lambda names: f"x {len(names)}\n", lambda: reason[0], {"series": lambda query: [1, query]}
    )
    with Server("127.0.0.1:0", answers) as server:
        with urlopen(f"{server.url}/metrics") as page:
            assert (page.headers["Content-Type"], page.read()) == (CONTENT_TYPE, b"x 0\n")
        with urlopen(f"{server.url}/metrics?name[]=a&name%5B%5D=b&c=d") as page:
            assert page.read() == b"x 2\n"
        with urlopen(f"{server.url}/healthz") as page:
            assert json.load(page) == {"status": "alive"}
        with urlopen(f"{server.url}/api/v0/series?x=1") as page:
            assert json.load(page) == [1, {"x": "1"}]
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{server.url}/readyz")
        assert caught.value.code == 503
        assert json.load(caught.value) == {"status": "not ready", "reason": "starting"}
        caught.value.close()
        reason[0] = ""
        with urlopen(f"{server.url}/readyz") as page:
            assert json.load(page) == {"status": "ready"}
        with pytest.raises(HTTPError, match="404") as caught:
            urlopen(f"{server.url}/nowhere")
        caught.value.close()


def test_a_page_that_fails_is_an_answer() -> None:
    def broken(_: object) -> str:
        raise ValueError("no metrics today")

    with Server("127.0.0.1:0", Answers(broken, lambda: "")) as server:
        with pytest.raises(HTTPError, match="500") as caught:
            urlopen(f"{server.url}/metrics")
        assert json.load(caught.value) == {"error": "no metrics today"}
        caught.value.close()


def test_a_document_that_is_refused_says_why() -> None:
    def refused(query: Mapping[str, str]) -> object:
        raise UnansweredError(HTTPStatus.BAD_REQUEST, f"not {query['at']}")

    answers = Answers(lambda _: "", lambda: "", {"who": refused})
    with Server("127.0.0.1:0", answers) as server:
        with pytest.raises(HTTPError, match="400") as caught:
            urlopen(f"{server.url}/api/v0/who?at=noon%20sharp")
        assert json.load(caught.value) == {"error": "not noon sharp"}
        caught.value.close()


def test_tls_and_a_client_that_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(key), "-out", str(cert), "-days", "1", "-subj", "/CN=x"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    answers = Answers(lambda _: "x 1\n", lambda: "")
    with Server("127.0.0.1:0", answers, str(cert), str(key)) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            trusted = ssl.create_default_context(cafile=cert)
            with urlopen(f"{server.url}/metrics", context=trusted, timeout=60) as page:
                assert page.read() == b"x 1\n"
        with socket.create_connection(("127.0.0.1", port)) as plain:
            plain.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert b"x 1" not in plain.recv(100)
    assert capsys.readouterr().err == ""


def test_ipv6_and_an_address_in_use() -> None:
    answers = Answers(lambda _: "x 1\n", lambda: "")
    with Server("[::1]:0", answers) as server, urlopen(f"{server.url}/metrics") as page:
        assert page.read() == b"x 1\n"
        listen = server.url.removeprefix("http://")
        with pytest.raises(OSError, match=r"cannot listen on \[::1\]:\d+: Address already in use"):
            Server(listen, answers)


def test_head_answers_without_a_body() -> None:
    with Server("127.0.0.1:0", Answers(lambda _: "x 1\n", lambda: "")) as server:
        asked = Request(f"{server.url}/metrics", method="HEAD")
        with urlopen(asked) as page:
            assert (page.status, page.headers["Content-Length"], page.read()) == (200, "4", b"")


def test_an_answer_that_has_not_changed_is_not_sent_again() -> None:
    """By its ETag; failures and metrics have none."""
    shown = [1]
    answers = Answers(lambda _: "x 1\n", lambda: "", {"series": lambda _: shown})
    with Server("127.0.0.1:0", answers) as server:
        url = f"{server.url}/api/v0/series"
        with urlopen(url) as page:
            tag = page.headers["ETag"]
        for condition in (tag, f'"other", W/{tag}', "*"):
            with pytest.raises(HTTPError, match="304") as caught:
                urlopen(Request(url, headers={"If-None-Match": condition}))
            assert (caught.value.read(), caught.value.headers["ETag"]) == (b"", tag)
            caught.value.close()
        shown[0] = 2
        with urlopen(Request(url, headers={"If-None-Match": tag})) as page:
            assert json.load(page) == [2]
            assert page.headers["ETag"] != tag
        with urlopen(f"{server.url}/metrics") as page:
            assert page.headers["ETag"] is None

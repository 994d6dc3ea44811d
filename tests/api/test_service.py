"""Requests and answers, over a real socket, as clients and browsers send and get them."""

from __future__ import annotations

import gc
import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from queue import Queue

import msgspec
import pytest

from pipeline.api.access import Access
from pipeline.api.answer import document
from pipeline.api.callers import Limits
from pipeline.api.server import Answers, Server, UnansweredError
from pipeline.api.static import files
from tests.support.certificates import Authority

pytestmark = pytest.mark.slow

LARGE = list(range(50_000))
JSON = {"Content-Type": "application/json"}


class Names(msgspec.Struct):
    """The body of an action."""

    names: list[str]


class Shop:
    """What an action changes and a document shows."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def add(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=Names)
        if "bad" in asked.names:
            raise UnansweredError(HTTPStatus.CONFLICT, "bad is there already")
        self.names += asked.names
        return {"added": len(asked.names)}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>matrix</title>")
    (tmp_path / "app.js").write_text("export {};")
    (tmp_path / "secret.py").write_text("x")
    return tmp_path


@pytest.fixture
def server(page: Path) -> Iterator[Server]:
    shop = Shop()
    kept = document(LARGE).kept()
    answers = Answers(
        lambda _: "x 1\n",
        lambda: "",
        {"names": lambda _: shop.names, "large": lambda _: LARGE, "kept": lambda _: kept},
        actions={"names/add": shop.add},
        files=files(page),
    )
    with Server("127.0.0.1:0", answers, limits=Limits(largest_body=1 << 20)) as running:
        yield running


def ask(
    server: Server,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), 30)) as to:
        to.request(method, path, body, dict(headers or {}))
        answer = to.getresponse()
        return answer, answer.read()


def test_an_action_changes_what_a_document_shows(server: Server) -> None:
    for name in ("a", "b"):
        answer, body = ask(
            server, "/api/v0/names/add", "POST", b'{"names":["%s"]}' % name.encode(), JSON
        )
        assert (answer.status, json.loads(body)) == (200, {"added": 1})
    assert json.loads(ask(server, "/api/v0/names")[1]) == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b'{"names":["bad"]}', JSON, 409, "bad is there already"),
        (b'{"names":', JSON, 400, "Input data was truncated"),
        (b'{"names":[1]}', JSON, 400, "Expected `str`, got `int` - at `$.names[0]`"),
        (b"\xff", JSON, 400, "JSON is malformed: invalid character (byte 0)"),
        (b"{}", {}, 415, "a body has the type application/json"),
        (
            b"{}",
            JSON | {"Origin": "http://a.example"},
            403,
            "only a page of this server may do that",
        ),
        (b"x" * (1 << 21), JSON, 413, "a body has no more than 1 MB"),
    ],
)
def test_an_action_that_is_refused_says_why(
    server: Server, body: bytes, headers: Mapping[str, str], status: int, why: str
) -> None:
    answer, told = ask(server, "/api/v0/names/add", "POST", body, headers)
    assert (answer.status, json.loads(told)) == (status, {"error": why})
    assert json.loads(ask(server, "/api/v0/names")[1]) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("POST", "/api/v0/names", 405, "GET, HEAD"),
        ("POST", "/metrics", 405, "GET, HEAD"),
        ("GET", "/api/v0/names/add", 405, "POST"),
        *((name, "/metrics", 405, "GET, HEAD, POST") for name in ("PUT", "DELETE", "OPTIONS")),
        ("TRACE", "/metrics", 405, "GET, HEAD, POST"),
    ],
)
def test_a_method_that_is_not_answered(
    server: Server, method: str, path: str, status: int, allowed: str
) -> None:
    answer, _ = ask(server, path, method, headers=JSON)
    assert (answer.status, answer.headers["Allow"]) == (status, allowed)


def test_the_page(server: Server) -> None:
    answer, _ = ask(server, "/")
    assert (answer.status, answer.headers["Location"]) == (302, "page/")
    assert ask(server, "/page")[0].headers["Location"] == "page/"
    answer, body = ask(server, "/page/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"matrix" in body
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    tag = answer.headers["ETag"]
    assert ask(server, "/page/index.html", headers={"If-None-Match": tag})[0].status == 304
    assert ask(server, "/page/app.js")[0].headers["Content-Type"].startswith("text/javascript")


def test_every_answer_is_told_to_be_what_it_is(server: Server) -> None:
    for path in ("/metrics", "/page/", "/nowhere", "/api/v0/names", "/healthz"):
        answer, _ = ask(server, path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Server"] == "flowmatrix"
    assert ask(server, "/api/v0/names")[0].headers["Cache-Control"] == "no-store"
    assert ask(server, "/page/")[0].headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/page/secret.py",
        "/page/../secret.py",
        "/page/%2e%2e/index.html",
        "/page/..%2findex.html",
        "/page/%00",
        "/page//index.html",
        "/page/index.html/",
        "/page/./app.js",
        "//etc/passwd",
        "/api/v0/",
        "/api/v0",
        "/API/V0/names",
    ],
)
def test_nothing_else_is_a_path(server: Server, path: str) -> None:
    answer, body = ask(server, path)
    assert (answer.status, json.loads(body)) == (404, {"error": "no such path"})


@pytest.mark.parametrize("name", ["large", "kept"])
def test_large_answers_are_compressed_for_who_takes_that(server: Server, name: str) -> None:
    plain, body = ask(server, f"/api/v0/{name}")
    assert (plain.headers["Content-Encoding"], json.loads(body)) == (None, LARGE)
    takes = {"Accept-Encoding": "br;q=1, gzip"}
    packed, data = ask(server, f"/api/v0/{name}", headers=takes)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert len(data) == int(packed.headers["Content-Length"]) < len(body) / 2
    assert gzip.decompress(data) == body
    for tag in (plain.headers["ETag"], packed.headers["ETag"]):
        assert ask(server, f"/api/v0/{name}", headers={"If-None-Match": tag})[0].status == 304
    small, _ = ask(server, "/api/v0/names", headers=takes)
    assert small.headers["Content-Encoding"] is None


def test_large_metrics_are_compressed_as_they_are_made() -> None:
    """The same lines for who takes gzip and for who does not, also at the same time."""
    lines = [f"x {number}\n" * 1_000 for number in range(50)]
    with Server("127.0.0.1:0", Answers(lambda _: iter(lines), str)) as here:
        plain, body = ask(here, "/metrics")
        packed, data = ask(here, "/metrics", headers={"Accept-Encoding": "gzip"})
        assert (plain.headers["Content-Encoding"], body) == (None, "".join(lines).encode())
        assert (packed.headers["Content-Encoding"], gzip.decompress(data)) == ("gzip", body)
        assert len(data) == int(packed.headers["Content-Length"]) < len(body) / 2


def test_a_head_tells_the_length(server: Server) -> None:
    answer, body = ask(server, "/api/v0/large", "HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(msgspec.json.encode(LARGE))


def test_a_query_of_too_many_parameters(server: Server) -> None:
    assert ask(server, f"/metrics?{'&'.join(['name[]=a'] * 100)}")[0].status == 200
    answer, body = ask(server, f"/metrics?{'&'.join(['name[]=a'] * 101)}")
    assert answer.status == 400
    assert json.loads(body) == {"error": "a query has no more than 100 parameters"}


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /metrics HTTP/1.1\r\nX: a\r\nb\r\n\r\n",
        b"GET /met\x00rics HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: a\x00\r\n\r\n",
        b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 100_000),
        b"GET /metrics HTTP/1.1\r\nX: %s\r\n\r\n" % (b"x" * 100_000),
        b"GET /metrics HTTP/1.1\r\n%s\r\n" % (b"X: y\r\n" * 10_000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /api/v0/names/add HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_not_a_request(
    server: Server, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """One answer that echoes nothing of it, and the end of the connection."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as to:
        to.sendall(sent)
        told = b""
        while piece := to.recv(65_536):
            told += piece
    assert told.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert told.endswith(b'{"error":"it is not a request of HTTP/1.1 that can be read"}')
    assert ask(server, "/healthz")[0].status == 200
    assert capfd.readouterr().err == ""


def test_names_of_a_stranger_are_told_and_not_obeyed(server: Server) -> None:
    answer, body = ask(server, "/api/v0/names", headers={"Host": "evil.example"})
    assert answer.status == 421
    assert json.loads(body)["error"].startswith('"evil.example" is not a name of this server')


def test_too_much_at_once() -> None:
    """What more is asked is told to come again; probes are answered meanwhile."""
    go = threading.Event()
    answers = Answers(lambda _: "x 1\n", lambda: "", {"slow": lambda _: go.wait(60)})
    with Server("127.0.0.1:0", answers) as server:
        got = Queue[HTTPResponse]()
        waiting = [
            threading.Thread(target=lambda n=n: got.put(ask(server, f"/api/v0/slow?n={n}")[0]))
            for n in range(25)
        ]
        for thread in waiting:
            thread.start()
        refused = got.get(timeout=60)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
        assert [ask(server, path)[0].status for path in ("/metrics", "/readyz", "/healthz")] == [
            200
        ] * 3
        go.set()
        assert {got.get(timeout=60).status for _ in range(24)} == {200}
        for thread in waiting:
            thread.join(60)


def test_the_end_waits_for_an_answer_under_way() -> None:
    go, told = threading.Event(), list[int]()

    def slow(_: object) -> str:
        go.set()
        threading.Event().wait(0.3)
        return "x 1\n"

    with Server("127.0.0.1:0", Answers(slow, lambda: "")) as server:
        thread = threading.Thread(target=lambda: told.append(ask(server, "/metrics")[0].status))
        thread.start()
        assert go.wait(60)
    thread.join(60)
    assert told == [200]


def test_a_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("let-me-in\n")
    answers = Answers(lambda _: "x 1\n", lambda: "", {"names": lambda _: []})
    with Server("127.0.0.1:0", answers, access=Access(file)) as server:
        assert ask(server, "/metrics")[0].status == 200
        assert ask(server, "/api/v0/names")[0].status == 401
        given = {"Authorization": "Bearer let-me-in", "Host": "worker.example"}
        assert ask(server, "/api/v0/names", headers=given)[0].status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-",
        b"POST /api/v0/add HTTP/1.1\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n",
        b"GET /api/v0/large HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["nothing", "head", "body", "reading", "idle"],
)
def test_who_keeps_the_server_waiting_is_put_out(sent: bytes) -> None:
    """Each in a time of its own, and others are answered meanwhile."""
    limits = Limits(head=0.5, body=0.5, reading=0.5, idle=0.5)
    text = "x" * (8 << 20)
    answers = Answers(lambda _: "", str, {"large": lambda _: text}, actions={"add": lambda _: 1})
    with Server("127.0.0.1:0", answers, limits=limits) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 30) as to:
            to.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            to.sendall(sent)
            deadline = time.monotonic() + 60
            assert _is_alive(server)
            while not _is_reset(to):
                assert _is_alive(server)
                assert time.monotonic() < deadline
                time.sleep(0.1)


def _is_alive(server: Server) -> bool:
    """Whether it answers; who is put out, as the machine stood still for a moment, asks again."""
    for _ in range(20):
        with suppress(ConnectionError):
            return ask(server, "/healthz")[0].status == 200
    return False


def _is_reset(connection: socket.socket) -> bool:
    """Whether the other end is gone, found out without reading what it has sent."""
    state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state != 1  # established


def test_a_silent_handshake_ends(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    files_ = map(str, authority.issue("127.0.0.1"))
    answers, limits = Answers(lambda _: "x 1\n", str), Limits(handshake=0.5)
    with Server("127.0.0.1:0", answers, *files_, limits=limits) as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 30) as silent:
            assert silent.recv(1) == b""


def test_more_connections_than_there_are_places() -> None:
    """Who has waited longest goes; whoever comes is answered."""
    answers = Answers(lambda _: "x 1\n", str)
    with Server("127.0.0.1:0", answers, limits=Limits(connections=3)) as server:
        port = int(server.url.rpartition(":")[2])
        with ExitStack() as stack:
            held = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
                for _ in range(20)
            ]
            assert ask(server, "/healthz")[0].status == 200
            with suppress(ConnectionResetError):
                assert held[0].recv(1) == b""


def test_no_connection_that_comes_as_a_server_ends_is_left_open() -> None:
    """What is left open is a warning of the collector, which fails a test."""
    for _ in range(30):
        with Server("127.0.0.1:0", Answers(lambda _: "x 1\n", lambda: "")) as server:
            port = int(server.url.rpartition(":")[2])
            callers = [threading.Thread(target=call_until_it_ends, args=(port,)) for _ in range(2)]
            for caller in callers:
                caller.start()
            time.sleep(0.02)
        for caller in callers:
            caller.join()
        gc.collect()


def call_until_it_ends(port: int) -> None:
    with suppress(OSError):
        while True:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

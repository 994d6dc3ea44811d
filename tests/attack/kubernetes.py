"""Attacks by an API server: malformed, endless and huge answers, and refusals without end.

The server is an HTTP server of this process. After each attack it answers properly: the watch must
know the pod that is listed then, and the memory must be bounded meanwhile.
"""

from __future__ import annotations

import json
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.reflector import Timing
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.sync.index import Watch
from tests.attack.tally import Size, Tally
from tests.kube.watching import named

_QUICK = Timing(silence=1.0, watch=2.0, first=0.02, most=0.1)
_SECONDS = 60.0
_MOST_MB = 900
"""What an attack may add to the memory: an answer of the largest size, and what it becomes."""
_MEGA = b"x" * (1 << 20)

_KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: u, user: {token: t}}]
"""

Answer = Callable[[BaseHTTPRequestHandler, object], None]
"""Answers a request for a list, or for a watch."""


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    kinds: dict[str, list[Answer]] = {
        "bodies that are not lists": [_body(text) for text in _BODIES],
        "refusals": [
            _status(code, headers)
            for code in (400, 401, 403, 404, 410, 429, 500, 503)
            for headers in _HEADERS
        ],
        "objects that are not valid": [_listed(one) for one in _OBJECTS],
        "events that are not valid": [_watched(line) for line in _EVENTS],
        "answers without end": [_endless(start, size.of(48, 600)) for start in _STARTS],
        "lists without end": [_pages],
        "connections that end": [_cut(length) for length in (0, 1, 30, 200)],
    }
    for name, answers in kinds.items():
        tally = Tally(name)
        for number, answer in enumerate(answers[:: 1 if size.long else 12]):
            with tally.step(f"{name} {number}"):
                tally.add(_attacked(tally, size.folder, answer, f"{name} {number}"))
        yield tally


def _attacked(tally: Tally, folder: Path, answer: Answer, what: str) -> str:
    """What becomes of a watch that is answered so, and then properly."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _server(answer, folder) as (server, path), closing(_watch(path)) as watch:
        deadline = time.monotonic() + _SECONDS
        while server.hostile_answers < 7 and time.monotonic() < deadline - 30:
            time.sleep(0.01)
        server.hostile = False
        while named(watch, "10.9.9.9") != "honest" and time.monotonic() < deadline:
            time.sleep(0.02)
        if named(watch, "10.9.9.9") != "honest":
            tally.fault(f"{what}: the watch does not recover")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    if grown > _MOST_MB:
        tally.fault(f"{what}: it took {grown} MB")
    return "survived, and recovered"


def _watch(path: Path) -> Watch:
    connection = ClusterConnection(path)
    return Watch(connection, IndexOptions(window=300.0), timing=_QUICK, wait=0.01)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hostile = True
    hostile_answers = 0


@contextmanager
def _server(answer: Answer, folder: Path) -> Iterator[tuple[_Server, Path]]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            watch = "watch=1" in self.path
            own = self.server
            assert isinstance(own, _Server)
            self.close_connection = True
            try:
                if own.hostile:
                    own.hostile_answers += 1
                    answer(self, watch)
                else:
                    _honest(self, watch)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    path = folder / f"kubeconfig-{server.server_port}"
    path.write_text(_KUBECONFIG % server.server_port)
    try:
        yield server, path
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _send(request: BaseHTTPRequestHandler, code: int, body: bytes, **headers: str) -> None:
    request.send_response_only(code)
    for name, value in {"Date": "Sat, 28 Nov 2026 20:00:00 GMT", **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.send_header("Connection", "close")
    request.end_headers()
    request.wfile.write(body)


def _list(items: list[Any], **metadata: str) -> bytes:
    return json.dumps({"metadata": {"resourceVersion": "5", **metadata}, "items": items}).encode()


_LATER = {"resourceVersion": "9"}
_HONEST: dict[str, dict[str, object]] = {
    "metadata": {"name": "honest", "namespace": "a"},
    "spec": {},
    "status": {"phase": "Running", "podIPs": [{"ip": "10.9.9.9"}]},
}


def _honest(request: BaseHTTPRequestHandler, watch: object) -> None:
    ours = request.path.startswith("/api/v1/pods")
    event = {"type": "ADDED", "object": {**_HONEST, "metadata": {**_HONEST["metadata"], **_LATER}}}
    shown = (json.dumps(event) + "\n").encode() if watch else _list([_HONEST])
    _send(request, 200, shown if ours else b"" if watch else _list([]))


_BODIES = (
    *(b"", b"{", b"[]", b"null", b"1", b"<html>", b"\xff\xfe", b'{"items":1}', b'{"items":[1]}'),
    *(b'{"items":{}}', b'{"metadata":[]}', b'{"metadata":{"continue":1}}', b'{"items":[null]}'),
    *(b"[" * 100_000, b'{"a":' * 100_000, b'{"items":[' + b"[" * 100_000, b'{"items":[{}]}'),
    *(b'{"metadata":{"resourceVersion":"' + b"9" * 9_000 + b'"},"items":[]}', b"\0" * 1_000),
)
_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Retry_After": "0"},
    {"Retry_After": "99999999999999999999"},
    {"Retry_After": "\xb2"},
    {"Retry_After": "-1"},
    {"Date": "never"},
    {"Date": "Mon, 01 Jan 0001 00:00:00 -2359"},
    {"Date": "Fri, 31 Dec 9999 23:59:59 -2300"},
    {"Content_Encoding": "gzip"},
    {"Content_Type": "x" * 20_000},
)
_NAMES = ("", "\x1b]0;x\x07", "a/b", "../..", "x" * 100_000, "\ud800", "=cmd()", "A B", "[/x]")
_ADDRESSES = ("", "none", "10.9.9.9/8", "1.2.3.4.5", "::1%eth0", "0x7f000001", "\x00", "9" * 5_000)
_OBJECTS: tuple[Any, ...] = (
    *({}, [], 1, None, "x", {"metadata": None}, {"metadata": []}, {"metadata": {"name": 1}}),
    *({"metadata": {"name": name, "namespace": name}} for name in _NAMES),
    *(
        {"metadata": {"name": "p"}, "status": {"podIPs": [{"ip": ip}], "podIP": ip}}
        for ip in _ADDRESSES
    ),
    {
        "metadata": {"name": "p"},
        "status": {"podIPs": [{"ip": f"10.1.{n >> 8}.{n & 255}"} for n in range(1_000)]},
    },
    {"metadata": {"name": "p", "annotations": {"a": "x" * (20 << 20)}}},
    {"metadata": {"name": "p", "labels": {str(n): "x" for n in range(100_000)}}},
    {
        "metadata": {
            "name": "p",
            "ownerReferences": [{"kind": "Pod", "name": "p", "controller": True}] * 1_000,
        }
    },
    {"metadata": {"name": "p", "creationTimestamp": "never", "deletionTimestamp": "9" * 99}},
    {"metadata": {"name": "p"}, "spec": 1, "status": "x"},
    {"metadata": {"name": "p"}, "status": {"podIPs": 1, "phase": []}},
)
_EVENTS = (
    *(
        b"\n" * 1_000,
        b"{}\n",
        b"null\n",
        b"[]\n",
        b'{"type":1}\n',
        b'{"type":"ADDED"}\n',
        b"\xff\n",
    ),
    *(b'{"type":"ADDED","object":null}\n', b'{"type":"NEW","object":{}}\n', b"[" * 90_000 + b"\n"),
    *(b'{"type":"ERROR","object":{"code":"x"}}\n', b'{"type":"ERROR","object":{"code":410}}\n'),
    b'{"type":"ERROR","object":{"code":500,"message":"' + b"m" * 1_000_000 + b'"}}\n',
    b'{"type":"DELETED","object":{"metadata":{"resourceVersion":"6"}}}\n' * 1_000,
    b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"' + b"9" * 9_000 + b'"}}}\n',
    b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"0","name":"old"}}}\n',
)
_STARTS = (b"", b'{"items":[', b'{"metadata":{"resourceVersion":"', b"\n")


def _body(text: bytes) -> Answer:
    return lambda request, _: _send(request, 200, text)


def _status(code: int, headers: dict[str, str]) -> Answer:
    message = json.dumps({"message": "m" * 300_000, "code": code}).encode()
    return lambda request, _: _send(request, code, message, **headers)


def _listed(one: Any) -> Answer:
    body = _list([one, _HONEST])
    return lambda request, watch: _send(request, 200, b"" if watch else body)


def _watched(line: bytes) -> Answer:
    return lambda request, watch: _send(request, 200, line if watch else _list([]))


def _endless(start: bytes, megabytes: int) -> Answer:
    """Megabyte after megabyte, in lists and in watches, without a line's end."""

    def answer(request: BaseHTTPRequestHandler, _: object) -> None:
        request.send_response_only(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(start)
        for _ in range(megabytes):
            request.wfile.write(_MEGA)

    return answer


def _pages(request: BaseHTTPRequestHandler, watch: object) -> None:
    _send(request, 200, b"" if watch else _list([], **{"continue": "more"}))


def _cut(length: int) -> Answer:
    """A head that promises more than comes."""

    def answer(request: BaseHTTPRequestHandler, _: object) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\nDate: x\r\n\r\n" + _list([])
        request.wfile.write(head[:length])

    return answer

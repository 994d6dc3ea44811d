"""Attacks by callers of a worker that reads: crowds, endless and odd requests.

The short form tries requests that are odd; tests/api/test_abuse.py has crowds of its own.
"""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

from tests.api.test_abuse import ATTACKS, DESCRIPTORS, Attack, Worker, connect
from tests.attack.tally import Size, Tally

_MOST_MB = 1_500
_MORE_SECONDS = 3.0
_METHODS = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get"),
    *("", " ", "G\0T", "GET\t", "X" * 9_000, "\u00e9", "GET GET"),
)
_PATHS = (
    *(
        "/../../etc/passwd",
        "/page/../../../etc/passwd",
        "/page/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
    ),
    *(
        "/page/..%2f..%2fetc/passwd",
        "/page/....//etc/passwd",
        "\\..\\..\\x",
        "/page/%00",
        "/\0",
        "*",
    ),
    *(
        "http://a/metrics",
        "/metrics?name[]=" + "x" * 9_000,
        "/api/v0/who?ip=%ff%fe",
        "/%",
        "/%zz",
        "?",
    ),
    *(
        "/api/v0/matrix?namespace=%0d%0aX-Injected:1",
        "/metrics%0d%0aX-Injected:%201",
        "/" + "a/" * 4_000,
    ),
    *(
        "/api/v0/flows?since=" + "9" * 400,
        "/api/v0/matrix?namespace[]=a&namespace=b",
        "/metrics#x",
        "",
    ),
)
_HEADERS = (
    *(
        "Host: a",
        "Host:",
        "Host: a\r\nHost: b",
        "Host: a\r\nX-A: b\n injected: c",
        "Host: a\r\n: b",
    ),
    *("Host: a\r\nContent-Length: -1", "Host: a\r\nContent-Length: 1\r\nContent-Length: 2"),
    *(
        "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "Host: a\r\nExpect: 100-continue",
    ),
    *("Host: a\r\nRange: bytes=0-,0-,0-", "Host: a\r\nAccept-Encoding: " + "gzip," * 900),
    *(
        "Host: a\r\nUpgrade: h2c\r\nConnection: Upgrade",
        "Host: \x1b]0;x\x07",
        "Host: a\r\nX: \xff\xfe",
    ),
)


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    worker = Worker(size.folder)
    try:
        yield _odd("odd methods, paths and headers", worker, size.of(40, 1))
        for attack in ATTACKS if size.long else ():
            yield _crowd(attack, worker)
    finally:
        worker.end()


def _odd(name: str, worker: Worker, step: int) -> Tally:
    """Each has an answer that is no error of the server, or the connection ends."""
    tally = Tally(name)
    asked = [(m, p, h) for m in _METHODS for p in _PATHS for h in _HEADERS][::step]
    for method, path, headers in asked:
        request = f"{method} {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"
        with tally.step(request[:200]):
            answer = _answer(worker, request.encode("latin-1"))
            status = answer[9:12].decode("latin-1")
            if status.startswith("5") and status != "501":
                tally.fault(f"{request!r:.300}: {answer[:200]!r}")
            if b"X-Injected" in answer.partition(b"\r\n\r\n")[0] or b"root:" in answer:
                tally.fault(f"{request!r:.300}: {answer[:200]!r}")
            tally.add(f"{status[:1]}xx" if status else "the connection ends")
    with tally.step("afterwards"):
        _well(tally, name, worker)
    return tally


def _answer(worker: Worker, request: bytes) -> bytes:
    """The first part of an answer; who waits for more of a request is told that nothing comes."""
    with connect(worker.port) as caller:
        try:
            caller.sendall(request)
            caller.settimeout(_MORE_SECONDS)
            try:
                return caller.recv(65_536)
            except TimeoutError:
                caller.settimeout(30)
                caller.shutdown(socket.SHUT_WR)
                return caller.recv(65_536)
        except ConnectionError:
            return b""


def _crowd(attack: Attack, worker: Worker) -> Tally:
    """Meanwhile probes and scrapes are answered, and flows read."""
    tally = Tally(attack.__name__.replace("_", " "))
    with tally.step(tally.attack), ExitStack() as stack:
        read = worker.read()
        attack(worker.port, stack)
        for _ in range(3):
            _well(tally, tally.attack, worker)
        worker.reads_more_than(read)
        tally.add("answered meanwhile")
    return tally


def _well(tally: Tally, what: str, worker: Worker) -> None:
    if worker.page("/healthz") != '{"status":"alive"}':
        tally.fault(f"{what}: it is not alive")
    if worker.descriptors > DESCRIPTORS:
        tally.fault(f"{what}: {worker.descriptors} descriptors")
    if worker.megabytes > _MOST_MB:
        tally.fault(f"{what}: {worker.megabytes:.0f} MB")

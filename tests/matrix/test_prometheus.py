"""The matrix of series that a real Prometheus has scraped."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from threading import Thread

import pytest

from matrix.families import MatrixDirection
from matrix.prometheus import Prometheus, PrometheusError
from matrix.tables import connections, namespaces
from tests.real.cluster import eventually
from tests.real.prometheus import Prometheus as Server
from tests.support.hostile import answered, hostile

OUT = MatrixDirection.OUTGOING
WEB = 'namespace="shop",workload="web",kind="Deployment",Flags="SYN"'
DB = 'to_namespace="shop",to_workload="db",to_kind="StatefulSet",to_subnet_label="Pods"'
OWN = f"""\
# TYPE netobserv_workload_syn_out counter
netobserv_workload_syn_out{{{WEB},{DB},port="5432"}} %d
netobserv_workload_syn_out{{{WEB},to_subnet_label="S3",port="443"}} 2
netobserv_workload_syn_out{{{WEB.replace("shop", "o'ther-1")},{DB},port="80"}} 1
# TYPE plain_connections counter
plain_connections{{SrcK8S_Namespace="raw",SrcK8S_OwnerName="a",SrcK8S_OwnerType="Pod",\
DstK8S_Namespace="shop",DstK8S_OwnerName="db",DstK8S_OwnerType="StatefulSet",DstPort="5432"}} 4
# TYPE unrelated counter
unrelated{{port="1"}} 9
"""
_HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
GONE = f'netobserv_workload_syn_out{{{WEB},{DB},port="6000"}} 7\n'


class _Pages:
    """What two targets show, which a test changes."""

    def __init__(self) -> None:
        self.texts = {"/one": OWN % 5 + GONE, "/two": OWN % 3}
        self.scrapes = dict.fromkeys(self.texts, 0)


@pytest.fixture
def pages() -> Iterator[tuple[_Pages, str]]:
    shown = _Pages()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(shown.texts.get(self.path, "x").encode())
            if self.path in shown.scrapes:
                shown.scrapes[self.path] += 1

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever).start()
        yield shown, f"127.0.0.1:{server.server_port}"
        server.shutdown()


def scraping(target: str, *, honor: bool) -> dict[str, object]:
    """Two targets, whose own label `namespace` is in the way unless labels are honoured."""
    jobs = [
        {
            "job_name": name,
            "metrics_path": f"/{name}",
            "honor_labels": honor,
            "scrape_interval": "1s",
            "static_configs": [{"targets": [target], "labels": {"namespace": "monitoring"}}],
        }
        for name in ("one", "two")
    ]
    return {"scrape_configs": jobs}


def scraped(pages: _Pages, server: Server, times: int = 2) -> None:
    """Wait until each target was scraped so often, and the last one is there to ask for."""
    wanted = {path: number + times for path, number in pages.scrapes.items()}
    deadline = time.monotonic() + 60
    while any(pages.scrapes[path] < number for path, number in wanted.items()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.wait("count(netobserv_workload_syn_out) > 5")


@pytest.mark.parametrize("labels", ["honoured", "moved"])
def test_the_matrix_of_what_is_scraped(
    new_prometheus: Callable[[Mapping[str, object]], Server],
    pages: tuple[_Pages, str],
    labels: str,
) -> None:
    """Counts of two targets are added up, and what moved to `exported_namespace` is found."""
    shown, target = pages
    server = new_prometheus(scraping(target, honor=labels == "honoured"))
    scraped(shown, server)
    series = Prometheus(server.url, 3600).series()
    assert sorted(series) == ["netobserv_workload_syn_out", "plain_connections"]
    assert namespaces(series) == ["o'ther-1", "shop"]
    rows = connections(series, "shop", OUT).rows
    columns = ["workload", "port", "peer_workload", "peer_subnet_label", "count", "evidence"]
    assert rows.select(columns).rows() == [
        ("web", 5432, "db", "Pods", 8.0, "SYN"),
        ("web", 6000, "db", "Pods", 7.0, "SYN"),
        ("web", 443, "", "S3", 4.0, "SYN"),
    ]
    assert rows["first_seen"].to_list() == [None] * 3
    raw = connections(series, "raw", OUT, metrics=["plain_connections"]).rows
    assert raw.select("workload", "port", "count").rows() == [("a", 5432, 8.0)]


def test_series_that_are_gone_are_found_while_the_period_has_them(
    new_prometheus: Callable[[Mapping[str, object]], Server], pages: tuple[_Pages, str]
) -> None:
    """A restart makes the counter smaller; the row keeps what it had."""
    shown, target = pages
    server = new_prometheus(scraping(target, honor=True))
    scraped(shown, server)
    shown.texts["/one"] = OWN % 1
    scraped(shown, server)
    server.wait('absent(netobserv_workload_syn_out{port="6000"})')
    rows = connections(Prometheus(server.url, 3600).series(["shop"]), "shop", OUT).rows
    assert rows.select("port", "count").rows() == [(5432, 8.0), (6000, 7.0), (443, 4.0)]

    def late() -> list[tuple[object, ...]]:
        series = Prometheus(server.url, 2).series(["shop"])
        return connections(series, "shop", OUT).rows.select("port", "count").rows()

    eventually(lambda: late() == [(443, 4.0), (5432, 4.0)])


@pytest.mark.parametrize(("names", "metrics"), [(["o'ther-1"], ()), ([], ["plain_connections"])])
def test_only_what_is_asked_for_is_fetched(
    new_prometheus: Callable[[Mapping[str, object]], Server],
    pages: tuple[_Pages, str],
    names: list[str],
    metrics: tuple[str, ...],
) -> None:
    """A namespace of any letters, and a metric by its name."""
    shown, target = pages
    server = new_prometheus(scraping(target, honor=True))
    scraped(shown, server)
    series = Prometheus(server.url, 3600).series(names, metrics)
    rows = list(itertools.chain.from_iterable(frame.rows() for frame in series.values()))
    assert len(rows) == 1


def test_a_server_that_is_no_prometheus_is_named(pages: tuple[_Pages, str]) -> None:
    _, target = pages
    with pytest.raises(PrometheusError, match=r"cannot ask http://127[.]0[.]0[.]1:1/api/v1/label"):
        Prometheus("http://127.0.0.1:1", 60).series()
    with pytest.raises(PrometheusError, match='"localhost:9090" is not a URL: http://HOST:PORT'):
        Prometheus("localhost:9090", 60)
    with pytest.raises(PrometheusError, match="not an answer of Prometheus"):
        Prometheus(f"http://{target}", 60).series(metrics=["m"])


@contextmanager
def answering(
    answers: Mapping[str, object], status: int = 200, location: str = ""
) -> Iterator[tuple[str, list[str]]]:
    """The URL of a server with an answer for each path, and the tokens that it was sent."""
    tokens = list[str]()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Location", location)
            self.end_headers()
            path = self.path.partition("?")[0].removeprefix("/api/v1/")
            data = {"status": "success", "data": answers.get(path, [])}
            self.wfile.write(json.dumps(data).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", tokens
        finally:
            server.shutdown()


SAMPLE = {"metric": {}, "value": [1e308, "5"]}


@pytest.mark.parametrize(
    ("labels", "vector", "why"),
    [
        ([5, None], {}, "not an answer of Prometheus"),
        ({}, {}, "not an answer of Prometheus"),
        ([], [], "not an answer of Prometheus"),
        ([], {"resultType": "matrix", "result": []}, "does not answer a query with a vector"),
        ([], {"resultType": "vector", "result": [5]}, "not an answer of Prometheus"),
        ([], {"resultType": "vector", "result": [SAMPLE | {"metric": None}]}, "not an answer"),
        ([], {"resultType": "vector", "result": [SAMPLE | {"metric": {"a": 5}}]}, "not an answer"),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1, {}]}]}, "not an answer"),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1]}]}, "not an answer"),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1, "x"]}]}, 'value "x"'),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1, "NaN"]}]}, 'value "NaN"'),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1, "+Inf"]}]}, '"+Inf"'),
        ([], {"resultType": "vector", "result": [SAMPLE | {"value": [1, "-1"]}]}, 'value "-1"'),
    ],
)
def test_an_answer_of_another_form_is_told(labels: object, vector: object, why: str) -> None:
    with (
        answering({"labels": labels, "query": vector}) as (url, _),
        pytest.raises(PrometheusError) as caught,
    ):
        Prometheus(url, 60).series(metrics=["m"])
    assert url in str(caught.value)
    assert why in str(caught.value)


def test_a_token_goes_to_the_server_that_is_named_alone() -> None:
    """As the address that a server sends its callers on to may be anybody's."""
    empty = {"query": {"resultType": "vector", "result": []}}
    with (
        answering(empty) as (other, stolen),
        answering(empty, 302, f"{other}/api/v1/query") as (url, tokens),
        pytest.raises(PrometheusError, match="cannot ask"),
    ):
        Prometheus(url, 60, "hush").series(metrics=["m"])
    assert set(tokens) == {"Bearer hush"}
    assert set(stolen) == {""}


def test_a_query_that_is_refused_says_why(
    new_prometheus: Callable[[Mapping[str, object]], Server],
) -> None:
    server = new_prometheus({})
    with pytest.raises(PrometheusError, match=r"cannot ask .*: 400: "):
        Prometheus(server.url, 0).series(metrics=['a"b\\'])


LONG = "\x1b]0;x\x07" + "a" * 60_000


@pytest.mark.parametrize(
    "piece",
    [answered(json.dumps({"error": LONG}).encode(), "503 Busy"), f"{LONG}\r\n\r\n".encode()],
    ids=["a reason", "a status"],
)
def test_an_error_repeats_a_part_of_what_was_said_without_escapes(piece: bytes) -> None:
    """A server's reason was shown uncut, and raw."""
    with hostile([piece]) as url, pytest.raises(PrometheusError, match="aaaa") as caught:
        Prometheus(url, 60).series(metrics=["m"])
    assert len(str(caught.value)) < 1_200
    assert str(caught.value).isprintable()


def test_a_value_that_is_none_is_shown_in_part_and_without_escapes() -> None:
    vector = {"resultType": "vector", "result": [SAMPLE | {"value": [1, LONG]}]}
    with answering({"query": vector}) as (url, _), pytest.raises(PrometheusError) as caught:
        Prometheus(url, 60).series(metrics=["m"])
    assert len(str(caught.value)) < 1_200
    assert str(caught.value).isprintable()


def test_a_login_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(PrometheusError, match=r"^cannot ask http://prometheus:9090: a URL"):
        Prometheus("http://me:secret@prometheus:9090", 60.0)


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        (chain([_HEAD], repeat(b"x")), "its answer takes too long"),
        ([b"HTTP/1.1 200 " + b"x" * 70_000], "got more than 65536 bytes when reading status line"),
        (chain([_HEAD], repeat(bytes(1 << 20))), "its answer is longer than 256 MB"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "its answer ends too early"),
        ([answered(b'{"data":' + b"[" * 100_000)], "not an answer of Prometheus"),
    ],
    ids=["slow", "head", "endless", "half", "deep"],
)
def test_a_server_takes_so_much_time_and_memory_and_no_more(
    pieces: Iterable[bytes], why: str
) -> None:
    patience = 2.0 if "takes" in why else 60.0
    with hostile(pieces) as url, pytest.raises(PrometheusError) as caught:
        Prometheus(url, 60, patience=patience).series(metrics=["m"])
    assert str(caught.value) == f"cannot ask {url}/api/v1/labels: {why}"

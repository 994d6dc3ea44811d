"""The matrix of series that a real Prometheus has scraped."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from matrix.families import MatrixDirection
from matrix.prometheus import Prometheus, PrometheusError
from matrix.tables import connections, namespaces
from tests.real.prometheus import Prometheus as Server

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
    time.sleep(3)
    late = connections(Prometheus(server.url, 2).series(["shop"]), "shop", OUT).rows
    assert late.select("port", "count").rows() == [(443, 4.0), (5432, 4.0)]


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


def test_a_query_that_is_refused_says_why(
    new_prometheus: Callable[[Mapping[str, object]], Server],
) -> None:
    server = new_prometheus({})
    with pytest.raises(PrometheusError, match=r"cannot ask .*: 400: "):
        Prometheus(server.url, 0).series(metrics=['a"b\\'])

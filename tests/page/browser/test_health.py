"""The health of a worker of a broker and of an API server, as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from page.health import DESCRIBED, HealthPage
from page.source import Source
from pipeline.app.documents import Extra
from pipeline.files import write
from simulate import simulate
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, running
from tests.real.apiserver import ApiServer
from tests.real.broker import Broker
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Browser, Window
from tests.real.cluster import kubeconfig
from tests.real.parts import LOCALHOST
from tests.support.paging import Page
from tests.support.recordings import messages
from tests.support.seen import Fixed, reference_seen

TOPIC, CAP = "health", 5
CONFIG = """
limits: {max_series: 100}
checkpoint: {interval: 0.3}
stages:
- name: flows
  type: ingest_kafka
  decoder: protobuf
  brokers: [BROKER]
  topics: [TOPIC]
  linger: 0.1
- {name: k8s, type: kubernetes, follows: flows, cluster: {kubeconfig: kubeconfig}}
- {name: edges, type: encode_matrix, follows: k8s}
- name: out
  type: encode_prometheus
  follows: k8s
  max_series_per_metric: 5
  metrics: [{name: bytes, type: counter, labels: [SrcAddr], value: Bytes}]
"""


class Running(NamedTuple):
    """A worker that has read good messages and two that are none, and its page."""

    page: Page
    worker: Worker
    config: Path
    read: int


@pytest.fixture(scope="module")
def worker(
    kafka_broker: Broker, kube_server: ApiServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Worker, Path, int]]:
    folder = tmp_path_factory.mktemp("health")
    kubeconfig(kube_server, folder / "kubeconfig")
    made = simulate("reference", folder / "reference.pb")
    text = CONFIG.replace("BROKER", kafka_broker.bootstrap).replace("TOPIC", TOPIC)
    config = folder / "health.yaml"
    config.write_text(text)
    kafka_broker.create_topic(TOPIC, 2)
    payloads = list(messages(made.recording))[:600]
    started = Worker(config, "worker", "--page")
    with running(started):
        produce(kafka_broker.bootstrap, TOPIC, [*payloads, b"\xff", b"\xff\xff"], 2)
        yield started, config, len(payloads) + 2


@pytest.fixture
def health(worker: tuple[Worker, Path, int], chromium: Browser) -> Iterator[Running]:
    started, config, read = worker
    page = Page(chromium, f"http://{LOCALHOST}:{started.port}")
    chromium.console()
    page.open("health")
    yield Running(page, started, config, read)
    assert chromium.violations() == []
    page.driver.get("about:blank")
    assert chromium.console() == []


def table(page: Page, name: str) -> list[dict[str, str]]:
    """The rows of a table, by the texts of its header."""
    headings, rows = page.browser.run(
        "const table = document.querySelector(`section[aria-label='${arguments[0]}'] table`);"
        "const texts = (row) => [...row.children].map((one) => one.textContent);"
        "const rows = table ? [...table.tBodies[0].rows] : [];"
        "return [table ? texts(table.tHead.rows[0]) : [], rows.map(texts)];",
        name,
    )
    return [dict(zip(headings, row, strict=True)) for row in rows]


def figures(page: Page) -> dict[str, str]:
    found = page.browser.run(
        "return [...document.querySelectorAll('.figures div')].map("
        "(one) => [one.querySelector('dt').textContent, one.querySelector('dd').textContent])"
    )
    return dict(found)


def number(text: str) -> float:
    """The number that a text begins with; 0 while it is not known yet."""
    found = re.match(r"[\d,.]+", text.removeprefix("▲ "))
    return float(found[0].replace(",", "")) if found else 0.0


def test_stages_with_what_came_in_and_what_went_out(health: Running) -> None:
    page, read = health.page, health.read

    def at_rest() -> bool:
        found = figures(page)
        return number(found["Messages read"]) == read and found["Lag"] == "0 messages"

    page.until(at_rest)
    stages = {one["Stage"]: one for one in table(page, "Stages")}
    assert {name: one["Type"] for name, one in stages.items()} == {
        "flows": "ingest_kafka",
        "k8s": "kubernetes",
        "edges": "encode_matrix",
        "out": "encode_prometheus",
    }
    for name, one in stages.items():
        came, out, filtered, rejected = (
            number(one[part].removeprefix("▲ "))
            for part in ("Flows in", "Flows out", "Flows filtered", "Messages rejected")
        )
        if name != "edges":
            assert came == out + filtered + rejected
    assert number(stages["flows"]["Messages rejected"].removeprefix("▲ ")) == 2


def test_flows_a_second_and_their_time_are_of_now(health: Running, kafka_broker: Broker) -> None:
    """They are counted since an earlier look, and nothing else than looking makes them known."""
    page, folder = health.page, health.config.parent
    payloads = list(messages(folder / "reference.pb"))[:600]
    before = page.until(lambda: number(figures(page)["Messages read"]))
    produce(kafka_broker.bootstrap, TOPIC, [*payloads, b"\xff"], 2)

    def counted() -> bool:
        found, stages = figures(page), table(page, "Stages")
        shown = [number(one[name]) for one in stages for name in ("Flows/s", "Time a flow")]
        return (
            number(found["Messages read"]) == before + 601
            and number(found["Flows per second"]) > 0
            and min(shown) > 0
        )

    page.until(counted)


def test_partitions_with_lag_and_the_age_of_their_checkpoint(health: Running) -> None:
    page = health.page

    def at_rest() -> list[dict[str, str]]:
        found = table(page, "Partitions")
        return found if [one["Lag, messages"] for one in found] == ["0", "0"] else []

    parts = page.until(at_rest)
    assert [(one["Topic"], one["Partition"]) for one in parts] == [(TOPIC, "0"), (TOPIC, "1")]
    assert sum(number(one["Offset"]) for one in parts) >= health.read
    assert sum(number(one["Messages rejected"]) for one in parts) >= 2
    assert {one["Messages lost"] for one in parts} == {"0"}
    assert all(re.fullmatch(r"\d+\.\d s ago", one["Checkpoint"]) for one in parts)


def test_rejects_by_reason(health: Running) -> None:
    page = health.page

    def alike() -> dict[str, str] | None:
        (only,) = table(page, "Rejected")
        return only if figures(page)["Messages rejected"] == only["Messages"] else None

    only = page.until(alike)
    assert only["Reason"].startswith("failed to decode Protobuf message")
    assert number(only["Messages"]) >= 2


def test_series_against_their_limits(health: Running) -> None:
    def reached() -> dict[str, str] | None:
        (found,) = table(health.page, "Series")
        return found if number(found["Label sets beyond it"]) else None

    found = health.page.until(reached)
    assert found["Metric"] == "bytes"
    assert (found["Series"], found["Limit of series"]) == (str(CAP + 1), str(CAP))
    assert found["Of the limit"] == "▲ 120 %"
    health.page.until(lambda: "limit of series reached: bytes" in health.page.texts(".notice.warn"))


def test_the_api_server_and_what_is_known_of_it(health: Running) -> None:
    def listed() -> dict[str, dict[str, str]] | None:
        kinds = {one["Kind"]: one for one in table(health.page, "Kubernetes API")}
        return kinds if {one["Listed"] for one in kinds.values()} == {"✓ yes"} else None

    kinds = health.page.until(listed)
    assert {"Pod", "Node", "Service"} <= set(kinds)
    assert {one["Out of date for"] for one in kinds.values()} == {"\N{EN DASH}"}
    assert all(number(one["Errors"]) == 0 for one in kinds.values())


def test_a_reload_and_one_that_is_refused(health: Running) -> None:
    page, config = health.page, health.config
    before = config.read_text()
    page.until(lambda: page.text(".notice.done") == "✓ The worker is ready.")
    page.until(lambda: figures(page)["Configuration"] == "as at the start")
    write(config, before.replace("type: counter", "type: countr"))
    refused = "The newest configuration is refused, the one before runs on"
    page.until(lambda: refused in page.text(".notice.error"))
    page.accessible("health-refused")
    document = yaml.safe_load(before)
    document["stages"][-1]["metrics"].append({"name": "flows", "type": "counter"})
    write(config, yaml.safe_dump(document))
    page.until(lambda: figures(page)["Configuration"].startswith("reloaded "))
    page.until(lambda: not page.all(".notice.error"))
    page.until(lambda: "flows" in {one["Metric"] for one in table(page, "Series")})


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(health: Running, window: Window) -> None:
    page = health.page
    page.open("health", window=window)
    page.accessible(f"health-{window.width}")
    wide = page.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width


def test_what_does_not_run_has_no_health(open_page: Callable[[Source], Page]) -> None:
    page = open_page(Fixed(reference_seen()))
    page.open("health")
    assert page.text(".empty h2") == "There is no worker"
    page.accessible("health-none")


def test_a_worker_that_is_not_ready_says_why(
    open_page: Callable[..., Page], worker: tuple[Worker, Path, int]
) -> None:
    """Of a group, each has its name; what one says is text."""
    found = worker[0].get("/api/v0/health")[1]["workers"][0]
    hostile = "<img src=x onerror=alert(1)>\u202e"
    away = {**found, "worker": hostile, "reason": f"broker {hostile} is away", "refused": hostile}
    document = Extra(lambda _: {"workers": [{**found, "worker": "a"}, away]}, DESCRIBED)
    assert DESCRIBED.answer is HealthPage
    page = open_page(Fixed(reference_seen()), {"health": document})
    page.open("health")
    shown = "<img src=x onerror=alert(1)>\\u202e"
    page.until(lambda: page.texts("main .view h2")[0] == "a")
    assert shown in page.texts("main .view h2")
    assert f"Not ready: broker {shown} is away" in page.texts(".notice.warn")
    assert page.all("main img") == []
    page.accessible("health-group")

"""The whole way from flows to a policy and its drift, clicked through on a worker of Kafka."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
from selenium.webdriver.common.keys import Keys

from matrix.approved import Approved, dump
from simulate import simulate
from simulate.recording import Format, write
from simulate.reference import reference
from simulate.scenario import SYN, records
from tests.kafka.support.feeding import produce
from tests.kafka.support.workers import Worker, configured, counted, running
from tests.real.broker import Broker
from tests.real.browser import Browser
from tests.real.parts import LOCALHOST
from tests.support.paging import Page
from tests.support.recordings import messages

NAME = "AWS_S3_eu-west-3"
VIEWS = (
    *("Matrix", "Table", "Unknown peers", "Policy", "Drift"),
    *("Traffic flows", "Metrics", "Health"),
)


def rogue(folder: Path) -> list[bytes]:
    """A pod of Loki's ingesters opens connections to the plugin, which it has never done."""
    scenario = reference()
    peers = scenario.cluster.frame().with_row_index("at")
    (client, *_) = peers.filter(pl.col("workload") == "loki-ingester")["at"]
    (server, *_) = peers.filter(pl.col("workload") == "netobserv-plugin")["at"]
    flows = next(iter(scenario.frames)).filter(pl.col("dst") == server, pl.col("DstPort") == 9001)
    assert flows.height
    flows = flows.with_columns(
        pl.lit(client, pl.UInt32).alias("src"),
        pl.lit(client, pl.UInt32).alias("reporter"),
        pl.lit(SYN, pl.UInt16).alias("Flags"),
    )
    write(folder / "rogue.pb", [records(flows, peers.drop("at"))], Format.PROTOBUF)
    return list(messages(folder / "rogue.pb"))


def test_from_flows_to_a_policy_and_its_drift(
    kafka_broker: Broker, chromium: Browser, tmp_path: Path
) -> None:
    made = simulate("reference", tmp_path / "reference.pb")
    assert made.before, "the pipeline that has no name for S3"
    payloads = list(messages(made.recording))
    kafka_broker.create_topic("story", 2)
    approved = tmp_path / "approved.yaml"
    approved.write_text(dump(Approved()))
    config = configured(
        tmp_path,
        replace(made, config=made.before),
        {"brokers": [kafka_broker.bootstrap], "topics": ["story"], "linger": 0.1},
        checkpoint={"interval": 0.3},
        matrix={"approved": str(approved)},
    )
    worker = Worker(config, "worker", "--page")
    with running(worker):
        produce(kafka_broker.bootstrap, "story", payloads, 2)
        counted(len(payloads), worker)
        page = Page(chromium, f"http://{LOCALHOST}:{worker.port}")
        finds_who_calls(page)
        names_the_bucket(page)
        gets_the_policy(page)
        approves(page)
        produce(kafka_broker.bootstrap, "story", rogue(tmp_path), 2)
        sees_the_drift(page)
        walks_by_keyboard(page)
        page.open("drift")
    page.until(lambda: "Not up to date: the server does not answer" in page.text("#alert"))
    page.accessible("story-8-nobody-answers")
    page.driver.get("about:blank")
    assert NAME in config.read_text()
    assert NAME in approved.read_text()
    assert chromium.console() == []


def finds_who_calls(page: Page) -> None:
    """The nodes call flowlogs-pipeline on 2055 and 8080."""
    page.open()
    page.choose(".controls select", "netobserv")
    page.until(lambda: "flowlogs-pipeline" in page.texts(".grid-client .name"))
    page.click(".choice label", "ingress")
    page.until(lambda: page.texts(".grid-client .name")[-1] == "nodes")
    page.until(lambda: len(page.texts(".grid-client")) == 3)
    calls = page.browser.run(
        "const row = [...document.querySelectorAll('.grid-row')].at(-1);"
        "return [...row.querySelectorAll('.cell.filled')].map((one) => "
        "document.querySelector(`.grid-head [aria-colindex='${one.ariaColIndex}']`).textContent)"
    )
    assert [text.split("netobserv")[0] for text in calls] == [
        "flowlogs-pipelineTCP 2055",
        "flowlogs-pipelineTCP 8080",
    ]
    page.accessible("story-1-matrix")


def names_the_bucket(page: Page) -> None:
    """A proposal for the unknown addresses is renamed and applied; the pipeline goes on with it."""
    page.button("Unknown peers").click()
    page.until(lambda: "No workload of netobserv" in page.text("main"))
    page.labelled("Namespace").send_keys(Keys.CONTROL + "a" + Keys.NULL + Keys.DELETE + Keys.ENTER)
    page.until(lambda: page.all(".proposal"))
    page.accessible("story-2-peers")
    name = page.labelled("Name")
    name.clear()
    name.send_keys(NAME)
    page.button("Apply 1 label").click()
    page.until(lambda: "1 label written" in page.text("main [role=status]"))
    page.until(lambda: "Every peer has a name" in page.text("main"))
    page.accessible("story-3-named")
    page.open("matrix?namespace=noo-loki&direction=egress")
    page.until(lambda: NAME in page.texts(".grid-server .name"))


def gets_the_policy(page: Page) -> None:
    """What was seen of the namespace is allowed by its draft."""
    page.button("Policy").click()
    page.until(lambda: "Draft: policies made from what was seen" in page.text("main"))
    page.until(lambda: "100 %" in page.text(".figures"))
    assert 'kind: "NetworkPolicy"' in "".join(page.texts("main pre"))
    page.accessible("story-4-policy")


def approves(page: Page) -> None:
    """Everything that was seen is approved."""
    page.open("drift")
    page.button("Approve all …").click()
    page.button("Yes, approve").click()
    page.until(lambda: "As approved" in page.text("main"))
    page.accessible("story-5-approved")


def sees_the_drift(page: Page) -> None:
    """The client that nobody has approved is there without a reload, in the matrix too."""
    edge = "noo-loki/loki-ingester → netobserv/netobserv-plugin"
    page.until(lambda: page.texts("tbody .name") == [edge])
    assert page.texts("tbody .badge") == ["▲new"]
    page.accessible("story-6-drift")
    page.open("matrix?namespace=netobserv")
    page.until(lambda: page.texts(".cell.is-new b") == ["▲ new"])
    page.one(".cell.is-new").click()
    page.until(lambda: "loki-ingester" in page.text("#panel h2"))
    page.accessible("story-7-rogue")


def walks_by_keyboard(page: Page) -> None:
    """Every view is reached with Tab and Enter, and what follows it with Tab, always in sight."""
    page.open("matrix?namespace=netobserv")
    for title in VIEWS:
        page.browser.run("document.activeElement.blur()")
        page.tab_to(f"at.closest('nav a')?.textContent === '{title}'")
        page.press(Keys.ENTER)
        page.until(lambda title=title: page.driver.title == f"{title} · flowmatrix")  # type: ignore[misc] # a default
        page.settled()
        page.tab_to("at.closest('main') !== null")
        page.accessible(f"view-{title.lower().replace(' ', '-')}")

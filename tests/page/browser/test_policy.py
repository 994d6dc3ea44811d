"""Policies beside edges in a browser: the draft, those in force, and the check of a connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml
from selenium.webdriver.common.action_chains import ActionChains

from page.source import Source
from pipeline.flows.compressed import Compressed
from tests.real.browser import DESKTOP, LAPTOP, PHONE, Window
from tests.support.edge_rows import edge, frame
from tests.support.guarded import OBJECTS, SHOP
from tests.support.paging import Page
from tests.support.seen import Fixed, reference_seen, seen

Open = Callable[[Source], Page]
MANY = range(1, 1_003)
RULE = "netobserv/flowlogs-pipeline egress[2]"


@pytest.fixture
def reference(open_page: Open) -> Page:
    return open_page(Fixed(reference_seen()))


def figures(page: Page) -> dict[str, str]:
    found = page.browser.run(
        "return [...document.querySelectorAll('.figures div')].map("
        "(one) => [one.querySelector('dt').textContent, one.querySelector('dd').textContent])"
    )
    return dict(found)


def lit(page: Page) -> list[str]:
    return page.texts(".beside tr.lit th .name")


def test_a_namespace_is_chosen_first(reference: Page) -> None:
    reference.open("policy")
    assert reference.text(".empty h2") == "Choose a namespace"
    reference.accessible("policy-none")
    reference.until(lambda: len(reference.all(".controls option")) > 2)
    reference.choose(".controls select", "netobserv")
    reference.until(lambda: reference.all(".figures"))
    assert reference.state == "policy?namespace=netobserv"


def test_the_draft_covers_what_was_seen(reference: Page) -> None:
    reference.open("policy?namespace=netobserv")
    assert reference.text(".banner").startswith("Draft: policies made from what was seen.")
    assert figures(reference) == {
        "edges covered": "100 %",
        "edges allowed": "27 of 27",
        "flows allowed": "2,290 of 2,290",
        "bytes allowed": "16 MiB of 16 MiB",
        "would be denied": "0 edges",
        "not decided or not known": "0 edges",
        "allowed, never seen": "0 permissions",
    }
    assert len(reference.all(".rule")) == 12


def test_a_rule_shows_its_edges_and_an_edge_its_rules(reference: Page) -> None:
    """By mouse: pointing is enough, and a click keeps it in the URL."""
    reference.open("policy?namespace=netobserv")
    rule = reference.one(f"[data-rule='{RULE}']")
    ActionChains(reference.driver).scroll_to_element(rule).move_to_element(rule).perform()
    reference.until(lambda: len(lit(reference)) == 2)
    nodes = [text.split(" → ")[1] for text in lit(reference)]
    assert all(text.startswith("node ip-10-0-") for text in nodes)
    assert reference.text(".beside [role=status]") == f"{RULE} lets 2 edges through."
    rule.click()
    reference.until(lambda: "rule=" in reference.state)
    reference.open(reference.state)
    assert len(lit(reference)) == 2
    assert reference.one(f"[data-rule='{RULE}']").get_attribute("aria-pressed") == "true"


def test_a_rule_shows_its_edges_of_more_than_the_list_has(open_page: Open) -> None:
    """What is pointed at says how much of it is not in the list; a click brings it there."""
    ports = [
        edge("shop/web", "shop/db", port, bytes=99, server_kind="StatefulSet") for port in MANY
    ]
    far = edge("mon/prom", "shop/web", 9090, bytes=7)
    page = open_page(Fixed(seen(frame(*ports, far), OBJECTS)))
    page.open("policy?namespace=shop")
    assert "The first 1,000 of 1,003 edges." in page.texts(".beside .muted")
    assert "mon/prom → shop/web" not in page.texts(".beside th .name")
    rule = page.one("[data-rule='shop/web ingress[0]']")
    ActionChains(page.driver).scroll_to_element(rule).move_to_element(rule).perform()
    told = "shop/web ingress[0] lets 1 edge through. 0 of them are in the list"
    page.until(lambda: page.text(".beside [role=status]").startswith(told))
    rule.click()
    page.until(lambda: lit(page) == ["mon/prom → shop/web"])
    assert page.text(".beside [role=status]") == "shop/web ingress[0] lets 1 edge through."
    page.open(page.state)
    page.until(lambda: lit(page) == ["mon/prom → shop/web"])
    page.accessible("policy-rule-of-many")


def test_a_list_that_is_cut_says_so(open_page: Open) -> None:
    lost = [edge("shop/web", "203.0.113.9", port) for port in MANY]
    kept = edge("shop/web", "shop/db", 5432, server_kind="StatefulSet")
    page = open_page(Fixed(seen(frame(*lost, kept), OBJECTS)))
    page.open("policy?namespace=shop")
    assert figures(page)["would be denied"] == "1,002 edges"
    page.until(lambda: page.all("details.part[open] tbody tr"))
    parts = page.texts("details.part")
    (denied,) = [text for text in parts if text.startswith("Would be denied")]
    assert denied.endswith("The first 1,000 of 1,002 edges.")


def test_the_same_by_keyboard(reference: Page) -> None:
    reference.open("policy?namespace=netobserv")
    reference.browser.run("document.querySelectorAll('[data-edge]')[0].focus()")
    reference.until(lambda: "is let through by" in reference.text(".beside [role=status]"))
    (shown,) = reference.texts(".rule.lit .tag")
    reference.browser.run("document.querySelector('.rule.lit .tag').focus()")
    reference.until(lambda: len(lit(reference)) == int(shown.split(": ")[1].split(" ")[0]))
    reference.press("\ue007")
    reference.until(lambda: "rule=" in reference.state)


def test_the_yaml_is_that_of_the_document(reference: Page, chromium_files: Path) -> None:
    reference.open("policy?namespace=netobserv")
    reference.button("Download YAML").click()
    file = reference.until(lambda: next(chromium_files.glob("netobserv-policies*.yaml"), None))
    found = reference.until(lambda: list(yaml.safe_load_all(file.read_text())))
    assert [one["metadata"]["name"] for one in found] == ["flowlogs-pipeline", "netobserv-plugin"]
    shown = "".join(reference.texts(".written pre"))
    for one in found:
        assert f'name: "{one["metadata"]["name"]}"' in shown


def test_what_would_be_denied_is_listed_with_its_policy(open_page: Open) -> None:
    page = open_page(Fixed(SHOP))
    page.open("policy?namespace=shop")
    assert figures(page)["would be denied"] == "1 edge"
    assert figures(page)["edges allowed"] == "2 of 3"
    (row,) = page.all("[aria-label^='Edges that would be denied'] tbody tr")
    assert "shop/web → 203.0.113.9" in row.text
    assert "shop/web egress" in row.text
    page.accessible("policy-denied")
    page.labelled("rules for unlabelled addresses").click()
    page.until(lambda: figures(page)["would be denied"] == "0 edges")
    assert page.state == "policy?namespace=shop&allow_unlabelled=true"


def test_policies_in_force_are_framed_as_such(open_page: Open) -> None:
    page = open_page(Fixed(SHOP))
    page.open("policy?namespace=shop&of=in_force")
    assert page.text(".banner").startswith("In force: the policies that the cluster has")
    assert page.texts(".written summary") == ["shop/deny"]
    assert page.texts(".beside .verdict-denied")[0] == "denied"
    (lost,) = page.texts("[aria-label^='Edges that would be denied'] tbody th .name")
    assert lost == "mon/prom → shop/web"
    open_for = "[aria-label='Workloads that no policy selects'] tbody tr"
    assert page.texts(open_for) == ["Deployment shop/webegress", "StatefulSet shop/dbegress"]
    page.accessible("policy-in-force")


def test_readiness_is_beside_the_policy(reference: Page) -> None:
    reference.open("policy?namespace=netobserv")
    card = "[aria-label=Readiness]"
    reference.until(lambda: reference.all(f"{card} tbody tr"))
    assert "4 learning, 0 stabilising, 0 stable" in reference.text(card)
    assert len(reference.all(f"{card} .ready-learning")) == 4


def test_a_connection_is_checked(reference: Page) -> None:
    reference.open("policy?namespace=netobserv")
    reference.write("From", "netobserv/netobserv-plugin")
    reference.write("To", "netobserv/flowlogs-pipeline")
    reference.write("Port", "22")
    reference.until(lambda: reference.texts(".opinion .badge") == ["denied", "unknown"])
    assert "isolated by netobserv/flowlogs-pipeline" in reference.text(".opinion")
    assert "It was never seen." in reference.text(".opinion")
    reference.accessible("policy-check")
    reference.open(reference.state)
    reference.until(lambda: reference.all(".opinion"))
    reference.write("To", "netobserv/flowlogs-pipline")
    said = 'did you mean "netobserv/flowlogs-pipeline"?'
    reference.until(lambda: said in reference.text("[aria-label='Check a connection'] .notice"))


def test_a_namespace_that_is_not_there(reference: Page) -> None:
    reference.open("policy?namespace=netobserf")
    assert 'did you mean "netobserv"?' in reference.text(".empty")
    reference.accessible("policy-unknown")


def test_without_objects_it_says_what_to_do(open_page: Open) -> None:
    page = open_page(Fixed(seen(frame(edge("shop/web", "shop/db")))))
    page.open("policy?namespace=shop")
    assert "no objects of the cluster are known" in page.text(".empty")


def test_a_rule_stays_chosen_while_flows_come(open_page: Open) -> None:
    source = Fixed(reference_seen())
    page = open_page(source)
    page.open("policy?namespace=netobserv")
    page.browser.run(f"document.querySelector('[data-rule=\"{RULE}\"]').focus()")
    edges = source.found.edges().with_columns(pl.col("flows") + 1)
    source.found = source.found._replace(kept=Compressed(edges))
    page.until(lambda: "2,317 of" in figures(page)["flows allowed"])
    active = page.driver.switch_to.active_element
    assert active.get_attribute("data-rule") == RULE
    assert len(lit(page)) == 2


@pytest.mark.parametrize("window", [LAPTOP, DESKTOP, PHONE])
def test_it_is_accessible_and_fits(reference: Page, window: Window) -> None:
    reference.open("policy?namespace=netobserv", window=window)
    reference.accessible(f"policy-{window.width}")
    wide = reference.browser.run("return document.documentElement.scrollWidth")
    assert wide <= window.width


def test_policies_that_nobody_has_listed_are_not_known(open_page: Open) -> None:
    """That none is listed is not told as that none is in force."""
    objects = [one for one in SHOP.manifests if one["kind"] != "NetworkPolicy"]
    page = open_page(Fixed(seen(frame(edge("shop/web", "shop/db", 5432)), objects)))
    page.open("policy?namespace=shop&of=in_force&from=shop/web&to=shop/db&port=5432")
    assert page.text(".empty h2") == "Which policies are in force is not known"
    assert page.all(".figures") == []
    page.until(lambda: page.texts(".opinion .verdict-unknown") == ["unknown"])
    page.accessible("policy-not-known")

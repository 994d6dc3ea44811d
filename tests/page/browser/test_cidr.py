"""Networks as the page reads and splits them, held against those of the standard library."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from page.source import Source
from tests.support.edge_rows import edge, frame
from tests.support.paging import Page
from tests.support.seen import Fixed, seen

NETWORKS = [
    *(
        "0.0.0.0/0",
        "10.0.0.0/8",
        "3.5.204.0/22",
        "192.0.2.4/30",
        "192.0.2.7/32",
        "255.255.255.254/31",
    ),
    *("::/0", "2001:db8::/32", "2001:db8:0:1::/64", "fe80::/10", "::1/128", "::ffff:0:0/96"),
    *("1:0:0:2::/127", "2001:db8::1:0:0:1/128", "ffff::/16"),
]
WRONG = [
    "",
    "ten",
    "1.2.3.4/33",
    "01.2.3.4/8",
    "1.2.3/8",
    "1.2.3.4/8/8",
    "::/129",
    "fe80::1%1/64",
    "1.2.3.4/-1",
]


def asked(page: Page, script: str, *arguments: Any) -> Any:
    module = "return import(new URL('cidr.js', location.href)).then((cidr) => {" + script + "})"
    whole = "const given = arguments[0]; " + module
    return page.browser.run(whole, list(arguments))


def test_networks_are_those_of_the_standard_library(open_page: Callable[[Source], Page]) -> None:
    page = open_page(Fixed(seen(frame(edge("shop/web", "shop/db")))))
    page.open("peers")
    written = asked(page, "return given.map((one) => cidr.written(cidr.parse(one)))", *NETWORKS)
    assert written == [str(ipaddress.ip_network(text)) for text in NETWORKS]
    halves = asked(page, "return given.map(cidr.halves)", *NETWORKS)
    for text, found in zip(NETWORKS, halves, strict=True):
        net = ipaddress.ip_network(text)
        expected = [str(one) for one in net.subnets()] if net.num_addresses > 1 else []
        assert found == expected
    assert asked(page, "return given.map(cidr.parse)", *WRONG) == [None] * len(WRONG)
    assert (
        asked(
            page,
            "return cidr.covered(given, ['10.0.0.0/8', '2001:db8::/32'])",
            "10.255.0.1",
            "11.0.0.1",
            "2001:db8::9",
            "::10.0.0.1",
            "x",
        )
        == 2
    )

"""Ends and ports as texts."""

from __future__ import annotations

import pytest

from matrix.edge_text import edge_text, end_text, port_text
from tests.support.edge_rows import edge


@pytest.mark.parametrize(
    ("written", "home", "text"),
    [
        ("shop/web", "", "shop/web"),
        ("shop/web", "shop", "web"),
        ("shop/", "shop", "shop"),
        ("node:n1", "shop", "n1"),
        ("node:", "", "(nodes)"),
        ("label:EXT:S3", "", "EXT:S3"),
        ("2001:db8::1", "", "2001:db8::1"),
        ("label:", "", "(no label)"),
        ("a\x1b[2J/b", "", "a\ufffd[2J/b"),
    ],
)
def test_ends(written: str, home: str, text: str) -> None:
    assert end_text(edge(written, "x/y"), "client", home) == text


def test_ports() -> None:
    assert port_text(edge("a/b", "c/d", 53, protocol="UDP")) == "53/UDP"
    assert port_text(edge("a/b", "c/d", None, protocol="ICMP")) == "ICMP"
    assert edge_text(edge("a/b", "c/d")) == "a/b -> c/d 443/TCP"

"""Edges as a graph of Graphviz."""

from __future__ import annotations

import re

from matrix.dot import dot
from tests.support.edge_rows import edge, frame


def test_ends_are_grouped_by_namespace_and_ports_share_an_arrow() -> None:
    text = dot(
        frame(
            edge("shop/web", "shop/db", 5432),
            edge("shop/web", "shop/db", 5433, state="attempted"),
            edge("shop/web", "label:EXT:S3", state="denied"),
        )
    )
    assert text == (
        "digraph matrix {\n"
        "  rankdir=LR;\n"
        "  node [shape=box];\n"
        '  "EXT:S3";\n'
        "  subgraph cluster_1 {\n"
        '    label="shop";\n'
        '    "shop/db";\n'
        '    "shop/web";\n'
        "  }\n"
        '  "shop/web" -> "EXT:S3" [label="443/TCP", style=dotted];\n'
        '  "shop/web" -> "shop/db" [label="5432/TCP, 5433/TCP"];\n'
        "}\n"
    )


def test_a_name_cannot_leave_its_quotes() -> None:
    """Quotes, backslashes, line ends and escapes stay inside one quoted text."""
    text = dot(frame(edge('shop/a"];x->y[label="\\N\n\x1b', "label:\\")))
    assert text.replace("\n", "").isprintable()
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "T", text)
    assert "x->y" not in plain
    assert plain.count("->") == 1


def test_no_edges() -> None:
    assert dot(frame()).splitlines()[0] == "digraph matrix {"

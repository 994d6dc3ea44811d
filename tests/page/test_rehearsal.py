"""The views are answered once before anybody asks."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from page import policy
from page.rehearsal import rehearse, shop

_ANSWER = """
import sys
import polars as pl
from discovery.asked import QUESTIONS
from matrix.edges import EDGES
from page import policy
from page.rehearsal import edge, objects, rehearse
from page.source import Seen
from pipeline.flows.compressed import Compressed
from pipeline.heap import give_back

if sys.argv[1] == "rehearsed":
    rehearse()
rows = [
    edge("client_address", f"198.51.100.{number % 250}", server=f"app-{number}", port=number + 1)
    for number in range(2_000)
]
edges = Compressed(pl.DataFrame(rows, schema=EDGES))
manifests = [one for number in range(2_000) for one in objects(f"app-{number}")]
seen = Seen(edges, QUESTIONS.to_frame(), manifests=manifests)
del rows
give_back()
sys._debugmallocstats()
policy.page(seen, policy.Asked(namespace="shop", allow_unlabelled=True))
give_back()
sys._debugmallocstats()
"""


def test_the_little_cluster_has_something_of_everything() -> None:
    found = policy.page(shop(), policy.Asked(namespace="shop"))
    assert found.names == ["shop/db", "shop/web"]
    assert (found.totals["edges"], found.coverage["allowed"].edges) == (4, 3)
    rehearse()


@pytest.mark.slow
def test_a_large_answer_leaves_less_behind() -> None:
    """Arenas of Python's allocator that a draft leaves."""
    left = {}
    for kind in ("rehearsed", "at once"):
        command = [sys.executable, "-c", _ANSWER, kind]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        before, after = map(int, re.findall(r"arenas allocated current *= *(\d+)", said))
        left[kind] = after - before
    assert left["at once"] >= 4, "else there is nothing to rehearse for"
    assert left["rehearsed"] <= left["at once"] / 2

"""The network of an address for a fixed mask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import BuildContext
from pipeline.testing import assert_laws
from stages.subnet import Subnet
from tests.stages.flows import run


def stage(mask: str = "/24", *, source: str = "SrcAddr", output: str = "Net") -> Subnet:
    return Subnet(name="subnet", input=source, output=output, mask=mask)


@pytest.mark.parametrize(
    ("address", "mask", "net"),
    [
        ("10.1.2.3", "/24", "10.1.2.0/24"),
        ("10.1.2.3", "/0", "0.0.0.0/0"),
        ("10.1.2.3", "/33", None),
        ("fd00::1:2", "/64", "fd00::/64"),
        ("::ffff:10.1.2.3", "/120", "10.1.2.0/24"),
        ("::ffff:10.1.2.3", "/24", "::/24"),
        ("10.1.2", "/24", None),
        ("", "/24", None),
        (12, "/24", None),
    ],
)
def test_network(address: object, mask: str, net: str | None) -> None:
    got = run(stage(mask).build(BuildContext()), [{"SrcAddr": address}])
    assert got[0].get("Net") == net


def test_no_network_leaves_the_output() -> None:
    assert run(stage().build(BuildContext()), [{"SrcAddr": "x", "Net": "kept"}])[0]["Net"] == "kept"
    assert run(stage().build(BuildContext()), [{"Net": "kept"}]) == [{"Net": "kept"}]


def test_the_output_may_be_the_input() -> None:
    step = stage(output="SrcAddr").build(BuildContext())
    assert run(step, [{"SrcAddr": "10.1.2.3"}, {"SrcAddr": 5}]) == [
        {"SrcAddr": "10.1.2.0/24"},
        {"SrcAddr": 5},
    ]


@pytest.mark.parametrize("mask", ["24", "/129", "/x", "", "/255.255.0.0", "/\u0662"])
def test_check(mask: str) -> None:
    [problem] = stage(mask).check(Path())
    assert problem.path == ("mask",)
    assert problem.message == f'"{mask}" is not a prefix length'
    assert [p.path for p in stage(source="", output="").check(Path())] == [("input",), ("output",)]


def test_a_number_is_not_an_address() -> None:
    flows = pl.DataFrame({"SrcAddr": [1, 2]})
    assert stage().build(BuildContext())(flows)["Net"].to_list() == [None, None]


FLOWS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"SrcAddr": st.sampled_from(["10.1.2.3", "fd00::1", "x", 3, None])}
    ),
    min_size=1,
    max_size=10,
)


@given(FLOWS, st.integers(0, 10))
def test_laws(flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(stage().build(BuildContext()), flows, cut)

"""The columns that are written, whatever flows hold."""

import polars as pl
import pytest

from pipeline.netflow.selection import fields, selected
from pipeline.testing import Flow, frame


def test_columns_have_known_types() -> None:
    for flows in ([{"Bytes": "7", "Proto": 6}], [{"Bytes": [1], "SrcAddr": 5}], [{"X": 1}]):
        found = selected(frame(flows), 1)
        texts = {"SrcAddr", "DstAddr", "XlatSrcAddr", "XlatDstAddr", "SrcMac", "DstMac"}
        texts |= {"Interfaces:first", "Interfaces", "IfDirections"}
        texts |= {
            f"{end}K8S_{name}"
            for end in ("Src", "Dst")
            for name in ("Namespace", "Name", "HostName")
        }
        assert found.schema == {n: pl.String if n in texts else pl.UInt64 for n in found.columns}


def test_values() -> None:
    flow = {"Bytes": "7", "Proto": 6.0, "Interfaces": ["a", "b"], "IfDirections": [1, 0]}
    [found] = selected(frame([flow | {"Flags": ["ACK", "SYN"]}]), 1).rows(named=True)
    assert (found["Bytes"], found["Proto"], found["Flags"]) == (7, 6, 18)
    assert (found["Interfaces"], found["Interfaces:first"]) == ("a,b", "a")
    assert (found["IfDirections"], found["IfDirections:first"]) == ("1,0", 1)
    assert found["Etype"] is None


def test_fields_are_those_of_the_flows() -> None:
    assert "SrcK8S_Name" not in fields(0)
    assert {"SrcAddr", "Interfaces", "IfDirections", "Etype"} <= fields(0)
    assert {"SrcK8S_Name", "TimeFlowRttNs"} <= fields(1)
    assert not any(":" in name for name in fields(1))


@pytest.mark.parametrize("flows", [[], [{}], [{"K8S_ClusterName": "c"}] * 3])
def test_every_flow_is_a_row(flows: list[Flow]) -> None:
    """Also one without any of the fields, where every column is null."""
    assert selected(frame(flows), 0).height == len(flows)

"""What facts are made of, flow by flow; test_encode_matrix.py shows what comes of it."""

from pipeline.flows.orientation import CLIENT_PORT, FORWARD, PORT, REFUSED
from pipeline.stage.edge_facts import Attribute
from pipeline.testing import frame
from stages.edges import reading
from stages.edges.reading import COUNTS, DROPS, SIDE, SRC, VERDICTS, fields, read

FLOW = {"SrcK8S_OwnerName": "web", "DstAddr": "1.1.1.1", "DstPort": 443, "Proto": 6, "Flags": 2}


def test_a_row_for_each_flow() -> None:
    flows = [FLOW | {"SrcPort": 40_000 + n, "Bytes": n, "PktDropPackets": n % 2} for n in range(2)]
    [_, row] = read(frame(flows), list(Attribute)).rows(named=True)
    assert (row["Bytes"], row[DROPS], row[REFUSED]) == (1, 1, 0)
    assert (row[FORWARD], row[PORT], row[CLIENT_PORT]) == (True, 443, 40_001)
    assert row[reading.UNDECIDED_PORT] is None


def test_an_address_is_there_where_nothing_else_is_known() -> None:
    flows = [{"SrcAddr": "1.1.1.1", "SrcK8S_OwnerName": name} for name in ("", "web", None)]
    read_ = read(frame([*flows, {"SrcAddr": "1.1.1.1"}]), [])
    assert read_[SRC[-1]].to_list() == ["1.1.1.1", None, "1.1.1.1", "1.1.1.1"]


def test_columns_without_any_value_are_as_absent_ones() -> None:
    nothing = {"XlatDstAddr": None, "TLSVersion": None, "SrcK8S_Zone": None}
    some, more = (read(frame([flow]), list(Attribute)) for flow in (FLOW, FLOW | nothing))
    assert some.equals(more.select(some.columns))
    assert set(COUNTS) <= set(some.columns)


def test_events_and_sides() -> None:
    events = {"NetworkEvents": [{"Action": "drop", "Name": "n"}]}
    rows = read(frame([FLOW, FLOW | events, FLOW | {"FlowDirection": 1}]), [])
    assert rows.select(VERDICTS, SIDE).rows() == [
        (None, None),
        ("denied n", None),
        (None, reading.AT_SRC),
    ]


def test_fields_of_attributes_are_read_only_for_them() -> None:
    assert fields(list(Attribute)) - fields([]) == {
        *("DnsName", "DstK8S_Zone", "SrcK8S_Zone", "TLSVersion", "policy", "verdict"),
        *("XlatDstAddr", "XlatDstPort", "XlatSrcAddr", "XlatSrcPort"),
    }

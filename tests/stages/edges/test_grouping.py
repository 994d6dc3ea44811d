"""Flows that are alike become one row; test_encode_matrix.py shows what comes of it."""

from pipeline.flows.orientation import FORWARD, PORT, REFUSED
from pipeline.stage.edge_facts import Attribute
from pipeline.testing import frame
from stages.edges import grouping
from stages.edges.grouping import COUNTS, DROPS, FLOWS, SIDE, VERDICTS, fields, grouped

FLOW = {"SrcK8S_OwnerName": "web", "DstAddr": "1.1.1.1", "DstPort": 443, "Proto": 6, "Flags": 2}


def test_client_ports_do_not_keep_flows_apart() -> None:
    flows = [FLOW | {"SrcPort": 40_000 + n, "Bytes": n, "PktDropPackets": n % 2} for n in range(4)]
    [row] = grouped(frame(flows), list(Attribute)).rows(named=True)
    assert (row[FLOWS], row["Bytes"], row[DROPS], row[REFUSED]) == (4, 6, 2, 0)
    assert (row[grouping.CLIENT_PORT_MIN], row[grouping.CLIENT_PORT_MAX]) == (40_000, 40_003)
    assert (row[FORWARD], row[PORT], row[grouping.UNDECIDED_PORT]) == (True, 443, None)


def test_columns_are_the_same_whatever_fields_flows_have() -> None:
    """Empty texts and columns without any value are as absent ones."""
    some, more = (
        grouped(frame([flow]), list(Attribute))
        for flow in (FLOW, FLOW | {"SrcK8S_Zone": "", "XlatDstAddr": None, "TLSVersion": None})
    )
    assert dict(some.schema) == dict(more.schema)
    assert some.equals(more.select(some.columns))
    assert set(COUNTS) <= set(some.columns)


def test_events_and_sides_keep_flows_apart() -> None:
    events = {"NetworkEvents": [{"Action": "drop", "Name": "n"}]}
    rows = grouped(frame([FLOW, FLOW | events, FLOW | {"FlowDirection": 1}, FLOW]), [])
    assert rows.select(VERDICTS, SIDE, FLOWS).rows() == [
        (None, None, 2),
        ("denied n", None, 1),
        (None, grouping.AT_SRC, 1),
    ]


def test_fields_of_attributes_are_read_only_for_them() -> None:
    assert fields(list(Attribute)) - fields([]) == {
        *("DnsName", "DstK8S_Zone", "SrcK8S_Zone", "TLSVersion", "policy", "verdict"),
        *("XlatDstAddr", "XlatDstPort", "XlatSrcAddr", "XlatSrcPort"),
    }

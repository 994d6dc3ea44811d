"""Groups as deltas of the two families; tests/stages/test_encode_matrix.py shows their content."""

from pipeline.stage import FIRST_SEEN, LAST_SEEN
from pipeline.stage.edge_facts import ATTRIBUTES, EDGES, Attribute
from pipeline.testing import Flow, frame
from stages.edges import facing
from stages.edges.grouping import grouped


def test_the_deltas_have_the_columns_of_their_families() -> None:
    """Also without flows, and without attributes."""
    whole: Flow = {"DstPort": 443, "TLSVersion": "TLS 1.3", "TimeFlowEndMs": 1}
    for flows in ([], [Flow()], [whole]):
        groups = facing.keyed(grouped(frame(flows), list(Attribute)))
        edges = facing.edges(groups)
        assert edges.columns == [*EDGES.labels, *EDGES.columns, FIRST_SEEN, LAST_SEEN]
        assert [edges.schema[name] for name in EDGES.columns] == [
            column.dtype for column in EDGES.columns.values()
        ]
        for wanted in (list(Attribute), []):
            said = facing.attributes(groups, wanted)
            columns = {*ATTRIBUTES.labels, *ATTRIBUTES.columns, FIRST_SEEN, LAST_SEEN}
            assert set(said.columns) == columns
            assert said.null_count().select(ATTRIBUTES.labels).row(0) == (0,) * 14


def test_values_are_in_the_order_of_the_flows() -> None:
    """Not all names first, then all versions: a limit must not depend on batches."""
    flows = [
        {"DstPort": 443, "TLSVersion": "TLS 1.3", "DnsName": "a.example"},
        {"DstPort": 443, "TLSVersion": "TLS 1.2", "DnsName": "b.example"},
    ]
    said = facing.attributes(facing.keyed(grouped(frame(flows), list(Attribute))), list(Attribute))
    assert said["value"].to_list() == ["TLS 1.3", "a.example", "TLS 1.2", "b.example"]


def test_each_group_has_the_bit_of_its_day() -> None:
    """Flows of two days stay apart in a batch; a flow without a time has no day."""
    times: list[Flow] = [{"TimeFlowEndMs": 1}, {"TimeFlowEndMs": 86_400_000}, {}]
    found = facing.edges(facing.keyed(grouped(frame(times), [])))
    assert found["days"].to_list() == [1, 2, None]

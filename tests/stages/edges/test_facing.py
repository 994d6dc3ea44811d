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
    """Not all days first, then all versions: a limit must not depend on batches."""
    flows = [
        {"DstPort": 443, "TLSVersion": "TLS 1.3", "TimeFlowEndMs": 1},
        {"DstPort": 443, "TLSVersion": "TLS 1.2", "TimeFlowEndMs": 86_400_000},
    ]
    said = facing.attributes(facing.keyed(grouped(frame(flows), list(Attribute))), list(Attribute))
    values = ["1970-01-01", "TLS 1.3", "1970-01-02", "TLS 1.2"]
    assert said["value"].to_list() == values

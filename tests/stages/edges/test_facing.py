"""Flows as deltas of the two families; tests/stages/test_encode_matrix.py shows their content."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from pipeline.stage import FIRST_SEEN, LAST_SEEN, Delta
from pipeline.stage.edge_facts import ATTRIBUTES, EDGES, Attribute
from pipeline.testing import Flow, frame
from stages.edges import facing
from stages.edges.reading import read


def deltas(flows: Sequence[Flow], wanted: Collection[Attribute] = ()) -> list[Delta]:
    """Of the edges, and of attributes if there are any."""
    found = read(frame(flows), wanted)
    keys = facing.keys(found)
    return [facing.edges(found, keys), *facing.attributes(found, keys, wanted)]


def labels(delta: Delta) -> pl.DataFrame:
    """The labels of all rows."""
    assert delta.keyed
    rows = pl.int_range(delta.series.height, dtype=pl.UInt32, eager=True)
    return delta.keyed.labels(delta.keyed.told(rows))


def test_the_deltas_have_the_columns_of_their_families() -> None:
    """Also without flows; without attributes there is none of them."""
    whole: Flow = {"DstPort": 443, "TLSVersion": "TLS 1.3", "TimeFlowEndMs": 1}
    for flows, families in (([], [EDGES]), ([Flow()], [EDGES]), ([whole], [EDGES, ATTRIBUTES])):
        found = deltas(flows, list(Attribute))
        assert [delta.family for delta in found] == families
        for delta in found:
            types = {name: column.dtype for name, column in delta.family.columns.items()}
            seen = dict.fromkeys((FIRST_SEEN, LAST_SEEN), pl.Float64())
            assert dict(delta.series.schema) == types | seen
            assert labels(delta).schema == dict.fromkeys(delta.family.labels, pl.String())
            assert sum(labels(delta).null_count().row(0)) == 0
    assert [delta.family for delta in deltas([whole])] == [EDGES]


def test_what_labels_depend_on_is_in_the_keys() -> None:
    """Each flow differs from the first in one thing: it has other labels, and another key."""
    one: Flow = {"SrcK8S_OwnerName": "a", "DstAddr": "1.1.1.1", "DstPort": 9, "Proto": 6}
    changes: list[Flow] = [
        *({"SrcK8S_OwnerName": "b"}, {"SrcK8S_Namespace": "n"}, {"SrcK8S_OwnerType": "Pod"}),
        *({"SrcSubnetLabel": "s"}, {"DstAddr": "1.1.1.2"}, {"DstPort": 10}, {"Proto": 17}),
        *({"Flags": 2}, {"Flags": 256}, {"FlowDirection": 0}, {"FlowDirection": 1}),
        *({"DstK8S_OwnerName": "a"}, {"DstK8S_Namespace": "a"}, {"DstSubnetLabel": "a"}),
        *({"SrcPort": 2_000, "DstPort": 2_500}, {"SrcPort": 2_001, "DstPort": 2_500}),
    ]
    [delta] = deltas([one, *(one | change for change in changes)])
    assert delta.keyed
    assert labels(delta).n_unique() == len(changes) + 1
    assert delta.keyed.keys.n_unique() == len(changes) + 1


def test_what_labels_do_not_depend_on_is_not_in_the_keys() -> None:
    """Client ports and sizes, and the address of a pod."""
    one: Flow = {"SrcK8S_OwnerName": "a", "DstPort": 443, "Proto": 6}
    changes: list[Flow] = [
        {"SrcPort": 50_000},
        {"Bytes": 3},
        {"TimeFlowEndMs": 9},
        {"SrcAddr": "x"},
    ]
    [delta] = deltas([one, *(one | change for change in changes)])
    assert delta.keyed
    assert delta.keyed.keys.n_unique() == 1


def test_values_are_in_the_order_of_the_flows() -> None:
    """Not all names first, then all versions: a limit must not depend on batches."""
    flows: list[Flow] = [
        {"DstPort": 443, "TLSVersion": "TLS 1.3", "DnsName": "a.example"},
        {"DstPort": 443, "TLSVersion": "TLS 1.2", "DnsName": "b.example"},
    ]
    _, said = deltas(flows, list(Attribute))
    assert labels(said)["value"].to_list() == ["TLS 1.3", "a.example", "TLS 1.2", "b.example"]


def test_each_flow_has_the_bit_of_its_day() -> None:
    """A flow without a time has no day."""
    times: list[Flow] = [{"TimeFlowEndMs": 1}, {"TimeFlowEndMs": 86_400_000}, {}]
    [found] = deltas(times)
    assert found.series["days"].to_list() == [1, 2, None]

"""The families of edges."""

from pipeline.stage import edge_facts
from pipeline.stage.edge_facts import ATTRIBUTES, EDGES


def test_labels_and_facts_have_names_of_their_own() -> None:
    for family in (EDGES, ATTRIBUTES):
        assert set(family.labels).isdisjoint(family.columns)
        assert not family.exposed


def test_both_begin_with_the_key_of_an_edge() -> None:
    key = (*edge_facts.CLIENT, *edge_facts.SERVER, edge_facts.PROTOCOL, edge_facts.PORT)
    assert EDGES.labels[: len(key)] == ATTRIBUTES.labels[: len(key)] == key

"""Network events of a Record (docs/reference/decoding.md#flow)."""

from __future__ import annotations

import polars as pl

from pipeline.decode.events import event_lists
from pipeline.flows.catalogue import EVENT_KEYS
from pipeline.testing import rows
from tests.support.records import DECODE, record

WIRE = pl.List(pl.Struct({"events": pl.List(pl.Struct({"key": pl.String, "value": pl.String}))}))
Event = dict[str, str]


def wire(*flows: list[list[tuple[str, str]]] | None) -> pl.Series:
    """Events as the parser gives them: of each flow a list, of each event its entries."""
    told = [
        None
        if flow is None
        else [{"events": [{"key": key, "value": value} for key, value in event]} for event in flow]
        for flow in flows
    ]
    return pl.Series(told, dtype=WIRE)


def known(column: pl.Series) -> list[list[Event] | None]:
    """The events with the keys that they have."""
    return [
        events
        and [{key: value for key, value in event.items() if value is not None} for event in events]
        for events in column.to_list()
    ]


def test_events_of_several_flows_stay_with_their_flow_in_order() -> None:
    found = event_lists(
        wire([[("Type", "a")], [("Type", "b")]], [], [[("Name", "c"), ("Action", "")]], None)
    )
    assert known(found) == [
        [{"Type": "a"}, {"Type": "b"}],
        None,
        [{"Action": "", "Name": "c"}],
        None,
    ]


def test_of_a_key_given_twice_the_last_value_counts() -> None:
    assert known(event_lists(wire([[("Type", "old"), ("Type", "new")]]))) == [[{"Type": "new"}]]


def test_keys_are_the_known_ones_then_the_others_in_order() -> None:
    found = event_lists(wire([[("zone", "1")], [("area", "2")]]))
    assert isinstance(found.dtype, pl.List)
    assert isinstance(found.dtype.inner, pl.Struct)
    assert [field.name for field in found.dtype.inner.fields] == [*EVENT_KEYS, "area", "zone"]


def test_a_batch_without_events_has_the_known_keys_only() -> None:
    found = event_lists(wire([], None))
    assert found.to_list() == [None, None]
    assert found.dtype == pl.List(pl.Struct(dict.fromkeys(EVENT_KEYS, pl.String)))


def test_events_with_arbitrary_keys() -> None:
    entries = [("row", "x"), ("Name", "old"), ("Name", "np")]
    events = [{"events": [{"key": k, "value": v} for k, v in entries]}, {"events": []}]
    plain, with_events = record(), record(network_events_metadata=events)
    payloads = [m.SerializeToString() for m in (plain, with_events, plain)]
    flows = DECODE(payloads).flows
    got = [row.get("NetworkEvents") for row in rows(flows)]
    assert got == [None, [{"Name": "np", "row": "x"}, {}], None]

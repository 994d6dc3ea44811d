"""What is published is read back as it was."""

from __future__ import annotations

import json

import polars as pl
import pytest
from google.protobuf import message_factory
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.flow_protobuf import decoder
from pipeline.decode.json import decoder as json_decoder
from pipeline.flows import values
from pipeline.flows.jsonl import json_lines
from pipeline.flows.protobuf import NAMES, descriptor, protobuf
from pipeline.stage import BuildContext

ENV = BuildContext(clock=lambda: 7.0)
FLOWS: list[dict[str, object]] = [
    {"SrcAddr": "10.0.0.1", "SrcPort": 80, "Bytes": 2**60, "Flags": ["SYN"], "TimeReceived": 5},
    {"SrcAddr": 1, "SrcPort": "many", "Interfaces": [], "IfDirections": [0, 1], "Flags": 2},
    {"Interfaces": ["eth0", ""], "label": {"a": [None, 1.5]}, "count": 3, "Dscp": 0},
    {"Interfaces": ["a", None], "label": "plain", "NetworkEvents": [{"Type": "acl"}]},
    {},
]

scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=4)
anything = (
    scalars | st.lists(scalars, max_size=3) | st.floats(allow_nan=False, allow_infinity=False)
)
names = st.sampled_from(["SrcAddr", "SrcPort", "Flags", "Interfaces", "Bytes", "x", "IPSecRetCode"])


def frame(flows: list[dict[str, object]]) -> pl.DataFrame:
    return json_decoder(ENV)([json.dumps(flow).encode() for flow in flows]).flows


def there_and_back(flows: pl.DataFrame) -> list[object]:
    decoded = decoder(ENV)(protobuf(flows))
    assert decoded.rejected == []
    return read(decoded.flows)


def read(flows: pl.DataFrame) -> list[object]:
    return [json.loads(line, parse_int=float) for line in json_lines(flows)]


def test_every_kind_of_value() -> None:
    assert there_and_back(frame(FLOWS)) == read(frame(FLOWS))
    assert there_and_back(frame([])) == []


def test_explicit_nulls() -> None:
    flows = values.put_null(frame(FLOWS), "SrcPort", pl.int_range(pl.len()).is_in([1, 4]))
    assert there_and_back(flows) == read(flows)


@pytest.mark.slow
@given(st.lists(st.dictionaries(names, anything, max_size=4), max_size=6))
def test_anything(flows: list[dict[str, object]]) -> None:
    assert there_and_back(frame(flows)) == read(frame(flows))


def test_only_what_is_needed() -> None:
    messages = protobuf(frame(FLOWS))
    flows = decoder(BuildContext(needed=frozenset({"SrcPort", "label"})))(messages).flows
    assert set(values.names(flows)) == {"TimeReceived", "SrcPort", "label"}
    assert json_lines(flows)[0] == '{"SrcPort":80,"TimeReceived":5}'


def test_messages_of_others() -> None:
    flow = message_factory.GetMessageClass(descriptor(NAMES))
    wide = flow(SrcPort=70_000, Proto=6).SerializeToString()
    broken = flow(other=[{"name": "x", "json": "{"}]).SerializeToString()
    hidden = flow(other=[{"name": "\x1fa", "json": "1"}]).SerializeToString()
    decoded = decoder(ENV)([b"\xff", wide, b"", broken, hidden])
    assert json_lines(decoded.flows) == ['{"Proto":6,"SrcPort":70000,"TimeReceived":7}']
    assert [index for index, _ in decoded.rejected] == [0, 2, 3, 4]
    reasons = dict(decoded.rejected)
    assert reasons[2] == "an empty message"
    assert reasons[3].startswith("field 'x': ")
    assert reasons[4] == "field '\\x1fa': a reserved name"

"""JSON flows one at a time. What they hold is in test_json.py, which reads both ways."""

from __future__ import annotations

import gc

from pipeline.decode.json_rows import read
from pipeline.stage import BuildContext


def test_flows_rejected_payloads_and_coerced_texts() -> None:
    context = BuildContext(clock=lambda: 7.9, needed=frozenset({"SrcPort", "TimeReceived"}))
    payloads = [b'{"SrcPort":"443","y":1}', b"[]", b'{"SrcPort":80,"TimeReceived":5}']
    flows, rejected, coerced = read(payloads, context, 100)
    assert flows.to_dict(as_series=False) == {"SrcPort": [443, 80], "TimeReceived": [7, 5]}
    assert rejected == [(1, "an array instead of an object")]
    assert coerced == 1


def test_the_collector_of_garbage_is_as_before() -> None:
    read([b"{}"], BuildContext(), 100)
    assert gc.isenabled()
    gc.disable()
    try:
        read([b"{}"], BuildContext(), 100)
        assert not gc.isenabled()
    finally:
        gc.enable()

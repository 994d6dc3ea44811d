"""Where encode_otlptraces sends to; what flows become: tests/push/test_otlp_records.py."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stages.encode_otlptraces import EncodeOtlpTraces


def test_its_destination() -> None:
    given = {"type": "encode_otlptraces", "name": "out", "follows": "x", "endpoint": "c:4318"}
    more = {"protocol": "http", "span_splitter": ["Src", "Dst"]}
    to = msgspec.convert(given | more, EncodeOtlpTraces).destination(Path())
    assert (to.signal, to.protocol, to.splitter) == ("traces", "http", ("Src", "Dst"))

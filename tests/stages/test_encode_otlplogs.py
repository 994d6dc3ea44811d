"""Where encode_otlplogs sends to; what flows become: tests/push/test_otlp_records.py."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.push.destination import Terms
from pipeline.push.otlp import Otlp
from stages.encode_otlplogs import EncodeOtlpLogs


def test_its_destination() -> None:
    given = {"type": "encode_otlplogs", "name": "out", "follows": "x", "endpoint": "c:4317"}
    stage = msgspec.convert(given | {"headers": {"a": "b"}, "timeout": "3s"}, EncodeOtlpLogs)
    assert stage.destination(Path("/f")) == Otlp(
        address="c:4317",
        terms=Terms(batch_flows=2_000),
        signal="logs",
        headers=(("a", "b"),),
        service="netobserv-otlp",
        folder="/f",
        timeout=3.0,
    )

"""Connections to receivers of OTLP that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.kafka.connection import Tls
from pipeline.stage import BuildContext
from pipeline.stage.otlp import problems
from pipeline.testing import assert_laws
from stages.encode_otlplogs import EncodeOtlpLogs


def spec(endpoint: str) -> EncodeOtlpLogs:
    given = {"type": "encode_otlplogs", "name": "out", "follows": "x", "endpoint": endpoint}
    return msgspec.convert(given, EncodeOtlpLogs)


@pytest.mark.parametrize("endpoint", ["collector", "http://collector:4318", "c:4317/v1", ":1"])
def test_endpoints(endpoint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        spec(endpoint)


def test_certificates() -> None:
    assert list(problems("grpc", None, Path())) == []
    assert list(problems("http", Tls(insecure_skip_verify=True), Path())) == []
    (problem,) = problems("grpc", Tls(insecure_skip_verify=True), Path())
    assert problem.message == "over gRPC certificates are always verified"
    (problem,) = problems("grpc", Tls(cert="c"), Path())
    assert problem.message == "cert and key go together"


def test_flows_go_as_they_are() -> None:
    stage, flows = spec("[::1]:4317"), pl.DataFrame({"A": [1]})
    assert stage.build(BuildContext())(flows) is flows
    assert stage.reads() is None
    odd: list[dict[str, Any]] = [{"A": 1}, {"A": "x"}, {}]
    assert_laws(stage, odd, 1)

"""The lines and streams that write_loki makes of flows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.kafka.connection import Tls
from pipeline.push.destination import Terms
from pipeline.push.http import Http
from pipeline.push.loki import Loki
from pipeline.stage import BuildContext
from pipeline.testing import assert_laws, frame
from stages.write_loki import WriteLoki


def spec(**fields: object) -> WriteLoki:
    given = {"type": "write_loki", "name": "out", "follows": "x", "url": "http://loki:3100"}
    return msgspec.convert(given | fields, WriteLoki)


def lines(
    flows: list[dict[str, Any]], decoder: str = "json", **fields: object
) -> list[tuple[str, int | None, str]]:
    context = BuildContext(decoders=frozenset({decoder}))
    written = spec(**fields).build(context)(frame(flows))
    assert isinstance(written, pl.DataFrame)
    assert written.columns == ["stream", "time", "line"]
    return written.rows()


def test_labels_leave_the_line() -> None:
    flow = {"SrcK8S_Namespace": "shop", "Bytes": 7, "TimeReceived": 5}
    assert lines([flow, {"TimeReceived": 6}], labels=["SrcK8S_Namespace", "FlowDirection"]) == [
        ('{SrcK8S_Namespace="shop"}', 5_000_000_000, '{"Bytes":7,"TimeReceived":5}'),
        ("{}", 6_000_000_000, '{"TimeReceived":6}'),
    ]


def test_labels_are_sorted_and_quoted() -> None:
    """As Loki's own client writes them; numbers read as everywhere."""
    flow = {"b": 'say "x"\n\\', "a": 1e6, "c": True, "d": [1, 2]}
    ((stream, _, line),) = lines([flow], labels=["b", "a", "c", "d"], static_labels={"app": "f"})
    assert stream == r'{a="1000000", app="f", b="say \"x\"\n\\", c="true", d="[1 2]"}'
    assert line == "{}"


def test_names_of_labels_are_sanitised() -> None:
    """A name that is not one all the same is no label; its field stays in the line."""
    flow = {"k8s.io/my-name": "x", "1st": "y", "a b": "z"}
    ((stream, _, line),) = lines([flow], labels=["k8s.io/my-name", "1st", "a b"])
    assert (stream, line) == ('{k8s_io_my_name="x"}', '{"1st":"y","a b":"z"}')


def test_a_field_wins_over_a_static_label() -> None:
    flows: list[dict[str, Any]] = [{"app": "own"}, {"n": 1}]
    found = lines(flows, labels=["app"], static_labels={"app": "flows"})
    assert [stream for stream, _, _ in found] == ['{app="own"}', '{app="flows"}']


def test_ignored_fields_are_neither_label_nor_line() -> None:
    flow = {"a": "x", "b": "y", "c": "z"}
    ((stream, _, line),) = lines([flow], labels=["a", "b"], ignore=["a", "c"])
    assert (stream, line) == ('{b="y"}', "{}")


@pytest.mark.parametrize(
    ("flow", "fields", "time"),
    [
        ({"TimeReceived": 1.5}, {}, 1_500_000_000),
        ({"T": 1_761_645_605_456}, {"timestamp_field": "T", "timestamp_scale": "1ms"},
         1_761_645_605_456_000_000),
        ({"T": 7}, {"timestamp_field": "T", "timestamp_scale": "1ns"}, 7),
        ({"T": 7}, {"timestamp_field": "T", "timestamp_scale": "1us"}, 7_000),
        ({"T": -7}, {"timestamp_field": "T"}, -7_000_000_000),
        ({"T": 0}, {"timestamp_field": "T"}, None),
        ({"T": "5"}, {"timestamp_field": "T"}, None),
        ({"T": 1e300}, {"timestamp_field": "T"}, None),
        ({"T": None}, {"timestamp_field": "T"}, None),
        ({"A": 5}, {"timestamp_field": "T"}, None),
        ({"T": 5}, {"timestamp_field": ""}, None),
        ({"T": 5}, {"timestamp_field": "T", "labels": ["T"]}, None),
        ({"T": 5}, {"timestamp_field": "T", "ignore": ["T"]}, None),
    ],
)  # fmt: skip
def test_the_time_of_a_line(flow: dict[str, Any], fields: dict[str, Any], time: int | None) -> None:
    """None: when it is sent."""
    assert [moment for _, moment, _ in lines([flow], **fields)] == [time]


def test_formats_of_the_line() -> None:
    """As write_stdout has them."""
    flow = {"Bytes": 1_000_000, "TimeReceived": 1}
    assert lines([flow], format="printf")[0][2] == "map[Bytes:1e+06 TimeReceived:1]"
    assert lines([flow], "protobuf", format="printf")[0][2] == "map[Bytes:1000000 TimeReceived:1]"
    assert lines([flow], format="fields")[0][2].endswith("Bytes        = 1e+06\nTimeReceived = 1\n")


def test_no_flows() -> None:
    assert lines([], labels=["a"]) == []


def test_the_laws() -> None:
    flows: list[dict[str, Any]] = [
        {"n": 1, "a": "x", "TimeReceived": 3},
        {"n": 2, "a": 1.5, "TimeReceived": "x"},
        {"n": 3, "b": [None], "TimeReceived": 4},
    ]
    assert_laws(spec(labels=["a"], static_labels={"s": "t"}), flows, 1)


def test_its_destination() -> None:
    stage = spec(
        tenant_id="t",
        timeout="3s",
        batch={"max_bytes": 5, "wait": "2s"},
        retry={"min_backoff": "1s", "max_backoff": "4s", "max_retries": 3},
        queue={"when_full": "block"},
        http={"tls": {"ca": "ca.pem"}},
    )
    assert stage.destination(Path("/f")) == Loki(
        address="http://loki:3100",
        weighed="line",
        tenant="t",
        timeout=3.0,
        folder="/f",
        http=Http(tls=Tls(ca="ca.pem")),
        terms=Terms(
            batch_bytes=5, batch_wait=2.0, min_backoff=1.0, max_backoff=4.0, max_retries=3,
            blocks=True,
        ),
    )  # fmt: skip


def test_problems() -> None:
    stage = spec(
        labels=["SrcK8S_Namspace", "a b"],
        http={"tls": {"cert": "c"}, "basic_auth": {}, "authorization": {"credentials_file": "t"}},
    )
    found = {".".join(map(str, problem.path)): problem.message for problem in stage.check(Path())}
    assert found["labels.1"] == '"a b" cannot be the name of a label: it stays in the line'
    assert list(stage.named()) == [
        (("labels", 0), "SrcK8S_Namspace"),
        (("labels", 1), "a b"),
        (("timestamp_field",), "TimeReceived"),
    ]
    assert found["http.tls.cert"] == "cert and key go together"
    assert found["http.basic_auth"] == "give one of basic_auth and authorization"
    (problem,) = spec().check(Path())
    assert problem.message == "Loki rejects lines without a label"


def test_problems_over_grpc() -> None:
    login: dict[str, Any] = {"basic_auth": {"username": "u"}, "tls": {"insecure_skip_verify": True}}
    login["tls_min_version"] = "1.3"
    stage = spec(url="grpcs://loki:9095", labels=["SrcAddr"], http=login)
    assert [problem.path for problem in stage.check(Path())] == [
        ("http",),
        ("http", "tls", "insecure_skip_verify"),
        ("http", "tls_min_version"),
    ]


@pytest.mark.parametrize("url", ["loki:3100", "http://u:p@loki", "ftp://loki", "http://loki?x=1"])
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        spec(url=url)

"""encode.s3 and encode.otlp* in native terms."""

from __future__ import annotations

from tests.config.flp.given import refused, stages

TO = "address: collector, port: 4317, connectionType: grpc"


def test_s3_with_nothing_special() -> None:
    """The defaults of the original: objects of ten flows, at least one a minute."""
    block = "endpoint: 'minio:9000', bucket: b, accessKeyId: k, secretAccessKey: s, account: a"
    assert stages(f"encode: {{type: s3, s3: {{{block}}}}}") == [
        {
            "name": "s",
            "type": "encode_s3",
            "follows": "in",
            "endpoint": "minio:9000",
            "bucket": "b",
            "account": "a",
            "access_key_id": "k",
            "secret_access_key": "s",
            "batch": {"max_flows": 10, "max_bytes": 1 << 30, "wait": 60.0},
        }
    ]


def test_s3() -> None:
    (stage,) = stages("""encode: {type: s3, s3: {endpoint: e, bucket: b, accessKeyId: k,
        secretAccessKey: s, writeTimeout: 5s, batchSize: 7, secure: true,
        objectHeaderParameters: {Site: x, n: 1}}}""")
    assert stage["batch"] == {"max_flows": 7, "max_bytes": 1 << 30, "wait": 5.0}
    assert (stage["secure"], stage["object_header"]) == (True, {"Site": "x", "n": 1})
    text = "encode: {type: s3, s3: {endpoint: e, bucket: b, writeTimeout: soon}}"
    assert '"soon" is not a duration' in refused(text)[0][0]


def test_otlplogs() -> None:
    assert stages(f"encode: {{type: otlplogs, otlplogs: {{{TO}}}}}") == [
        {
            "name": "s",
            "type": "encode_otlplogs",
            "follows": "in",
            "endpoint": "collector:4317",
            "protocol": "grpc",
        }
    ]
    (stage,) = stages("""encode: {type: otlplogs, otlplogs: {address: "fd00::1", port: 4318,
        connectionType: http, headers: {X-A: b}, tls: {caCertPath: ca, userCertPath: c,
        userKeyPath: k, insecureSkipVerify: true}}}""")
    assert stage["endpoint"] == "[fd00::1]:4318"
    assert stage["headers"] == {"X-A": "b"}
    assert stage["tls"] == {"ca": "ca", "cert": "c", "key": "k", "insecure_skip_verify": True}


def test_otlptraces() -> None:
    (stage,) = stages(
        f"encode: {{type: otlptraces, otlptraces: {{{TO}, tls: {{}}, spanSplitter: [Src, Dst]}}}}"
    )
    assert (stage["type"], stage["span_splitter"]) == ("encode_otlptraces", ["Src", "Dst"])
    assert stage["tls"] == {}


def test_without_a_type_of_connection() -> None:
    text = "encode: {type: otlplogs, otlplogs: {address: a, port: 1, connectionType: gprc}}"
    assert refused(text) == [('unknown connectionType "gprc"', 'did you mean "grpc"?')]


def test_otlpmetrics() -> None:
    """The stages of encode.prom, whose series are pushed."""
    chain = stages(f"""encode: {{type: otlpmetrics, otlpmetrics: {{{TO}, prefix: nv_,
        pushTimeInterval: 5s, expiryTime: 1m, metrics: [{{name: bytes, type: counter,
        valueKey: Bytes, labels: [A], filters: [{{key: Proto, value: "6"}}]}}]}}}}""")
    assert [stage["type"] for stage in chain] == ["filter", "encode_otlpmetrics"]
    assert chain[1] == {
        "name": "s/bytes",
        "type": "encode_otlpmetrics",
        "follows": "s/bytes/filter",
        "prefix": "nv_",
        "push_interval": 5.0,
        "expiry": 60.0,
        "endpoint": "collector:4317",
        "protocol": "grpc",
        "metrics": [{"name": "bytes", "type": "counter", "value": "Bytes", "labels": ["A"]}],
    }


def test_otlpmetrics_that_are_refused() -> None:
    text = f"encode: {{type: otlpmetrics, otlpmetrics: {{{TO}, pushTimeInterval: soon}}}}"
    assert '"soon" is not a duration' in refused(text)[0][0]

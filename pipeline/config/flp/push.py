"""encode.s3 and encode.otlp* of flowlogs-pipeline (docs/reference/flowlogs-pipeline.md#s3)."""

from __future__ import annotations

from typing import Any

from pipeline.config.flp.dialect_common import ClientTls
from pipeline.config.flp.dialect_encode import Encode, Otlp
from pipeline.config.flp.metrics import chains, duration
from pipeline.config.flp.parts import Native, Parts, filled, is_unset, renamed, unknown
from pipeline.diagnostics import ConfigPath, Problem
from pipeline.stage.duration import from_go

_TYPES = ["grpc", "http"]


def s3(encode: Encode, at: ConfigPath) -> Parts:
    """encode.s3: an object for each `batchSize` flows, or for those of `writeTimeout`."""
    block, at = encode.s3, (*at, "s3")
    wait = 60.0
    if not is_unset(block.write_timeout) and block.write_timeout is not None:
        try:
            wait = from_go(block.write_timeout)
        except ValueError as error:
            yield Problem((*at, "writeTimeout"), str(error))
    fields = {
        "endpoint": block.endpoint,
        "bucket": block.bucket,
        "access_key_id": block.access_key_id,
        "batch": {"max_flows": block.batch_size or 10, "max_bytes": 1 << 30, "wait": wait},
        **filled(
            account=block.account,
            secret_access_key=block.secret_access_key,
            secure=block.secure,
            object_header=block.object_header_parameters,
        ),
    }
    yield Native(
        "encode_s3",
        fields,
        renamed(
            at,
            access_key_id="accessKeyId",
            secret_access_key="secretAccessKey",  # noqa: S106 - the name of a field
            secret_access_key_file="secretAccessKey",  # noqa: S106 - the name of a field
            object_header="objectHeaderParameters",
        )
        | {
            ("batch", "max_flows"): (*at, "batchSize"),
            ("batch", "wait"): (*at, "writeTimeout"),
        },
    )


def otlplogs(encode: Encode, at: ConfigPath) -> Parts:
    """encode.otlplogs: a log record a flow."""
    yield from _otlp("encode_otlplogs", encode.otlplogs, {}, (*at, "otlplogs"))


def otlptraces(encode: Encode, at: ConfigPath) -> Parts:
    """encode.otlptraces: a trace a flow."""
    block = encode.otlptraces
    more = filled(span_splitter=block.span_splitter)
    yield from _otlp("encode_otlptraces", block, more, (*at, "otlptraces"))


def otlpmetrics(encode: Encode, at: ConfigPath) -> Parts:
    """encode.otlpmetrics: the chains of encode.prom, whose series are pushed."""
    block, at = encode.otlpmetrics, (*at, "otlpmetrics")
    if block.connection_type not in _TYPES:
        yield unknown("connectionType", block.connection_type, _TYPES, (*at, "connectionType"))
        return
    settings = filled(prefix=block.prefix)
    for name, written, given in (
        ("expiry", "expiryTime", block.expiry_time),
        ("push_interval", "pushTimeInterval", block.push_time_interval),
    ):
        if given:
            yield from duration(given, name, (*at, written), settings)
    settings |= connection(block)
    for part in chains(block.metrics, at, settings):
        if isinstance(part, Native) and part.type == "encode_prometheus":
            found = {**part.origins, **_connection_origins(at)}
            yield part._replace(type="encode_otlpmetrics", origins=found)
        else:
            yield part


def _connection_origins(at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    found = origins(at)
    del found[()]
    return found | {("push_interval",): (*at, "pushTimeInterval")}


def _otlp(native: str, block: Otlp, more: dict[str, Any], at: ConfigPath) -> Parts:
    if block.connection_type not in _TYPES:
        yield unknown("connectionType", block.connection_type, _TYPES, (*at, "connectionType"))
        return
    yield Native(native, connection(block) | more, origins(at))


def connection(block: Otlp) -> dict[str, Any]:
    """The fields of a connection to a receiver of OTLP."""
    host = f"[{block.address}]" if ":" in block.address else block.address
    return {
        "endpoint": f"{host}:{block.port}" if block.address else "",
        "protocol": block.connection_type,
        **filled(headers=block.headers),
        **({} if block.tls is None else {"tls": _tls(block.tls)}),
    }


def origins(at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    """Where the fields of a connection are written."""
    return renamed(
        at, endpoint="address", protocol="connectionType", span_splitter="spanSplitter"
    ) | {
        ("tls", "insecure_skip_verify"): (*at, "tls", "insecureSkipVerify"),
        ("tls", "ca"): (*at, "tls", "caCertPath"),
        ("tls", "cert"): (*at, "tls", "userCertPath"),
        ("tls", "key"): (*at, "tls", "userKeyPath"),
    }


def _tls(tls: ClientTls) -> dict[str, Any]:
    return filled(
        insecure_skip_verify=tls.insecure_skip_verify,
        ca=tls.ca_cert_path,
        cert=tls.user_cert_path,
        key=tls.user_key_path,
    )

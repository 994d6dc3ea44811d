"""write.loki of flowlogs-pipeline (docs/reference/flowlogs-pipeline.md#loki)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.config.flp.dialect_write import HttpClient, HttpTls, Loki, Write
from pipeline.config.flp.parts import Native, Parts, filled, is_unset, renamed, unknown
from pipeline.diagnostics import ConfigPath, Problem, warning

_UNKNOWN = ("no_proxy", "proxy_from_environment", "http_headers")
_UNKNOWN_OAUTH2 = (
    *("client_secret_ref", "client_certificate_key_id", "client_certificate_key"),
    *("client_certificate_key_file", "client_certificate_key_ref", "signature_algorithm"),
    *("iss", "audience", "claims", "no_proxy", "proxy_from_environment"),
)
_VERSIONS = ["TLS10", "TLS11", "TLS12", "TLS13"]
_GRANTS = ["client_credentials"]
_BACKOFF = "1s"
_PROTOCOLS = ["http", "grpc"]


def loki(write: Write, at: ConfigPath) -> Parts:
    """write.loki: batches and retries have the original's defaults."""
    block, at = write.loki, (*at, "loki")
    yield from _refused(block, at)
    client = block.client_config or HttpClient()
    yield from _problems(client, (*at, "clientConfig"))
    fields = {
        "url": _url(block, client),
        "labels": block.labels,
        "timestamp_field": block.timestamp_label or "TimeReceived",
        "format": block.format if block.format in ("", "json", "fields") else "printf",
        "batch": {"max_bytes": block.batch_size or 100 * 1024, "wait": block.batch_wait or "1s"},
        "retry": {
            "min_backoff": block.min_backoff or _BACKOFF,
            "max_backoff": block.max_backoff or _BACKOFF,
            "max_retries": block.max_retries or 10,
        },
        **filled(
            tenant_id=block.tenant_id,
            static_labels=block.static_labels,
            ignore=block.ignore_list,
            timestamp_scale=block.timestamp_scale,
            timeout=block.timeout,
            http=_http(client),
        ),
    }
    if not fields["format"]:
        del fields["format"]
    yield Native("write_loki", fields, _origins(at))


def _refused(block: Loki, at: ConfigPath) -> Parts:
    if block.client_protocol not in ("", *_PROTOCOLS):
        yield unknown("clientProtocol", block.client_protocol, _PROTOCOLS, (*at, "clientProtocol"))
    if block.format not in ("", "json", "fields", "printf"):
        yield warning((*at, "format"), f'"{block.format}" prints as "printf" does')


def _problems(client: HttpClient, at: ConfigPath) -> Parts:
    """What is not here."""
    parts: list[tuple[Any, ConfigPath, Sequence[str]]] = [(client, at, _UNKNOWN)]
    yield from _versions(client.tls_config, (*at, "tls_config"))
    own = client.oauth2
    if own:
        yield from _versions(own.tls_config, (*at, "oauth2", "tls_config"))
        parts.append((own, (*at, "oauth2"), _UNKNOWN_OAUTH2))
        if own.grant_type not in ("", *_GRANTS):
            yield unknown("grant_type", own.grant_type, _GRANTS, (*at, "oauth2", "grant_type"))
    for block, place, names in parts:
        for name in names:
            if not is_unset(getattr(block, name)):
                yield Problem((*place, name), f"{name} is not supported")


def _url(block: Loki, client: HttpClient) -> str:
    """The URL; over gRPC the original has host:port, and TLS where there is a file for it."""
    if block.client_protocol != "grpc" or not block.url:
        return block.url
    tls = client.tls_config
    secure = tls.ca_file or tls.cert_file or tls.key_file
    return f"{'grpcs' if secure else 'grpc'}://{block.url}"


def _http(client: HttpClient) -> dict[str, Any]:
    tls, basic, own = client.tls_config, client.basic_auth, client.authorization
    oauth2 = client.oauth2
    bearer = filled(credentials=client.bearer_token, credentials_file=client.bearer_token_file)
    return filled(
        **_tls(tls),
        proxy=client.proxy_url,
        basic_auth=basic
        and filled(
            username=basic.username,
            username_file=basic.username_file,
            password=basic.password,
            password_file=basic.password_file,
        ),
        authorization=filled(
            scheme=own.type, credentials=own.credentials, credentials_file=own.credentials_file
        )
        if own
        else bearer,
        oauth2=oauth2
        and filled(
            token_url=oauth2.token_url,
            client_id=oauth2.client_id,
            client_secret=oauth2.client_secret,
            client_secret_file=oauth2.client_secret_file,
            scopes=oauth2.scopes,
            endpoint_params=oauth2.endpoint_params,
            **_tls(oauth2.tls_config),
            proxy=oauth2.proxy_url,
        ),
    )


def _tls(tls: HttpTls) -> dict[str, Any]:
    return filled(
        server_name=tls.server_name,
        tls_min_version="1.3" if tls.min_version == "TLS13" else "",
        tls=filled(
            ca=tls.ca_file,
            cert=tls.cert_file,
            key=tls.key_file,
            insecure_skip_verify=tls.insecure_skip_verify,
        ),
    )


def _versions(tls: HttpTls, at: ConfigPath) -> Parts:
    """What is older than 1.2 is not spoken; an upper bound is not kept."""
    if tls.min_version not in ("", *_VERSIONS):
        yield unknown("min_version", tls.min_version, _VERSIONS, (*at, "min_version"))
    if tls.max_version not in ("", "TLS13"):
        yield Problem((*at, "max_version"), "max_version is not supported")


def _origins(at: ConfigPath) -> dict[ConfigPath, ConfigPath]:
    client = (*at, "clientConfig")
    return renamed(
        at,
        tenant_id="tenantID",
        static_labels="staticLabels",
        ignore="ignoreList",
        timestamp_field="timestampLabel",
        timestamp_scale="timestampScale",
        http="clientConfig",
    ) | {
        ("batch", "max_bytes"): (*at, "batchSize"),
        ("batch", "wait"): (*at, "batchWait"),
        ("retry", "min_backoff"): (*at, "minBackoff"),
        ("retry", "max_backoff"): (*at, "maxBackoff"),
        ("retry", "max_retries"): (*at, "maxRetries"),
        ("http", "tls", "ca"): (*client, "tls_config", "ca_file"),
        ("http", "tls", "cert"): (*client, "tls_config", "cert_file"),
        ("http", "tls", "key"): (*client, "tls_config", "key_file"),
        ("http", "tls"): (*client, "tls_config"),
        ("http", "tls_min_version"): (*client, "tls_config", "min_version"),
        ("http", "proxy"): (*client, "proxy_url"),
        ("http", "basic_auth"): (*client, "basic_auth"),
        ("http", "authorization"): (*client, "authorization"),
        ("http", "oauth2", "tls"): (*client, "oauth2", "tls_config"),
        ("http", "oauth2", "proxy"): (*client, "oauth2", "proxy_url"),
        ("http", "oauth2"): (*client, "oauth2"),
    }

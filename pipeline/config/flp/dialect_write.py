"""The `write` block of flowlogs-pipeline: names, types and defaults alone.

Source: docs/reference/flowlogs-pipeline.md#stage-types.
"""

from __future__ import annotations

from msgspec import Struct, field

from pipeline.config.flp.dialect_common import Block, GoDuration


class Stdout(Struct, frozen=True):
    """write.stdout: `json` or `fields`; anything else prints a map as Go does."""

    format: str = ""


class BasicAuth(Struct, frozen=True):
    """A login by name and password."""

    username: str = ""
    username_file: str = ""
    password: str = ""
    password_file: str = ""


class Authorization(Struct, frozen=True):
    """The header Authorization."""

    type: str = ""
    credentials: str = ""
    credentials_file: str = ""


class HttpTls(Struct, frozen=True):
    """The TLS settings of Prometheus' HTTP client."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


class OAuth2(Struct, frozen=True):
    """A login with tokens; `grant_type` and what belongs to tokens that a client signs itself."""

    client_id: str = ""
    client_secret: str = ""
    client_secret_file: str = ""
    client_secret_ref: str = ""
    client_certificate_key_id: str = ""
    client_certificate_key: str = ""
    client_certificate_key_file: str = ""
    client_certificate_key_ref: str = ""
    grant_type: str = ""
    signature_algorithm: str = ""
    iss: str = ""
    audience: str = ""
    claims: Block = {}
    scopes: list[str] = []
    token_url: str = ""
    endpoint_params: dict[str, str] = {}
    tls_config: HttpTls = HttpTls()
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False


class HttpClient(Struct, frozen=True):
    """Prometheus' HTTP client; redirects are not followed, and HTTP/1.1 is spoken."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    bearer_token: str = ""
    bearer_token_file: str = ""
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    tls_config: HttpTls = HttpTls()
    follow_redirects: bool = False
    enable_http2: bool = False
    http_headers: Block = {}


class LokiGrpc(Struct, frozen=True, rename="camel"):
    """Keep-alive of Loki's gRPC client."""

    keep_alive: str = ""
    keep_alive_timeout: str = ""


class Loki(Struct, frozen=True, rename="camel"):
    """write.loki (docs/reference/flowlogs-pipeline.md#loki)."""

    url: str = ""
    tenant_id: str = field(name="tenantID", default="")
    batch_wait: str = ""
    batch_size: int = 0
    timeout: str = ""
    min_backoff: str = ""
    max_backoff: str = ""
    max_retries: int = 0
    labels: list[str] = []
    static_labels: dict[str, str] = {}
    ignore_list: list[str] = []
    client_config: HttpClient | None = None
    timestamp_label: str = ""
    timestamp_scale: str = ""
    format: str = ""
    reorder: bool = False
    client_protocol: str = ""
    grpc_config: LokiGrpc | None = None


class IpfixWrite(Struct, frozen=True, rename="camel"):
    """write.ipfix: a collector."""

    target_host: str = ""
    target_port: int = 0
    transport: str = ""
    enterprise_id: int = field(name="enterpriseId", default=0)
    tpl_send_interval: GoDuration | None = None


class GrpcWrite(Struct, frozen=True, rename="camel"):
    """write.grpc: a collector."""

    target_host: str = ""
    target_port: int = 0


class Write(Struct, frozen=True):
    """`write` of a parameter."""

    type: str = ""
    stdout: Stdout = Stdout()
    loki: Loki = Loki()
    ipfix: IpfixWrite = IpfixWrite()
    grpc: GrpcWrite = GrpcWrite()

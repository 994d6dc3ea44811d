"""write.loki in native terms."""

from __future__ import annotations

import pytest

from tests.config.flp.given import refused, stages


def test_with_nothing_special() -> None:
    """The defaults of the original, which are not all ours."""
    assert stages("write: {type: loki, loki: {url: http://loki:3100, labels: [A]}}") == [
        {
            "name": "s",
            "type": "write_loki",
            "follows": "in",
            "url": "http://loki:3100",
            "labels": ["A"],
            "timestamp_field": "TimeReceived",
            "batch": {"max_bytes": 102400, "wait": "1s"},
            "retry": {"min_backoff": "1s", "max_backoff": "1s", "max_retries": 10},
        }
    ]


def test_as_the_operator_writes_it() -> None:
    (stage,) = stages("""write: {type: loki, loki: {
        url: "https://gateway:8080/api/logs/v1/network", tenantID: network, batchWait: 1s,
        batchSize: 10485760, timeout: 10s, minBackoff: 1s, maxBackoff: 5s, maxRetries: 2,
        labels: [SrcK8S_Namespace, K8S_FlowLayer], staticLabels: {app: netobserv-flowcollector},
        timestampLabel: TimeFlowEndMs, timestampScale: 1ms, reorder: true, ignoreList: [Etype],
        clientProtocol: http, format: json,
        clientConfig: {
          authorization: {type: Bearer, credentials_file: /var/run/secrets/tokens/netobserv},
          follow_redirects: true, enable_http2: true,
          proxy_url: "http://proxy:3128",
          tls_config: {ca_file: /var/ca.crt, cert_file: c, key_file: k, server_name: n,
                       insecure_skip_verify: true}}}}""")
    assert stage == {
        "name": "s",
        "type": "write_loki",
        "follows": "in",
        "url": "https://gateway:8080/api/logs/v1/network",
        "tenant_id": "network",
        "labels": ["SrcK8S_Namespace", "K8S_FlowLayer"],
        "static_labels": {"app": "netobserv-flowcollector"},
        "ignore": ["Etype"],
        "timestamp_field": "TimeFlowEndMs",
        "timestamp_scale": "1ms",
        "timeout": "10s",
        "format": "json",
        "batch": {"max_bytes": 10485760, "wait": "1s"},
        "retry": {"min_backoff": "1s", "max_backoff": "5s", "max_retries": 2},
        "http": {
            "server_name": "n",
            "proxy": "http://proxy:3128",
            "tls": {"ca": "/var/ca.crt", "cert": "c", "key": "k", "insecure_skip_verify": True},
            "authorization": {
                "scheme": "Bearer",
                "credentials_file": "/var/run/secrets/tokens/netobserv",
            },
        },
    }


@pytest.mark.parametrize(
    ("client", "native"),
    [
        ("bearer_token_file: t", {"authorization": {"credentials_file": "t"}}),
        ("bearer_token: t", {"authorization": {"credentials": "t"}}),
        ("basic_auth: {username: u, password: p}",
         {"basic_auth": {"username": "u", "password": "p"}}),
        ("basic_auth: {username_file: u, password_file: p}",
         {"basic_auth": {"username_file": "u", "password_file": "p"}}),
    ],
)  # fmt: skip
def test_logins(client: str, native: object) -> None:
    (stage,) = stages(f"write: {{type: loki, loki: {{url: u, clientConfig: {{{client}}}}}}}")
    assert stage["http"] == native


@pytest.mark.parametrize(
    ("client", "url"),
    [("{}", "grpc://loki:9095"), ("{tls_config: {ca_file: ca}}", "grpcs://loki:9095")],
)
def test_over_grpc(client: str, url: str) -> None:
    block = f"url: 'loki:9095', clientProtocol: grpc, grpcConfig: {{}}, clientConfig: {client}"
    (stage,) = stages(f"write: {{type: loki, loki: {{{block}}}}}")
    assert stage["url"] == url


@pytest.mark.parametrize(
    ("version", "native"), [("TLS13", {"tls_min_version": "1.3"}), ("TLS12", None)]
)
def test_the_oldest_tls(version: str, native: object) -> None:
    client = f"tls_config: {{min_version: {version}}}"
    (stage,) = stages(f"write: {{type: loki, loki: {{url: u, clientConfig: {{{client}}}}}}}")
    assert stage.get("http") == native


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ("min_version: TLS14", ('unknown min_version "TLS14"', 'did you mean "TLS13"?')),
        ("max_version: TLS12", ("max_version is not supported", "")),
    ],
)
def test_versions_that_are_refused(tls: str, said: tuple[str, str]) -> None:
    client = f"clientConfig: {{tls_config: {{{tls}}}}}"
    assert refused(f"write: {{type: loki, loki: {{url: u, {client}}}}}") == [said]


def test_tokens() -> None:
    """As Prometheus' HTTP client has them."""
    (stage,) = stages("""write: {type: loki, loki: {url: u, clientConfig: {oauth2: {
        client_id: flp, client_secret_file: /var/secret, token_url: "https://sso/token",
        scopes: [logs], endpoint_params: {audience: loki}, grant_type: client_credentials,
        tls_config: {ca_file: /var/ca.crt, server_name: n}, proxy_url: "http://proxy:3128"}}}}""")
    assert stage["http"] == {
        "oauth2": {
            "token_url": "https://sso/token",
            "client_id": "flp",
            "client_secret_file": "/var/secret",
            "scopes": ["logs"],
            "endpoint_params": {"audience": "loki"},
            "tls": {"ca": "/var/ca.crt"},
            "server_name": "n",
            "proxy": "http://proxy:3128",
        }
    }


def test_what_is_refused() -> None:
    assert refused("write: {type: loki, loki: {url: u, clientProtocol: grcp}}") == [
        ('unknown clientProtocol "grcp"', 'did you mean "grpc"?')
    ]
    assert refused(
        "write: {type: loki, loki: {url: u, clientConfig: {http_headers: {a: {values: [b]}}}}}"
    ) == [("http_headers is not supported", "")]
    own = "client_id: a, token_url: 'http://t', claims: {a: b}, grant_type: client_credential"
    assert refused(
        f"write: {{type: loki, loki: {{url: 'http://l', clientConfig: {{oauth2: {{{own}}}}}}}}}"
    ) == [
        ('unknown grant_type "client_credential"', 'did you mean "client_credentials"?'),
        ("claims is not supported", ""),
    ]
    assert refused("write: {type: loki, loki: {url: u, format: x}}") == [
        ('warning: "x" prints as "printf" does', "")
    ]

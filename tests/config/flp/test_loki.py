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


def test_what_is_refused() -> None:
    assert refused("write: {type: loki, loki: {url: u, clientProtocol: grpc}}") == [
        ('clientProtocol "grpc" is not supported: lines go over HTTP', "")
    ]
    assert refused(
        "write: {type: loki, loki: {url: u, clientConfig: {oauth2: {client_id: a}}}}"
    ) == [("oauth2 is not supported", "")]
    assert refused("write: {type: loki, loki: {url: u, format: x}}") == [
        ('warning: "x" prints as "printf" does', "")
    ]

"""Against docs/reference/operator.md#pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.collectors import KAFKA, block, pipeline

LABELS = [
    *("SrcK8S_Namespace", "SrcK8S_OwnerName", "SrcK8S_Type"),
    *("DstK8S_Namespace", "DstK8S_OwnerName", "DstK8S_Type"),
    *("K8S_FlowLayer", "FlowDirection"),
]


def test_the_defaults(tmp_path: Path) -> None:
    assert block(pipeline(tmp_path), "loki") == {
        "url": "http://loki:3100/",
        "tenantID": "netobserv",
        "batchWait": "1s",
        "batchSize": 10485760,
        "timeout": "10s",
        "minBackoff": "1s",
        "maxBackoff": "5s",
        "maxRetries": 2,
        "labels": LABELS,
        "staticLabels": {"app": "netobserv-flowcollector"},
        "clientConfig": {},
        "timestampLabel": "TimeFlowEndMs",
        "timestampScale": "1ms",
    }


def test_labels_of_features(tmp_path: Path) -> None:
    made = pipeline(
        tmp_path,
        **KAFKA,
        agent={"ebpf": {"features": ["UDNMapping"]}},
        processor={"logTypes": "All", "addZone": True, "multiClusterDeployment": True},
        loki={"advanced": {"excludeLabels": ["FlowDirection"]}},
    )
    assert block(made, "loki")["labels"] == [
        *LABELS[:-1],
        *("_RecordType", "K8S_ClusterName", "SrcK8S_Zone", "DstK8S_Zone", "UdnId"),
    ]


@pytest.mark.parametrize(
    ("loki", "url", "tenant", "client"),
    [
        ({"monolithic": {"url": "http://x/"}}, "http://x/", "netobserv", {}),
        ({"monolithic": {"installDemoLoki": True}}, "http://loki:3100/", "netobserv", {}),
        ({"mode": "Microservices"}, "http://loki-distributor:3100/", "netobserv", {}),
        (
            {"mode": "Manual", "manual": {"ingesterUrl": "https://y/", "authToken": "Host"}},
            "https://y/",
            "netobserv",
            {
                "authorization": {
                    "type": "Bearer",
                    "credentials_file": "/var/run/secrets/tokens/flowlogs-pipeline",
                }
            },
        ),
        (
            {
                "monolithic": {
                    "url": "https://z/",
                    "tls": {"enable": True, "insecureSkipVerify": True},
                }
            },
            "https://z/",
            "netobserv",
            {"tls_config": {"insecure_skip_verify": True}},
        ),
        (
            {"mode": "LokiStack", "lokiStack": {"name": "loki", "namespace": "logs"}},
            "https://loki-gateway-http.logs.svc.cluster.local.:8080/api/logs/v1/network/",
            "network",
            {
                "authorization": {
                    "type": "Bearer",
                    "credentials_file": "/var/run/secrets/tokens/flowlogs-pipeline",
                },
                "tls_config": {"ca_file": "/var/loki-certs-ca/service-ca.crt"},
            },
        ),
    ],
)
def test_where_loki_is(
    tmp_path: Path, loki: dict[str, Any], url: str, tenant: str, client: dict[str, Any]
) -> None:
    made = block(pipeline(tmp_path, loki=loki), "loki")
    assert (made["url"], made["tenantID"], made["clientConfig"]) == (url, tenant, client)

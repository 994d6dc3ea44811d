"""Servers that a pipeline file, or a FlowCollector, names and that no machine can be.

They passed, and the run then sent its flows nowhere, and said so with each try.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config
from pipeline.config.loader import ConfigError

LOKI = {"type": "write_loki", "static_labels": {"app": "flows"}}
TOKENS = {"client_id": "c", "client_secret": "s"}
S3 = {"type": "encode_s3", "bucket": "b", "access_key_id": "k", "secret_access_key_file": "s"}
FIELDS: dict[str, dict[str, Any]] = {
    "url": LOKI | {"url": "http://{}:3100/loki"},
    "url over gRPC": LOKI | {"url": "grpcs://{}:9095"},
    "http.proxy": LOKI | {"url": "http://loki", "http": {"proxy": "http://{}:3128"}},
    "http.oauth2.token_url": LOKI
    | {"url": "http://loki", "http": {"oauth2": TOKENS | {"token_url": "https://{}/token"}}},
    "endpoint of S3": S3 | {"endpoint": "{}:9000"},
    "endpoint of OTLP": {"type": "encode_otlplogs", "endpoint": "{}:4317"},
    "target": {"type": "write_ipfix", "target": "{}:4739"},
    "target over gRPC": {"type": "write_grpc", "target": "{}:9999"},
    "brokers[0]": {"type": "encode_kafka", "topic": "t", "brokers": ["{}:9092"]},
}
NONE = ["..", "a,b", "10.0.0.300"]


def problems(fields: dict[str, Any], host: str, folder: Path) -> list[str]:
    (folder / "flows.jsonl").touch()
    (folder / "s").write_text("secret")
    (folder / "s").chmod(0o600)
    source = {"name": "in", "type": "ingest_file", "path": "flows.jsonl", "decoder": "json"}
    stage = {"name": "out", "follows": "in", **fields}
    text = yaml.safe_dump({"stages": [source, stage]}).replace("{}", host)
    (folder / "p.yaml").write_text(text)
    try:
        config.load(folder / "p.yaml")
    except ConfigError as error:
        return [str(one) for one in error.problems]
    return []


@pytest.mark.parametrize("host", NONE)
@pytest.mark.parametrize("name", FIELDS)
def test_a_host_that_no_machine_can_be_is_refused(name: str, host: str, tmp_path: Path) -> None:
    (said,) = problems(FIELDS[name], host, tmp_path)
    assert f"field {name.partition(' ')[0]}: " in said
    assert host in said


@pytest.mark.parametrize("host", ["loki.netobserv.svc", "10.0.0.30", "[fd00::1]", "localhost."])
@pytest.mark.parametrize("name", FIELDS)
def test_a_host_that_can_be_is_not(name: str, host: str, tmp_path: Path) -> None:
    assert problems(FIELDS[name], host, tmp_path) == []

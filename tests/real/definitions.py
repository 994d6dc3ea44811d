"""Definitions of custom resources by those who made them, from the Go modules that carry them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.real.parts import Missing, cache, locked, tool


class Source(NamedTuple):
    """A file of a Go module."""

    module: str
    version: str
    path: str


CLUSTER_NETWORK_POLICY = Source(
    "sigs.k8s.io/network-policy-api",
    "v0.3.0",
    "config/crd/standard/policy.networking.k8s.io_clusternetworkpolicies.yaml",
)
EXPERIMENTAL_CLUSTER_NETWORK_POLICY = CLUSTER_NETWORK_POLICY._replace(
    path="config/crd/experimental/policy.networking.k8s.io_clusternetworkpolicies.yaml"
)
CILIUM_NETWORK_POLICY = Source(
    "github.com/cilium/cilium",
    "v1.18.4",
    "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml",
)


def definition(source: Source) -> dict[str, Any]:
    """The definition; its module is downloaded the first time (Cilium's: 32 MB)."""
    go = tool("go", "it downloads definitions of custom resources")
    folder = cache("definitions")
    with locked(folder):
        done = subprocess.run(
            [go, "mod", "download", "-json", f"{source.module}@{source.version}"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    told = json.loads(done.stdout or "{}")
    if "Dir" not in told:
        raise Missing(f"{source.module} was not downloaded: {told.get('Error') or done.stderr}")
    found: dict[str, Any] = yaml.safe_load((Path(told["Dir"]) / source.path).read_text())
    return found

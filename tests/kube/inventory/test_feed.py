"""The objects of a cluster followed as an inventory has them, on a real API server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pipeline.kube.inventory import feed
from pipeline.kube.inventory.feed import ManifestFeed
from policy.objects import Cluster
from tests.kube.live import Client, path_of, pod
from tests.real.cluster import delete, eventually, kubeconfig
from tests.real.kube import Kube

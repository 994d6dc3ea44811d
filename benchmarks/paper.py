"""A cluster on paper: pods as an API server prints them, listed and changed without one."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import UnreachableError

_CONTAINER = {
    "image": "registry.example/shop/web@sha256:" + "0" * 64,
    "name": "main",
    "env": [{"name": f"SETTING_{number}", "value": "x" * 30} for number in range(12)],
    "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
    "volumeMounts": [{"mountPath": f"/data/{number}", "name": f"v{number}"} for number in range(4)],
}
Manifest = dict[str, Any]


def dressed(pod: Manifest, version: int, created: float) -> Manifest:
    """A simulated pod with all that a real one carries along (about 4 KB)."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created))
    meta = pod["metadata"] | {"resourceVersion": str(version), "creationTimestamp": when}
    fields: Manifest = {f"f:field{number}": {".": {}, "f:value": {}} for number in range(40)}
    meta["managedFields"] = [{"manager": "kubelet", "fieldsV1": fields}]
    conditions = [
        {"type": name, "status": "True", "lastTransitionTime": when}
        for name in ("PodReadyToStartContainers", "Initialized", "Ready", "PodScheduled")
    ]
    status = pod["status"] | {"startTime": when, "conditions": conditions}
    return pod | {
        "metadata": meta,
        "spec": pod["spec"] | {"containers": [_CONTAINER] * 2},
        "status": status,
    }


class Paper(ClusterConnection):
    """Answers lists from the objects given; watches stay open and say what `tell` is told."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self._items: dict[str, list[bytes]] = {}
        created = time.time() - 3600
        for one in manifests:
            whole = dressed(one, 1, created) if one["kind"] == "Pod" else one
            self._items.setdefault(one["kind"].lower() + "s", []).append(msgspec.json.encode(whole))
        self._told: dict[str, queue.SimpleQueue[bytes]] = {}

    def now(self) -> int:
        """Local time."""
        return round(time.time() * 1000)

    def fetch(self, path: str, query: Mapping[str, str | int] | None = None, **_: Any) -> bytes:
        """A page of a list."""
        items = self._items.get(path.rpartition("/")[2], [])
        start, limit = int((query or {}).get("continue", 0)), int((query or {}).get("limit", 500))
        more = str(start + limit) if start + limit < len(items) else ""
        meta = msgspec.json.encode({"resourceVersion": "1", "continue": more})
        page = b",".join(items[start : start + limit])
        return b'{"metadata":' + meta + b',"items":[' + page + b"]}"

    @contextmanager
    def request(self, path: str, *_: Any, **__: Any) -> Iterator[Any]:
        """A watch that says what it is told, until the end."""
        told: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._told[path.rpartition("/")[2]] = told
        yield _Answer(told)
        raise UnreachableError("closed")

    def tell(self, kind: str, event: bytes) -> None:
        """Let the watch of a kind ("pods") say a line."""
        self._told[kind].put(event + b"\n")

    def close(self) -> None:
        """End the watches."""
        for told in self._told.values():
            told.put(b"")


class _Answer:
    """The body of a watch."""

    def __init__(self, told: queue.SimpleQueue[bytes]) -> None:
        self._told = told

    def stream(self, _: int) -> Iterator[bytes]:
        """What is told, until nothing is."""
        while chunk := self._told.get():
            yield chunk

    def shutdown(self) -> None:
        """End it."""
        self._told.put(b"")

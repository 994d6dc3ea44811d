"""Writes the status of resources back, in a thread of its own, when their verdict has changed."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from pipeline.kube.api.reflector import Resource

_MERGE = {"Content-Type": "application/merge-patch+json"}
_FORBIDDEN, _NOT_FOUND = 403, 404
_PAUSE = 2.0
_log = logging.getLogger(__name__)


class _Patch(msgspec.Struct, frozen=True):
    path: str
    uid: str
    verdict: object
    status: Mapping[str, Any]


class StatusWriter:
    """Patches the status subresource of a resource's objects.

    What another writer makes of the status afterwards is left alone until the object or the
    verdict changes: two controllers must not overwrite each other. `problem` has the
    reason when nothing can be written; the next report tries again.
    """

    def __init__(self, connection: ClusterConnection, resource: Resource) -> None:
        self._connection, self._resource = connection, resource
        self._told: dict[str, object] = {}
        self._queue: queue.SimpleQueue[_Patch | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"status of {resource.plural}", daemon=True
        )
        self._thread.start()
        self.problem = ""

    def put(self, statuses: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Report the status of every object there is, each as it was seen last.

        A status has no times: conditions that keep their status keep theirs, others get the time.
        """
        verdicts = {str(one["metadata"]["uid"]): (one, status) for one, status in statuses}
        self._told = {uid: verdict for uid, verdict in self._told.items() if uid in verdicts}
        for uid, (one, status) in verdicts.items():
            metadata = one["metadata"]
            verdict = (metadata.get("generation"), msgspec.json.encode(status))
            if self._told.get(uid) == verdict:
                continue
            self._told[uid] = verdict
            present = one.get("status") or {}
            timed = _timed(status, present, datetime.now(UTC))
            if timed != present:
                path = f"{self._resource.path(metadata['namespace'])}/{metadata['name']}/status"
                self._queue.put(_Patch(path, uid, verdict, timed))

    def close(self) -> None:
        """Stop the thread; statuses that wait are not written."""
        self._closed.set()
        self._queue.put(None)
        self._thread.join(2.0)

    def _run(self) -> None:
        while (patch := self._queue.get()) is not None and not self._closed.is_set():
            if self._told.get(patch.uid) == patch.verdict and not self._written(patch):
                self._queue.put(patch)
                self._closed.wait(_PAUSE)

    def _written(self, patch: _Patch) -> bool:
        """Write a status; return False when it has to be tried again."""
        body = {"status": patch.status}
        try:
            self._connection.fetch(patch.path, method="PATCH", body=body, headers=_MERGE)
        except ApiError as error:
            if error.code == _FORBIDDEN:
                self._told.pop(patch.uid, None)
                self._say(f"the status of {self._resource.plural} cannot be written: {error}")
            elif error.code != _NOT_FOUND:
                _log.warning("%s: %s", patch.path, error)
            return error.code < 500 and error.code != 409
        except (UnreachableError, ConnectError):
            return False
        self.problem = ""
        return True

    def _say(self, problem: str) -> None:
        if not self.problem:
            _log.warning("%s", problem)
        self.problem = problem


def _timed(status: Mapping[str, Any], present: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A status with the times of its conditions: the old one where it says the same as before."""
    before = {one.get("type"): one for one in present.get("conditions") or ()}
    fresh = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = []
    for condition in status["conditions"]:
        old = before.get(condition["type"], {})
        same = old.get("status") == condition["status"] and old.get("lastTransitionTime")
        conditions.append({**condition, "lastTransitionTime": same or fresh})
    return {**status, "conditions": conditions}

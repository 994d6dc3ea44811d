"""The configuration of a stage's API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.diagnostics import Problem, nearest
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ConnectError
from pipeline.kube.api.kubeconfig import contexts


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API server of `kubeconfig` (its current context, or `context`).

    Without `kubeconfig`, it is the cluster of this pod, with the pod's service account.
    """

    kubeconfig: str = ""
    context: str = ""

    def check(self, folder: Path) -> Iterator[Problem]:
        """The problems of the kubeconfig; relative file names are under `folder`."""
        if not self.kubeconfig:
            if self.context:
                hint = "set `kubeconfig`, the file with the context"
                yield Problem(("context",), "a context is one of a kubeconfig file", hint)
            return
        try:
            known = contexts(folder / self.kubeconfig)
        except ConnectError as error:
            yield Problem(("kubeconfig",), str(error))
            return
        if self.context and self.context not in known:
            hint = nearest(self.context, known) or f"it has {', '.join(known) or 'none'}"
            yield Problem(("context",), f'{self.kubeconfig} has no context "{self.context}"', hint)

    def connect(self, folder: Path) -> ClusterConnection:
        """A connection; relative file names are under `folder`. Raises ConnectError."""
        return ClusterConnection(
            folder / self.kubeconfig if self.kubeconfig else None, self.context
        )

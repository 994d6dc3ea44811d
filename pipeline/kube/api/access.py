"""The configuration of a stage's API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.diagnostics import Problem, listed, nearest
from pipeline.kube.api import kubeconfig
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ConnectError
from pipeline.kube.api.kubeconfig import contexts, default_files


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API server of `kubeconfig` (its current context, or `context`).

    Without `kubeconfig` it is the one that kubectl takes: of the files of $KUBECONFIG, or of
    ~/.kube/config, and where none is there, the cluster of this pod, with its service account.
    """

    kubeconfig: str = ""
    context: str = ""

    def check(self, folder: Path) -> Iterator[Problem]:
        """The problems of the kubeconfig; relative file names are under `folder`."""
        if not self.kubeconfig and not self.context:
            return
        files = self._files(folder)
        if not files:
            hint = "set `kubeconfig`, the file with the context"
            yield Problem(("context",), "a context is one of a kubeconfig file", hint)
            return
        try:
            known = contexts(files)
        except ConnectError as error:
            given = str(error).replace(str(folder / self.kubeconfig), self.kubeconfig)
            yield Problem(("kubeconfig",), given if self.kubeconfig else str(error))
            return
        if self.context and self.context not in known:
            hint = nearest(self.context, known) or f"it has {listed(known)}"
            where = self.kubeconfig or ", ".join(map(str, files))
            yield Problem(("context",), f'{where} has no context "{self.context}"', hint)

    def connect(self, folder: Path) -> ClusterConnection:
        """A connection; relative file names are under `folder`. Raises ConnectError."""
        return ClusterConnection(self._files(folder), self.context)

    def files(self, folder: Path) -> list[Path]:
        """The files that a connection reads: the kubeconfigs, and what their context names."""
        files = self._files(folder)
        try:
            return [*files, *(kubeconfig.named(files, self.context) if files else ())]
        except ConnectError:  # whoever connects says why
            return files

    def _files(self, folder: Path) -> list[Path]:
        return [folder / self.kubeconfig] if self.kubeconfig else default_files()

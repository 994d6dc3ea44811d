"""Which cluster to ask, as a stage says it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.kube.connect import Connection


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The API server of `kubeconfig` (its current context, or `context`).

    Without `kubeconfig`, the cluster this runs in, with its own service account.
    """

    kubeconfig: str = ""
    context: str = ""

    def connect(self, folder: Path) -> Connection:
        """A connection; relative file names are under `folder`. Raises ConnectError."""
        return Connection(folder / self.kubeconfig if self.kubeconfig else None, self.context)

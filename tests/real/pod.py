"""A process as in a pod: the files of its service account are where a kubelet puts them.

It runs in a mount namespace of its own; nothing of the machine changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.real.parts import Missing, tool

_MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
_INSIDE = f"""\
set -e
mount -t tmpfs tmpfs "$(readlink -f /var/run)"
mkdir -p {_MOUNTED}
mount --bind "$0" {_MOUNTED}
exec "$@"
"""


class Pod:
    """The volume of a service account as a kubelet keeps it, and processes that see it.

    Raises Missing where this user may not mount anything, not even for processes of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0
        done = subprocess.run(self.command("true"), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"a private mount namespace is not permitted: {done.stderr.strip()}")

    def project(self, files: Mapping[str, str]) -> None:
        """Replace all files at once: they are links into a folder that is a link itself."""
        self._written += 1
        fresh, data = self._folder / f"..{self._written}", self._folder / "..data"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
        before = data.resolve()
        swapped = self._folder / "..data_tmp"
        swapped.symlink_to(fresh.name)
        swapped.rename(data)
        for name in files:
            if not (self._folder / name).is_symlink():
                (self._folder / name).symlink_to(f"..data/{name}")
        if before != data:
            shutil.rmtree(before)

    def command(self, *inside: str | Path) -> Sequence[str | Path]:
        """What runs a command in the pod, in the place of itself: its process is the command's."""
        unshare = tool("unshare", "it is part of util-linux, and makes a pod of a process")
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        return [unshare, "--mount", *user, "sh", "-c", _INSIDE, self._folder, *inside]


def environment(url: str) -> Mapping[str, str]:
    """The variables of a pod whose API server is at a URL; no home, no kubeconfig."""
    address = urlsplit(url)
    return {
        "PATH": os.environ["PATH"],
        "KUBERNETES_SERVICE_HOST": address.hostname or "",
        "KUBERNETES_SERVICE_PORT": str(address.port),
    }

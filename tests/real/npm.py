"""Packages from npm, kept by version; each is held to the hash of its archive."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

from tests.real.parts import Missing, cache, locked, tool

_HINT = "Node.js 20 or later brings it"


def package(name: str, version: str, sha256: str) -> Path:
    """The folder of a package. Raises Missing; RuntimeError where it is not the one of the hash."""
    kept = cache(f"{name}-{version}")
    with locked(kept):
        folder = kept / "package"
        if not folder.exists():
            _fetch(name, version, sha256, kept)
        return folder


def node(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run node; its output as text."""
    command = [tool("node", _HINT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def _fetch(name: str, version: str, sha256: str, kept: Path) -> None:
    wanted = f"{name}@{version}"
    command = [tool("npm", _HINT), "pack", wanted, "--silent", "--pack-destination", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=kept)
    if done.returncode != 0:
        raise Missing(f"{wanted} could not be fetched: {done.stderr.strip()[-500:]}")
    packed_as = name.removeprefix("@").replace("/", "-")
    archive = kept / f"{packed_as}-{version}.tgz"
    if hashlib.sha256(archive.read_bytes()).hexdigest() != sha256:
        archive.unlink()
        raise RuntimeError(f"npm gave another {wanted} than the one of the hash")
    unpacked = kept / "unpacked"
    with tarfile.open(archive) as packed:
        packed.extractall(unpacked, filter="data")
    (unpacked / "package").rename(kept / "package")
    archive.unlink()

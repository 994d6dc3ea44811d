"""What `docker compose config` says of files, from the library it is made of; no engine runs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.real.parts import Missing, cache, locked, tool

_MODULE = Path(__file__).parent / "compose-config"


def version() -> str:
    """The version of compose-go, as its go.mod says."""
    found = re.search(r"compose-go/v2 (v\S+)", (_MODULE / "go.mod").read_text())
    assert found
    return found[1]


def project(folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """The files merged and resolved. ValueError says what is wrong with them."""
    command = [str(_binary()), *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _binary() -> Path:
    """The command, built by Go the first time (half a minute)."""
    binary = cache(f"compose-{version()}") / "compose-config"
    with locked(binary.parent):
        if not binary.exists():
            partial = binary.with_suffix(".partial")
            command = [tool("go", "it builds the check of compose files"), "build"]
            command += ["-trimpath", "-o", str(partial), "."]
            done = subprocess.run(command, cwd=_MODULE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Missing(f"compose-config did not build: {done.stderr[-2000:]}")
            partial.rename(binary)
    return binary

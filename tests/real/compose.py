"""What `docker compose config` says of files, from the library it is made of; no engine runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.real.go import built


def project(folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """The files merged and resolved. ValueError says what is wrong with them."""
    command = [str(_binary()), *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@cache
def _binary() -> Path:
    return built("compose-config", "it builds the check of compose files")

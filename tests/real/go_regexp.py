"""What Go's own `regexp` package says of patterns and texts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.real import parts

_MODULE = Path(__file__).parent / "go-regexp"


def searched(patterns: Sequence[str], texts: Sequence[str]) -> list[list[bool] | None]:
    """For each pattern, whether each text has a match; None where Go refuses the pattern."""
    asked = json.dumps({"patterns": list(patterns), "texts": list(texts)})
    done = subprocess.run([str(_binary())], input=asked, capture_output=True, text=True, check=True)
    return [
        None if answer["error"] else [found == "1" for found in answer["found"]]
        for answer in json.loads(done.stdout)
    ]


@cache
def _binary() -> Path:
    """The command, built by the Go that is installed."""
    go = parts.tool("go", "its regexp is what patterns are compared with")
    command = [go, "env", "GOVERSION"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    binary = parts.cache(f"go-regexp-{version}") / "go-regexp"
    with parts.locked(binary.parent):
        if not binary.exists():
            partial = binary.with_suffix(".partial")
            command = [go, "build", "-trimpath", "-o", str(partial), "."]
            done = subprocess.run(command, cwd=_MODULE, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise parts.Missing(f"go-regexp did not build: {done.stderr[-2000:]}")
            partial.rename(binary)
    return binary

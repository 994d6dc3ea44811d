"""What Go's own `regexp` package says of patterns and texts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.real.go import built


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
    return built("go-regexp", "its regexp is what patterns are compared with")

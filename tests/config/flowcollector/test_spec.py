"""The defaults of a FlowCollector, against docs/reference/operator.md#settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector.spec import FlowCollectorSpec
from pipeline.yaml.validate import convert

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "operator.md"
ROWS = dict(re.findall(r"^\| `([a-zA-Z.]+)` \| ([^|`]+) \|", PAGE.read_text(), re.MULTILINE))
WORDS = {"off": "False", "false": "False", "true": "True"}


def value(spec: Any, path: str) -> Any:
    """The value of a field by its name in the resource."""
    for part in path.split("."):
        names = dict(zip(spec.__struct_encode_fields__, spec.__struct_fields__, strict=True))
        spec = getattr(spec, names[part])
    return spec


@pytest.mark.parametrize(
    "path", ["namespace", "deploymentModel", "loki.enable", "processor.logTypes"]
)
def test_defaults_of_the_table(path: str) -> None:
    written = ROWS[path].strip()
    made = convert({}, FlowCollectorSpec)
    assert str(value(made, path)) == WORDS.get(written, written)
    assert len(ROWS) > 5

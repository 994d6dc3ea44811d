"""The list of parts names every package that is installed, with its hashes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools.sbom import components, document

REQUIREMENTS = (Path(__file__).parents[2] / "requirements.txt").read_text()


def test_every_pin_is_a_component_with_hashes() -> None:
    parts = components(REQUIREMENTS)
    assert len(parts) == len(re.findall("^[^ ]+==", REQUIREMENTS, re.MULTILINE))
    assert all(part.hashes for part in parts)
    assert sum(len(part.hashes) for part in parts) == REQUIREMENTS.count("--hash=")


def test_the_document_is_one_of_cyclonedx() -> None:
    told = json.loads(document(REQUIREMENTS))
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    named = {part["purl"]: part for part in told["components"]}
    assert len(named) == len(told["components"])
    assert told["dependencies"] == [{"ref": "flowmatrix", "dependsOn": list(named)}]
    (polars,) = (part for part in told["components"] if part["name"] == "polars")
    assert polars["purl"] == f"pkg:pypi/polars@{polars['version']}"
    assert len(polars["externalReferences"][0]["hashes"][0]["content"]) == 64
    assert polars["licenses"]

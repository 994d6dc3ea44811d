"""The list of parts names every package that is installed, with its hashes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

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


def test_the_document_is_valid_by_the_schema_of_cyclonedx() -> None:
    """Every pin is in it with version and hashes; a part without a name would not be valid."""
    text = document(REQUIREMENTS).decode()
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"name"', '"nam"', 1)) is not None
    told = json.loads(text)
    found = {
        (part["name"], part["version"], one["content"])
        for part in told["components"]
        for one in part["externalReferences"][0]["hashes"]
    }
    pins = {(p.name, p.version, one) for p in components(REQUIREMENTS) for one in p.hashes}
    assert found == pins

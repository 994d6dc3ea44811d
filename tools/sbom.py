"""`make sbom`: what a run is made of, as a CycloneDX 1.6 document (JSON), from requirements.txt.

Names, versions and hashes are those that are installed with; licences are what the distributions of
this environment say of themselves.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

import msgspec

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)[^\n]*((?:\n    --hash=[^\n]+)*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ROOT = Path(__file__).parent.parent


class Component(msgspec.Struct, frozen=True):
    """One package; `hashes` are those of all its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def url(self) -> str:
        """Its package URL (purl)."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{self.version}"


def components(requirements: str) -> list[Component]:
    """The packages of a requirements file with hashes."""
    return [
        Component(name, number, tuple(_HASH.findall(hashes)))
        for name, number, hashes in _PIN.findall(requirements)
    ]


def document(requirements: str) -> bytes:
    """The document."""
    own = {
        "type": "application",
        "name": "flowmatrix",
        "version": version("flowmatrix"),
        "bom-ref": "flowmatrix",
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    parts = components(requirements)
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": [_described(part) for part in parts],
        "dependencies": [{"ref": "flowmatrix", "dependsOn": [part.url for part in parts]}],
    }
    return msgspec.json.format(msgspec.json.encode(whole)) + b"\n"


def _described(part: Component) -> dict[str, object]:
    files = [{"alg": "SHA-256", "content": content} for content in part.hashes]
    named = [{"license": {"name": name}} for name in _licence(part.name)]
    return {
        "type": "library",
        "bom-ref": part.url,
        "name": part.name,
        "version": part.version,
        "purl": part.url,
        "externalReferences": [
            {"type": "distribution", "url": part.url, "hashes": files},
        ],
        **({"licenses": named} if named else {}),
    }


def _licence(name: str) -> list[str]:
    """What an installed package says of its licence, on one line."""
    try:
        found = metadata(name).json
    except PackageNotFoundError:
        return []
    text = str(found.get("license_expression") or found.get("license") or "")
    first = text.strip().partition("\n")[0].strip()
    return [first] if first else []


if __name__ == "__main__":
    sys.stdout.buffer.write(document((_ROOT / "requirements.txt").read_text()))

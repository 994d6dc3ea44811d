"""Advisories of OSV that a pin is affected by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.audit import found, main

ADVISORY = """\
id: PYSEC-1
aliases: [CVE-1]
{more}
affected:
- package: {{ecosystem: PyPI, name: Some_Package}}
  ranges:
  - type: GIT
    events: [{{introduced: "0"}}, {{fixed: "abc"}}]
  - type: ECOSYSTEM
    events: {events}
  versions: {versions}
"""
FIXED = '[{introduced: "0"}, {fixed: "2.0"}, {introduced: "3.0"}, {last_affected: "3.1"}]'


def folder(tmp_path: Path, events: str, versions: str = "[]", more: str = "") -> Path:
    package = tmp_path / "vulns" / "some-package"
    package.mkdir(parents=True)
    text = ADVISORY.format(events=events, versions=versions, more=more)
    (package / "PYSEC-1.yaml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("version", "affected"),
    [("1.9", 1), ("2.0", 0), ("2.5", 0), ("3.0", 1), ("3.1", 1), ("3.2", 0)],
)
def test_a_version_in_a_range_is_told(version: str, affected: int, tmp_path: Path) -> None:
    lines = list(found([("some.package", version), ("other", "1")], folder(tmp_path, FIXED)))
    assert lines == [f"some.package {version}: PYSEC-1, CVE-1"] * affected


def test_a_version_may_be_named(tmp_path: Path) -> None:
    at = folder(tmp_path, "[]", '["2.5"]')
    assert list(found([("some-package", "2.5"), ("some-package", "2.6")], at)) == [
        "some-package 2.5: PYSEC-1, CVE-1"
    ]


def test_what_was_withdrawn_is_not_told(tmp_path: Path) -> None:
    at = folder(tmp_path, FIXED, more="withdrawn: 2024-01-01T00:00:00Z")
    assert list(found([("some-package", "1")], at)) == []


def test_a_folder_without_advisories_is_not_a_clean_bill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tmp_path) == 1
    assert "0 of them with advisories" in capsys.readouterr().out

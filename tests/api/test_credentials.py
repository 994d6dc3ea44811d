from __future__ import annotations

from pathlib import Path

from pipeline.api import credentials


def test_the_variables_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    for name in (credentials.TOKEN_FILE, credentials.CA_FILE, credentials.CERT_FILE):
        assert name in page

"""The small files at the top: editors, commits and hosted checks keep the rules of `make`."""

from __future__ import annotations

import configparser
import os
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def test_editors_know_the_length_of_lines() -> None:
    parser = configparser.ConfigParser()
    parser.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert parser["*.py"]["max_line_length"] == str(project["tool"]["ruff"]["line-length"])


def test_commits_are_checked_by_the_tools_of_the_environment() -> None:
    """No hook downloads anything: each runs a command of `.venv`."""
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in document["repos"]] == ["local"]
    hooks = [hook for repository in document["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["entry"].split()[0] for hook in hooks} == {
        f".venv/bin/{name}" for name in ("ruff", "mypy", "python")
    }


def test_the_hosted_check_runs_what_runs_anywhere() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yaml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    script = ROOT / job["steps"][-1]["run"]
    assert script.is_file()
    assert os.access(script, os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}

"""`make new-stage`: a stage that is complete at once, in a copy of this tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import new_stage

ROOT = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns(".*", "build", "__pycache__", "*.egg-info")
NEW = {"stages/sample_stage.py", "tests/stages/test_sample_stage.py"}
GENERATED = {"docs/stages.md", "configs/schema.json"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=IGNORED, symlinks=True))


def python(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-B", "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def texts(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".hypothesis", ".ruff_cache"} & set(path.parts)
    }


@pytest.mark.slow
def test_a_new_stage_is_complete_at_once(copy: Path) -> None:
    """Four files change, two of them by hand later on; style, documents, example and laws hold."""
    before = texts(copy)
    python(copy, "tools.new_stage", "sample_stage")
    python(copy, "tools.docs")
    after = texts(copy)
    assert {name for name in after if after[name] != before.get(name)} == NEW | GENERATED
    python(copy, "ruff", "check", "--no-cache", *NEW)
    python(copy, "ruff", "format", "--no-cache", "--check", *NEW)
    tests = ["tests/stages", "tests/test_laws.py", "tests/tools/test_docs.py", "tests/config"]
    chosen = "sample_stage or (test_docs and current) or schema"
    done = python(copy, "pytest", "-p", "no:cacheprovider", "-vv", *tests, "-k", chosen)
    for name in (
        "tests/stages/test_examples.py::test_example[sample_stage]",
        "tests/test_laws.py::test_both_laws_as_in_the_example[sample_stage]",
        "tests/stages/test_sample_stage.py::test_laws",
        "tests/tools/test_docs.py::test_generated_documents_are_current[docs/stages.md]",
    ):
        assert f"{name} PASSED" in done


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not a name for a module: use a-z, 0-9 and _"),
        ("two words", "not a name for a module"),
        ("Upper", "not a name for a module"),
        ("class", "not a name for a module"),
        ("subnet", 'there is a stage type "subnet" already'),
    ],
)
def test_a_name_that_will_not_do(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=why):
        new_stage.main(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_are_left_alone(tmp_path: Path) -> None:
    test = tmp_path / "tests" / "stages" / "test_mine.py"
    test.parent.mkdir(parents=True)
    test.write_text("mine")
    with pytest.raises(SystemExit, match=r"tests/stages/test_mine\.py is there already"):
        new_stage.main(tmp_path, "mine")
    assert test.read_text() == "mine"
    assert not (tmp_path / "stages").exists()

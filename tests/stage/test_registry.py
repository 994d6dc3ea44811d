"""Stage types: those of this package, and those that installed packages add."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.stage import registry
from tests.support.installed import FAILING, install

pytestmark = pytest.mark.slow

STAGE = """\
from pipeline.stage import Transform

class {name}(Transform, frozen=True, kw_only=True, tag="{tag}"):
    def build(self, context):
        return lambda flows: flows
"""
CONFIG = """\
stages:
  - {{name: in, type: ingest_file, path: flows.json, decoder: json}}
  - {{name: theirs, type: {tag}, follows: in}}
  - {{name: out, type: write_stdout, follows: theirs}}
"""


def flowmatrix(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command, in an interpreter that has the packages of a folder."""
    start = [sys.executable, "-c", "from pipeline.cli import main; main()", *command]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(start, env=environment, capture_output=True, text=True, check=False)


def configured(folder: Path, tag: str) -> str:
    (folder / "flows.json").write_text('{"n":1}\n')
    file = folder / "config.yaml"
    file.write_text(CONFIG.format(tag=tag))
    return str(file)


def test_the_stages_of_this_package() -> None:
    found = registry()
    assert {"ingest_kafka", "rules", "encode_prometheus", "flow_metrics"} <= set(found)
    assert all(spec.__struct_config__.tag == tag for tag, spec in found.items())


@pytest.mark.parametrize(
    ("type_", "more"),
    [("pass_through", set()), ("conntrack", {"conntrack.stage"}), ("write_stdout", set())],
)
def test_a_type_that_is_asked_for_imports_its_own_module(type_: str, more: set[str]) -> None:
    """Another may need the modules beside it, in a package of its own."""
    ask = (
        f"import sys; from pipeline.stage import registry; kind = registry()[{type_!r}]\n"
        "print(kind.__struct_config__.tag)\n"
        "print(*(name for name, one in sys.modules.items()\n"
        "        if name.startswith('stages.') and not hasattr(one, '__path__')))\n"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    tag, modules = done.stdout.splitlines()
    found = {name.removeprefix("stages.") for name in modules.split()}
    assert tag == type_
    assert {name for name in found if not name.startswith(f"{type_}.")} == {type_} - {
        name.partition(".")[0] for name in more
    }
    assert more <= found


def test_a_type_of_no_module_of_its_name_is_looked_for_in_all(tmp_path: Path) -> None:
    (tmp_path / "sizes.py").write_text(STAGE.format(name="Own", tag="size_class"))
    ask = (
        f"import stages; stages.__path__.append({str(tmp_path)!r})\n"
        "from pipeline.stage import registry\n"
        "print(registry()['size_class'].__module__)\n"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "stages.sizes\n"


@pytest.mark.parametrize("type_", ["nothing", "edges", "../filter", "rules.stage", "a\0b", ""])
def test_other_types_are_not_there(type_: str) -> None:
    assert type_ not in registry()


@pytest.mark.parametrize("entry", ["any = theirs", "own = theirs:Own"])
def test_an_installed_package_adds_stages(tmp_path: Path, entry: str) -> None:
    """An entry point names a class, or a module for every stage in it."""
    install(tmp_path / "site", "theirs", STAGE.format(name="Own", tag="their_own"), entry)
    done = flowmatrix(tmp_path / "site", "run", "--once", configured(tmp_path, "their_own"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == 1


def test_a_class_alone_adds_no_other_of_its_module(tmp_path: Path) -> None:
    text = STAGE.format(name="Own", tag="their_own") + STAGE.format(name="Other", tag="other")
    install(tmp_path / "site", "theirs", text, "own = theirs:Own")
    done = flowmatrix(tmp_path / "site", "validate", configured(tmp_path, "other"))
    assert done.returncode == 78
    assert 'unknown stage type "other"' in done.stderr


def test_a_stage_type_cannot_be_defined_twice(tmp_path: Path) -> None:
    install(tmp_path / "site", "theirs", STAGE.format(name="Own", tag="filter"), "f = theirs:Own")
    done = flowmatrix(tmp_path / "site", "validate", configured(tmp_path, "filter"))
    assert done.returncode == 78
    assert done.stderr == (
        'stages: error: stage type "filter" is defined twice: stages.filter.Filter and '
        "theirs.Own; give one of them another tag\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "entry", "reason"),
    [
        ("1 / 0", "own = theirs", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("", "own = theirs:Own", "cannot be loaded: AttributeError"),
        ("Own = 7", "own = theirs:Own", "is neither a stage nor a module of stages"),
    ],
)
def test_a_package_that_cannot_be_used_is_named(
    tmp_path: Path, text: str, entry: str, reason: str
) -> None:
    install(tmp_path / "site", "theirs", text, entry)
    done = flowmatrix(tmp_path / "site", "validate", configured(tmp_path, "filter"))
    assert done.returncode == 78
    assert f'flowmatrix.stages: error: entry point "{entry}" of theirs {reason}' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failing_stage_of_an_installed_package(tmp_path: Path) -> None:
    """Its messages are dead letters like those of any stage."""
    install(tmp_path / "site", "fragile", FAILING.format(modulo=2), "f = fragile:Fragile")
    config = configured(tmp_path, "fragile")
    (tmp_path / "flows.json").write_text('{"n":1}\n{"n":2}\n{"n":3}\n')
    letters = tmp_path / "letters"
    done = flowmatrix(tmp_path / "site", "run", "--once", "--dead-letters", str(letters), config)
    assert done.returncode == 0
    assert [line.split('"n":')[1][0] for line in done.stdout.splitlines()] == ["1", "3"]
    assert "ArithmeticError: 2 is too round" in letters.read_text()


def test_the_stage_of_the_guide(tmp_path: Path) -> None:
    """What docs/own-stages.md shows is installed, tested with its test, and run."""
    guide = (Path(__file__).parents[2] / "docs" / "own-stages.md").read_text()
    stage, test = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (entry,) = re.findall(r"```toml\n\[.*?\]\n(.*?)\n```", guide, re.DOTALL)
    site = tmp_path / "site"
    install(site, "size_class", stage, entry.replace('"', ""))
    (site / "check.py").write_text(f"{test}\ntest_size_class()\ntest_laws()\n")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, str(site / "check.py")], env=environment, check=True)
    done = flowmatrix(site, "run", "--once", configured(tmp_path, "size_class"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["SizeClass"] == "small"

"""What is shipped: the dependencies of the package, its wheel, its image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SETUP = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETUP["project"]
REQUIREMENTS = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
PACKAGES = [
    name.removesuffix("*") for name in SETUP["tool"]["setuptools"]["packages"]["find"]["include"]
]
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
}


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_a_dependency_has_a_lower_bound_and_is_tested_with_a_version_it_allows(text: str) -> None:
    requirement = Requirement(text)
    assert {part.operator for part in requirement.specifier} & {">=", "==", "~="}
    assert PINS[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_hashed_pins_are_those_of_the_constraints() -> None:
    """`make pins KEEP=1` writes them again. Each has a hash, and so has what builds the package."""
    found: dict[str, dict[str, str]] = {}
    for file in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / file).read_text()
        pins = re.findall(r"^([\w.-]+)==([^\s;\\]+)(.*)\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall("^[^ ]+==", text, re.MULTILINE))
        found[file] = {str(canonicalize_name(name)): version for name, version, _ in pins}
    everything = found["requirements-dev.txt"]
    assert {name: everything.get(name) for name in PINS} == PINS
    run = found["requirements.txt"]
    assert run.items() <= PINS.items() | everything.items()
    assert {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]} < set(
        run
    )
    assert run["setuptools"] in Requirement(SETUP["build-system"]["requires"][0]).specifier


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_ships_its_types_and_is_in_the_image(package: str) -> None:
    assert (ROOT / package / "py.typed").exists()
    assert f"\nCOPY {package} {package}\n" in (ROOT / "Dockerfile").read_text()
    assert f"\n!{package}\n" in (ROOT / ".dockerignore").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, with the setuptools that is installed here."""
    copy = tmp_path_factory.mktemp("wheel")
    for name in [*PACKAGES, "configs"]:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", "dist"]
    subprocess.run([*pip, "wheel", *options, "."], cwd=copy, check=True)
    (built,) = (copy / "dist").iterdir()
    return built


@pytest.mark.slow
def test_the_wheel_has_everything_and_nothing_else(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    sources = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    share = f"flowmatrix-{PROJECT['version']}.data/data/share/flowmatrix/flowmetrics/"
    examples = {share + path.name for path in (ROOT / "configs" / "flowmetrics").iterdir()}
    others = {name for name in names if ".dist-info/" not in name}
    assert others == sources | examples


@pytest.mark.slow
def test_the_command_of_the_wheel_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Its packages alone are imported: simulated flows go through stages to a matrix."""
    ZipFile(wheel).extractall(tmp_path / "site")
    code = "from pipeline.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def python(code: str, *arguments: str) -> str:
        command = [sys.executable, "-P", "-c", code, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    for package in PACKAGES:
        where = python(f"import {package}; print({package}.__file__)")
        assert where.startswith(str(tmp_path / "site"))
    assert python(code, "--version") == f"flowmatrix {PROJECT['version']}\n"
    python(code, "simulate", "reference", "--out", "flows.pb")
    shown = python(code, "matrix", "flows.yaml", "--namespace", "netobserv", "--format", "csv")
    assert len(shown.splitlines()) > 10

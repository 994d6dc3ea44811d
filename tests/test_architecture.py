"""Which way imports point, how big folders are, and that tests mirror the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "stages", "matrix", "policy", "discovery", "page", "simulate", "tools")
FILES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)
LAYERS = (
    "diagnostics",
    "limits",
    "heap",
    "timing",
    "files",
    "flows",
    "yaml",
    "kafka",
    "grpc",
    "parquet",
    "push",
    "stage",
    "decode",
    "predicate",
    "state",
    "netflow",
    "testing",
    "plan",
    "flowmetric",
    "dead_letters",
    "exposition",
    "kube",
    "runtime",
    "config",
    "api",
    "app",
    "cli",
)
"""What is in `pipeline/`, from the ground up: each imports only what stands before it."""
ROOMS = {"kube": ("api", "index", "sync", "inventory")}
"""The order of the folders inside a layer."""
FAUST = Path("pipeline/runtime/faust")
ABOVE = {path for path in FILES if path.parts[:2] == ("pipeline", "cli")}
"""The commands: they may use what stands on top of the engine."""
TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
UNMIRRORED = {
    "api": ("failure", "handlers"),  # through the server: tests/app/test_documents.py, tests/cli
    "app": ("job",),  # whole runs: tests/cli/test_run.py, tests/kafka
    "cli": ("dead_letters",),  # over Kafka: tests/kafka/test_letters.py
    "config/flp": (  # with the rest: tests/config/flp/test_dialect.py
        *("dialect_common", "dialect_encode", "dialect_extract", "dialect_ingest"),
        *("dialect_transform", "dialect_write"),
    ),
    "dead_letters": ("reader",),  # the same
    "kafka": (  # a broker: tests/kafka/test_encode_kafka.py, test_joining.py
        *("metadata", "producer", "publication", "topics"),
    ),
    "page": ("source",),  # a protocol: tests/cli/test_edge_api.py, tests/page/test_documents.py
    "runtime/faust": (  # workers with a broker: tests/kafka
        *("app", "membership", "memberships"),
    ),
    "simulate": ("live",),  # with a broker: tests/kafka/test_simulate.py
    "stage": ("spec",),  # through every stage: tests/test_laws.py
}
"""Folders of tests in which modules have no test file of their own yet, and where they are tested.

It can only become shorter: an entry that is not needed any more is an error too.
"""


def imports(path: Path) -> Iterator[str]:
    """The full names of the modules, and of what is taken out of them, that a file imports."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = list(path.parent.parts[: len(path.parent.parts) + 1 - node.level])
            start = (package if node.level else []) + ([node.module] if node.module else [])
            yield from (".".join([*start, alias.name]) for alias in node.names)


def users(package: str, among: list[Path]) -> list[Path]:
    return [
        path
        for path in among
        if any(name == package or name.startswith(f"{package}.") for name in imports(path))
    ]


def inside(package: str) -> list[Path]:
    return [path for path in FILES if path.parts[0] == package]


def test_faust_lives_in_one_package() -> None:
    assert {path.parent for path in users("faust", FILES)} == {FAUST}


def test_every_folder_of_the_engine_has_its_layer() -> None:
    assert {path.parts[1].removesuffix(".py") for path in inside("pipeline")} == {
        *LAYERS,
        "__init__",
    }


def test_the_picture_shows_the_layers() -> None:
    """The picture of ARCHITECTURE.md, from the top down, and the rooms that it names."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    lines = page.split("```layers\n")[1].split("\n```")[0].splitlines()
    assert tuple(line.split()[0] for line in reversed(lines)) == LAYERS
    for layer, rooms in ROOMS.items():
        (line,) = [line for line in lines if line.split()[0] == layer]
        assert " < ".join(rooms) in line


def test_the_root_of_the_engine_is_small() -> None:
    """Whatever belongs together stands together in a folder."""
    assert len([path for path in inside("pipeline") if len(path.parts) == 2]) <= 6


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_downwards(layer: str) -> None:
    """A module of a layer imports its own layer and those below, never one above."""
    above = LAYERS[LAYERS.index(layer) + 1 :]
    own = [path for path in inside("pipeline") if path.parts[1].removesuffix(".py") == layer]
    assert {name: users(f"pipeline.{name}", own) for name in above} == {name: [] for name in above}


@pytest.mark.parametrize("layer", ROOMS)
def test_rooms_of_a_layer_stand_on_each_other(layer: str) -> None:
    for lower, upper in combinations(ROOMS[layer], 2):
        own = [path for path in inside("pipeline") if path.parts[1:3] == (layer, lower)]
        assert users(f"pipeline.{layer}.{upper}", own) == []


@pytest.mark.parametrize(
    "package", ["stages", "matrix", "policy", "discovery", "page", "simulate", "tools"]
)
def test_the_engine_names_nothing_that_stands_on_it(package: str) -> None:
    """`stages` is loaded by the registry, by name; nothing else of it is imported."""
    assert set(users(package, inside("pipeline"))) <= ABOVE


@pytest.mark.parametrize("module", ["runtime", "config", "api", "app", "cli"])
def test_a_stage_knows_nothing_of_what_runs_it(module: str) -> None:
    assert users(f"pipeline.{module}", inside("stages")) == []


def test_only_the_engine_reads_stages() -> None:
    packages = ("matrix", "policy", "discovery", "page", "simulate")
    assert users("stages", [path for name in packages for path in inside(name)]) == []


def test_the_page_stands_on_top() -> None:
    """It shows what the other packages find, and none of them knows of it."""
    others = ("stages", "matrix", "policy", "discovery", "simulate")
    assert users("page", [path for name in others for path in inside(name)]) == []


def mirrored(path: Path) -> Path:
    """The test file of a module."""
    folder = path.parent.relative_to("pipeline") if path.parts[0] == "pipeline" else path.parent
    return Path("tests") / folder / f"test_{path.name}"


def test_every_module_has_a_test_file_of_its_own() -> None:
    missing = {mirrored(path) for path in FILES if path.name != "__init__.py"} - set(TESTS)
    listed = {
        Path("tests") / folder / f"test_{name}.py"
        for folder, names in UNMIRRORED.items()
        for name in names
    }
    assert sorted(missing - listed) == [], "modules without a test file"
    assert sorted(listed - missing) == [], "entries of UNMIRRORED that are not needed any more"


def test_a_test_imports_no_other_test() -> None:
    """What tests share stands in modules of their own, so that no test has to know another."""
    importing = {
        path
        for path in TESTS
        for name in imports(path)
        if name.startswith("tests.") and any(part[:5] == "test_" for part in name.split("."))
    }
    assert sorted(importing) == []


def test_the_length_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    """A report, for the eye only."""
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in FILES}
    longest = max(lengths, key=lengths.__getitem__)
    middle = median(length for length in lengths.values() if length)
    with capsys.disabled():
        print(  # noqa: T201 - the report
            f"\n{len(lengths)} files, median {middle:.0f} lines, "
            f"longest {longest} ({lengths[longest]})"
        )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import faust.web", "faust.web"),
        ("from pipeline import plan", "pipeline.plan"),
        ("from . import plan", "pipeline.runtime.plan"),
        ("from ..plan import Plan", "pipeline.plan.Plan"),
    ],
)
def test_every_form_of_import_is_seen(
    line: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Path("pipeline/runtime/module.py")
    (tmp_path / file.parent).mkdir(parents=True)
    (tmp_path / file).write_text(line)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert list(imports(file)) == [name]

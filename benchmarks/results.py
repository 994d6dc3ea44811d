"""What benchmarks measured: kept as JSON beside the tables, and two of them compared.

`make bench-compare A=... B=...` takes files, or their names in benchmarks/results.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import msgspec

FOLDER = Path(__file__).with_name("results")


class Row(msgspec.Struct, frozen=True):
    """A line of a table. `cpu_us` is the processor time of a flow; `peak_mb` 0: not measured."""

    flows_s: float
    cpu_us: float
    peak_mb: float = 0.0


class Results(msgspec.Struct):
    """The lines of one benchmark by their titles, and on what they were measured."""

    benchmark: str
    runs: int
    commit: str = msgspec.field(default_factory=lambda: _git("describe", "--always", "--dirty"))
    cores: int = msgspec.field(default_factory=lambda: os.cpu_count() or 0)
    python: str = msgspec.field(default_factory=platform.python_version)
    rows: dict[str, Row] = {}
    figures: dict[str, float] = {}
    """Single figures by title, which names their unit: less is better."""

    def write(self, folder: Path = FOLDER) -> Path:
        """Keep them under benchmark and commit; a later run of the same takes their place."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.benchmark}-{self.commit}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        return path


def read(name: str) -> Results:
    """Results by file, or by name in the folder. Raises OSError and msgspec.DecodeError."""
    path = Path(name)
    if not path.exists():
        path = FOLDER / f"{path.name.removesuffix('.json')}.json"
    return msgspec.json.decode(path.read_bytes(), type=Results)


def compared(before: Results, after: Results) -> list[str]:
    """A line for each row that both have: its figures in B by those in A. Then what one lacks."""
    names = [name for name in before.rows if name in after.rows]
    width = max(map(len, names), default=0)
    lines = [f"{'B / A':<{width}}  flows/s  CPU a flow  memory"]
    for name in names:
        a, b = before.rows[name], after.rows[name]
        memory = f"{b.peak_mb / a.peak_mb:7.2f}" if a.peak_mb and b.peak_mb else "      -"
        speed, cpu = b.flows_s / a.flows_s, b.cpu_us / a.cpu_us
        lines.append(f"{name:<{width}}  {speed:7.2f}  {cpu:10.2f}  {memory}")
    lines += [
        f"{name}: {figure:.3g} -> {after.figures[name]:.3g}"
        for name, figure in before.figures.items()
        if name in after.figures
    ]
    for one, other, title in ((before, after, "A"), (after, before, "B")):
        lines += [f"in {title} only: {name}" for name in one.figures if name not in other.figures]
        lines += [f"in {title} only: {name}" for name in one.rows if name not in other.rows]
    return lines


def main() -> None:
    """Print how B differs from A."""
    if len(sys.argv) != 3:
        there = ", ".join(sorted(path.stem for path in FOLDER.glob("*.json"))) or "none yet"
        raise SystemExit(f"usage: make bench-compare A=RESULT B=RESULT; results: {there}")
    try:
        before, after = map(read, sys.argv[1:])
    except (OSError, msgspec.DecodeError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"A: {_title(before)}\nB: {_title(after)}\n")
    print("\n".join(compared(before, after)))


def _title(results: Results) -> str:
    about = f"{results.runs} runs, {results.cores} cores, Python {results.python}"
    return f"{results.benchmark} at {results.commit}, {about}"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(FOLDER.parent), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()

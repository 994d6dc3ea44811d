"""A package of stages as pip leaves it: modules and a dist-info folder with entry points."""

from __future__ import annotations

from pathlib import Path

FAILING = '''\
"""A stage that fails on every flow whose `n` is a multiple of {modulo}."""

from pipeline.stage import Transform


class Fragile(Transform, frozen=True, kw_only=True, tag="fragile"):
    """Fails on round numbers."""

    def reads(self):
        return frozenset({{"n"}})

    def build(self, context):
        def step(flows):
            round_ones = flows["n"].filter(flows["n"] % {modulo} == 0)
            if len(round_ones):
                raise ArithmeticError(f"{{round_ones[0]:.0f}} is too round")
            return flows

        return step
'''


def install(folder: Path, module: str, text: str, *entry_points: str) -> None:
    """Put a distribution with one module and entry points of stages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[flowmatrix.stages]", *entry_points]) + "\n")

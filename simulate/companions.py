"""What stands beside the flows of a simulation: inventory, configurations, the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from pipeline import files
from simulate import configs, expected, objects, truth
from simulate.reference import S3_LABEL
from simulate.scenario import Scenario
from simulate.scenarios import Kind

COMPRESSED = {".gz", ".zst"}


@dataclass(frozen=True)
class Simulation:
    """What was written. `before` is the pipeline without the custom label (reference only)."""

    recording: Path
    inventory: Path
    truth: Path
    config: Path
    flp_config: Path
    flow_metrics: Path
    before: Path | None
    flows: int

    @property
    def beside(self) -> list[Path]:
        """The files beside the recording; FlowMetrics are in a folder of their own."""
        given = (self.inventory, self.truth, self.config, self.flp_config, self.before)
        return [path for path in given if path]


def paths(out: Path, scenario: str, flows: int) -> Simulation:
    """The files beside `out`. ValueError: `out` is one of them, or a folder."""
    if files.is_folder(out):
        raise ValueError(f"out: {out} is a folder: give the name of a file")
    plain = out.with_suffix("") if out.suffix in COMPRESSED else out
    stem = plain.with_suffix("").name
    is_reference = scenario == Kind.REFERENCE
    found = Simulation(
        recording=out,
        inventory=out.with_name(f"{stem}.inventory.{'yaml' if is_reference else 'json'}"),
        truth=out.with_name(f"{stem}.truth.json"),
        config=out.with_name(f"{stem}.yaml"),
        flp_config=out.with_name(f"{stem}.flp.yaml"),
        flow_metrics=out.with_name(f"{stem}.flowmetrics"),
        before=out.with_name(f"{stem}.before.yaml") if is_reference else None,
        flows=flows,
    )
    if any(files.same(out, other) for other in (*found.beside, found.flow_metrics)):
        raise ValueError(f"out: {out.name} is the name of another file that is written")
    return found


def write(paths: Simulation, scenario: str, made: Scenario, source: configs.Source) -> None:
    """The inventory of the cluster, and the pipelines and FlowMetrics that run on the source."""
    metrics = configs.BLOG_PAIR | (configs.BYTES if scenario == Kind.CLUSTER else {})
    paths.flow_metrics.mkdir(parents=True, exist_ok=True)
    objects.write(paths.inventory, made.cluster.manifests)
    for name, spec in metrics.items():
        files.write(paths.flow_metrics / f"{name}.yaml", configs.flow_metric(name, spec))
    beside = (paths.inventory, paths.flow_metrics)
    files.write(paths.config, configs.native(source, *beside, made.labels))
    twin = configs.flowlogs_pipeline(source, paths.inventory, metrics, made.labels)
    files.write(paths.flp_config, twin)
    if paths.before:
        files.write(paths.before, configs.native(source, *beside, made.cluster.subnet_labels))


def tell(path: Path, scenario: str, tally: truth.Tally, about: Mapping[str, Any]) -> None:
    """The truth: what the flows are `about`, and what their counters must read."""
    told = {"scenario": str(scenario), **about, **_truth(scenario, tally)}
    files.write(path, msgspec.json.format(msgspec.json.encode(told)))


def _truth(scenario: str, tally: truth.Tally) -> dict[str, Any]:
    syn = tally.syn()
    if scenario == Kind.CLUSTER:
        return {"metrics": truth.families(syn, tally.bytes())}
    before = truth.families(truth.without_label(syn, S3_LABEL))
    return {
        "metrics": truth.families(syn),
        "metrics_before": before,
        "tables": expected.tables(syn),
        "uncertain": expected.uncertain(syn),
    }

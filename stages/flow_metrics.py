"""FlowMetric resources as stages: each becomes the chain that counts it (operator-spec 1 and 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pipeline.flowmetric import FlowMetric, load
from pipeline.metric import Stage, chain
from pipeline.place import ConfigError, Located, Place, dotted
from pipeline.problem import Problem
from pipeline.stage import Env, Macro, Spec, registry

_ENCODER = "encode_prometheus"


class FlowMetrics(Macro, frozen=True, kw_only=True, tag="flow_metrics"):
    """Count the metrics of FlowMetric resources found in `files`: files, folders or globs.

    An `encode_prometheus` stage without metrics of its own follows, and says how they are
    exposed. Each resource becomes the stages flatten, filter, remap and encode_prometheus, as
    far as it needs them; `flowmatrix graph` shows them.
    """

    files: list[str]

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.files:
            yield Problem(("files",), "files is empty", "name the files of the FlowMetrics")
        for located in load(self.files, folder).problems:
            problem = located.problem
            within = f"{dotted(problem.path)}: " if located.place.line and problem.path else ""
            index = problem.path if not located.place.line else ()
            yield msgspec.structs.replace(
                problem,
                path=("files", *index),
                message=within + problem.message,
                place=str(located.place) if located.place.line else "",
            )

    def status(self, env: Env, followers: Iterable[Spec]) -> list[dict[str, object]]:
        prefixes = [str(self._settings(follower).get("prefix", "")) for follower in followers]
        return [
            {"name": resource.name, "namespace": resource.namespace, **resource.status(prefix)}
            for resource in load(self.files, env.folder).resources
            for prefix in prefixes
        ]

    def expand(self, env: Env, followers: Iterable[Spec]) -> list[Spec]:
        resources = [r for r in load(self.files, env.folder).resources if r.ready]
        titles = _titles(resources)
        kinds = registry()
        expanded: list[Spec] = []
        for follower in followers:
            settings = self._settings(follower)
            for resource, title in zip(resources, titles, strict=True):
                stages = chain(resource.metric(), self.follows, follower.name, settings, title)
                expanded += [msgspec.convert(stage, kinds[stage["type"]]) for stage in stages]
            others = [parent for parent in follower.parents if parent != self.name]
            if others:
                expanded.append(msgspec.structs.replace(follower, follows=others))
        return expanded

    def _settings(self, follower: Spec) -> Stage:
        """How a follower exposes metrics: its fields but those that say what and where."""
        settings: Stage = msgspec.to_builtins(follower)
        if follower.type != _ENCODER:
            message = f'only {_ENCODER} can follow flow_metrics stage "{self.name}"'
        elif settings["metrics"]:
            message = f'the metrics come from flow_metrics stage "{self.name}", not from here'
        else:
            return {k: v for k, v in settings.items() if k not in {"name", "type", "follows"}}
        problem = Problem(("follows",), message)
        raise ConfigError([Located(Place("stages"), problem, follower.name)])


def _titles(resources: list[FlowMetric]) -> list[str]:
    """A name for the stages of each resource; with its namespace where the name is not unique."""
    uses = Counter(resource.name for resource in resources)
    return [r.name if uses[r.name] == 1 else f"{r.namespace}:{r.name}" for r in resources]

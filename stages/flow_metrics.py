"""FlowMetric resources as stages: each becomes the chain that counts it.

Source: docs/reference/flowmetric.md#resource.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from pipeline.diagnostics import ConfigError, Diagnostic, Location, Problem, dotted
from pipeline.flowmetric import FlowMetric, load, parse
from pipeline.flowmetric.chain import Stage, metric_stages
from pipeline.flowmetric.files import found
from pipeline.kube.api.access import Access
from pipeline.kube.sync.flowmetrics import FlowMetricFeed
from pipeline.stage import TAKEN, BuildContext, Encoder, Macro, Spec, registry
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.fingerprint import fingerprints

_ENCODER = "encode_prometheus"


class FlowMetrics(Macro, frozen=True, kw_only=True, tag="flow_metrics"):
    """Count the metrics of FlowMetric resources: of `files`, and of a cluster's `namespaces`.

    `files` are files, folders or globs. With `cluster`, resources are followed as they are
    created, changed and deleted, and their status is written back where that is allowed; no
    namespace means all of them. At first there is a `wait` for them to be listed. An
    `encode_prometheus` stage without metrics of its own follows, and says how they are exposed.
    Each resource becomes the stages flatten, filter, remap and encode_prometheus, as far as it
    needs them; `flowmatrix graph` shows them.
    """

    files: list[str] = []
    cluster: Access | None = None
    namespaces: list[str] = msgspec.field(default_factory=lambda: ["netobserv"])
    wait: Duration = "1m"

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.files and self.cluster is None:
            hint = "name the files of the FlowMetrics, or give `cluster`"
            yield Problem(("files",), "files is empty", hint)
        if self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))
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

    def fingerprint(self, env: BuildContext) -> Hashable:
        feed = self._feed(env)
        return fingerprints(found(self.files, env.folder)), feed.fingerprint() if feed else None

    def status(self, env: BuildContext, followers: Iterable[Spec]) -> list[dict[str, object]]:
        exposing = list(followers)
        return [
            {"name": resource.name, "namespace": resource.namespace, **resource.status(prefix)}
            for resource in self._resources(env, exposing)
            for prefix in map(self._prefix, exposing)
        ]

    def report(self, env: BuildContext, followers: Iterable[Spec]) -> None:
        feed, exposing = self._feed(env), list(followers)
        if feed and exposing:
            prefix = self._prefix(exposing[0])
            theirs = [one for one in self._resources(env, exposing) if not one.place]
            feed.write({(one.namespace, one.name): one.status(prefix) for one in theirs})

    def expand(self, env: BuildContext, followers: Iterable[Spec]) -> list[Spec]:
        exposing = list(followers)
        resources = [one for one in self._resources(env, exposing) if one.ready]
        titles = _titles(resources)
        expanded: list[Spec] = []
        for follower in exposing:
            for resource, title in zip(resources, titles, strict=True):
                expanded += self._stages(resource, follower, title)
            others = [parent for parent in follower.parents if parent != self.name]
            if others:
                expanded.append(msgspec.structs.replace(follower, follows=others))
        return expanded

    def _resources(self, env: BuildContext, followers: list[Spec]) -> list[FlowMetric]:
        """Every resource, those of files first; the same ones throughout a build."""
        key = (FlowMetrics, msgspec.json.encode(self))
        resources = env.shared.get(key)
        if not isinstance(resources, list):
            feed = self._feed(env)
            live = map(parse, feed.objects()) if feed else ()
            loaded = load(self.files, env.folder, live).resources
            resources = [self._tried(one, env, followers) for one in loaded]
            env.shared[key] = resources
        return resources

    def _tried(self, resource: FlowMetric, env: BuildContext, followers: list[Spec]) -> FlowMetric:
        """A cluster's resource with what its stages find wrong: only itself is to suffer."""
        if resource.place or not resource.ready:
            return resource
        taken = env.shared.get(TAKEN)
        problems: list[Problem] = []
        for follower in followers:
            for stage in self._stages(resource, follower, resource.name):
                problems += stage.check(env.folder)
                for family in stage.families() if isinstance(stage, Encoder) else ():
                    if isinstance(taken, frozenset) and family.name in taken:
                        message = f'the pipeline has a metric "{family.name}" already'
                        problems.append(Problem(("metadata", "name"), message))
        return replace(resource, problems=(*resource.problems, *problems))

    def _stages(self, resource: FlowMetric, follower: Spec, title: str) -> list[Spec]:
        """The chain of a resource for one of the followers."""
        kinds = registry()
        settings = self._settings(follower)
        stages = metric_stages(resource.metric(), self.follows, follower.name, settings, title)
        return [msgspec.convert(stage, kinds[stage["type"]]) for stage in stages]

    def _prefix(self, follower: Spec) -> str:
        return str(self._settings(follower).get("prefix", ""))

    def _feed(self, env: BuildContext) -> FlowMetricFeed | None:
        """The cluster's resources; None where there is no cluster, or it is not to be asked."""
        access = self.cluster
        if access is None or env.lasting is None:
            return None
        spaces = tuple(self.namespaces)

        def make() -> FlowMetricFeed:
            feed = FlowMetricFeed(access.connect(env.folder), spaces)
            feed.wait(seconds(self.wait))
            return feed

        return env.lasting.acquire((FlowMetricFeed, (env.folder, access, spaces)), make)

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
        raise ConfigError([Diagnostic(Location("stages"), problem, follower.name)])


def _titles(resources: list[FlowMetric]) -> list[str]:
    """A name for the stages of each resource; with its namespace where the name is not unique."""
    uses = Counter(resource.name for resource in resources)
    return [r.name if uses[r.name] == 1 else f"{r.namespace}:{r.name}" for r in resources]

"""FlowMetric resources as stages: each becomes the chain that counts it.

Source: docs/reference/flowmetric.md#resource.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import msgspec

from pipeline.diagnostics import ConfigError, Diagnostic, Location, Problem, dotted, warning
from pipeline.flowmetric import FlowMetric, Loaded, load, parse, predefined
from pipeline.flowmetric.chain import Stage, metric_stages
from pipeline.flowmetric.files import found
from pipeline.flowmetric.predefined import Feature, Labels, RecordType
from pipeline.kube.api.access import Access
from pipeline.kube.sync.flowmetrics import FlowMetricFeed
from pipeline.stage import (
    BuildContext,
    Example,
    Expansion,
    ResourceMacro,
    ResourcePool,
    Spec,
    once,
    registry,
)
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.fingerprint import fingerprints

_LOG = logging.getLogger(__name__)
_ENCODER = "encode_prometheus"


class FlowMetrics(ResourceMacro, frozen=True, kw_only=True, dict=True, tag="flow_metrics"):
    """Count the metrics of FlowMetric resources: of `files`, and of a cluster's `namespaces`.

    `predefined` names metrics that NetObserv's operator defines itself; they come first. Of these,
    `features` leaves out those that need another feature of the agent, and `zone`, `multi_cluster`
    and `network` add the labels that not every cluster has. With a `record_type` they count only
    such records of conntrack.

    `files` are files, folders or globs. With `cluster`, resources are followed as they are
    created, changed and deleted, and their status is written back where that is allowed; no
    namespace means all of them. At first there is a `wait` for them to be listed. An
    `encode_prometheus` stage without metrics of its own follows, and says how they are exposed.
    Each resource becomes the stages flatten, filter, remap and encode_prometheus, as far as it
    needs them; `flowmatrix graph` shows them.
    """

    example: ClassVar[Example] = Example(
        config="""
            - {name: metrics, type: flow_metrics, follows: flows, files: [metrics.yaml]}
            - {name: expose, type: encode_prometheus, follows: metrics, prefix: netobserv_}
        """,
        flows="""
            {"SrcK8S_Namespace": "web", "DstK8S_Namespace": "shop", "Flags": ["SYN", "ACK"]}
            {"SrcK8S_Namespace": "web", "DstK8S_Namespace": "shop", "Flags": ["ACK"]}
        """,
        output='netobserv_connections{from="web",namespace="shop"} 1',
        files={
            "metrics.yaml": """
                apiVersion: flows.netobserv.io/v1alpha1
                kind: FlowMetric
                metadata: {name: connections, namespace: netobserv}
                spec:
                  type: Counter
                  labels: [SrcK8S_Namespace, DstK8S_Namespace]
                  flatten: [Flags]
                  filters: [{field: Flags, value: SYN}]
                  remap: {SrcK8S_Namespace: from, DstK8S_Namespace: namespace}
            """
        },
    )

    files: list[str] = []
    predefined: list[str] = []
    features: list[Feature] | None = None
    zone: bool = False
    multi_cluster: bool = False
    network: bool = False
    record_type: RecordType = ""
    cluster: Access | None = None
    namespaces: list[str] = msgspec.field(default_factory=lambda: ["netobserv"])
    wait: Duration = "1m"

    def inputs(self, folder: Path) -> Iterator[Path]:
        yield from super().inputs(folder)
        yield from found(self.files, folder)

    def check(self, folder: Path) -> Iterator[Problem]:
        if not self.files and not self.predefined and self.cluster is None:
            hint = "name the files of the FlowMetrics, or give `predefined` or `cluster`"
            yield Problem(("files",), "files is empty", hint)
        yield from self._check_predefined()
        if self.cluster:
            yield from (problem.under("cluster") for problem in self.cluster.check(folder))
        for located in self._read(folder).problems:
            problem = located.problem
            within = f"{dotted(problem.path)}: " if located.place.line and problem.path else ""
            index = problem.path if not located.place.line else ()
            yield msgspec.structs.replace(
                problem,
                path=("files", *index),
                message=within + problem.message,
                place=str(located.place) if located.place.line else "",
            )

    def expand(
        self,
        context: BuildContext,
        followers: Sequence[Spec],
        taken: Mapping[str, str],
        resources: ResourcePool | None = None,
    ) -> Expansion:
        feed = self._feed(context.folder, resources)
        live = [parse(one, admitted=True) for one in feed.objects()] if feed else []
        for one in live:
            if one.ignored:
                _LOG.warning("FlowMetric %s: %s", one.identity, one.ignored)
        own = [self._tried(one, context.folder, followers, taken) for one in self._predefined()]
        exposed = {name: predefined.PLACE for one in own for name in self._exposed(one, followers)}
        read = self._read(context.folder).with_others(live)
        others = {**taken, **exposed}
        metrics = [self._tried(one, context.folder, followers, others) for one in read]
        self._refuse([*self._predefined(), *read], [*own, *metrics])

        def fingerprint() -> Hashable:
            files = found(self.files, context.folder)
            return fingerprints(files), feed.fingerprint() if feed else None

        def report() -> None:
            if feed and followers:
                prefix = self._prefix(followers[0])
                theirs = [one for one in metrics if not one.place]
                feed.write({(one.namespace, one.name): one.status(prefix) for one in theirs})

        return Expansion(
            self._expanded([one for one in (*own, *metrics) if one.ready], followers),
            statuses=[
                {"name": one.name, "namespace": one.namespace, **one.status(prefix)}
                for one in metrics
                for prefix in map(self._prefix, followers)
            ],
            report=report,
            fingerprint=fingerprint,
        )

    def _predefined(self) -> list[FlowMetric]:
        """The predefined metrics that the features allow."""
        allowed = [one for one in self.predefined if not self._missing(one)]
        labels = Labels(self.zone, self.multi_cluster, self.network)
        return predefined.metrics(allowed, labels, self.record_type)

    def _missing(self, name: str) -> Feature | None:
        """The feature that a predefined metric needs and the agent does not have."""
        needed = predefined.feature_of(name)
        return None if self.features is None or needed in self.features else needed

    def _check_predefined(self) -> Iterator[Problem]:
        for index, name in enumerate(self.predefined):
            at = ("predefined", index)
            if name not in predefined.NAMES:
                yield predefined.unknown(name, at)
            elif name in self.predefined[:index]:
                yield warning(at, f'"{name}" is given twice')
            elif missing := self._missing(name):
                message = f'"{name}" is left out: it needs the feature {missing}'
                yield warning(at, message, "add it to features, which the agent must have too")

    def _refuse(self, read: list[FlowMetric], tried: list[FlowMetric]) -> None:
        """What was found of a file's metric refuses the configuration, not only the metric."""
        found = [
            Diagnostic(Location("stages"), problem.at(after.place), self.name)
            for before, after in zip(read, tried, strict=True)
            for problem in after.problems[len(before.problems) :]
            if after.place
        ]
        if found:
            raise ConfigError(found)

    def _expanded(self, metrics: list[FlowMetric], followers: Sequence[Spec]) -> list[Spec]:
        """The stages of every metric for every follower, and followers that have other parents."""
        titles = _titles(metrics)
        expanded: list[Spec] = []
        for follower in followers:
            for metric, title in zip(metrics, titles, strict=True):
                expanded += self._stages(metric, follower, title)
            others = [parent for parent in follower.parents if parent != self.name]
            if others:
                expanded.append(msgspec.structs.replace(follower, follows=others))
        return expanded

    @once
    def _read(self, folder: Path) -> Loaded:
        """The resources of the files, read by `check` or else when it is expanded."""
        return load(self.files, folder)

    def _tried(
        self, metric: FlowMetric, folder: Path, followers: Sequence[Spec], taken: Mapping[str, str]
    ) -> FlowMetric:
        """A resource with what is wrong with its stages, and a name that another metric has."""
        for name in self._exposed(metric, followers):
            if name in taken:
                message = f"{name} is exposed by it and by {taken[name]}"
                return metric.refused(message, "give it another metricName")
        if metric.place or not metric.ready:
            return metric
        stages = [one for to in followers for one in self._stages(metric, to, metric.name)]
        problems = [problem for stage in stages for problem in stage.check(folder)]
        return replace(metric, problems=(*metric.problems, *problems))

    def _exposed(self, metric: FlowMetric, followers: Sequence[Spec]) -> Iterator[str]:
        """The names that a metric exposes."""
        for follower in followers if metric.ready else ():
            for stage in self._stages(metric, follower, metric.name):
                for family in stage.families():
                    yield from family.sample_names

    def _stages(self, resource: FlowMetric, follower: Spec, title: str) -> list[Spec]:
        """The chain of a resource for one of the followers."""
        kinds = registry()
        settings = self._settings(follower)
        stages = metric_stages(resource.metric(), self.follows, follower.name, settings, title)
        return [msgspec.convert(stage, kinds[stage["type"]]) for stage in stages]

    def _prefix(self, follower: Spec) -> str:
        return str(self._settings(follower).get("prefix", ""))

    def _feed(self, folder: Path, resources: ResourcePool | None) -> FlowMetricFeed | None:
        """The cluster's resources; None where there is no cluster, or it is not to be asked."""
        access, spaces = self.cluster, tuple(self.namespaces)
        if access is None or resources is None:
            return None

        def make() -> FlowMetricFeed:
            feed = FlowMetricFeed(access.connect(folder), spaces)
            feed.wait(seconds(self.wait))
            return feed

        return resources.acquire((FlowMetricFeed, (folder, access, spaces)), make)

    def _settings(self, follower: Spec) -> Stage:
        """How a follower exposes metrics: its fields except name, place and metrics."""
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

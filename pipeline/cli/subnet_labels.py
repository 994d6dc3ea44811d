"""The subnet labels that a pipeline writes, for commands that need the networks behind a name."""

from __future__ import annotations

from threading import Event

from pipeline.config.loader import Config
from pipeline.kube.knowledge import in_order
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext, ResourceTransform
from pipeline.stage.resources import ResourcePool


def subnet_labels(config: Config, *, ask: bool = True) -> list[Label]:
    """The labels of a pipeline's stages; of those around an address, the first one is meant.

    Without `ask`, those that only a cluster knows are left out. Raises ConnectError and
    UnreachableError where a cluster is to tell them.
    """
    context, resources = BuildContext(folder=config.folder), ResourcePool()
    found: list[Label] = []
    try:
        for stage in config.stages:
            if isinstance(stage, ResourceTransform) and stage.type == "subnet_label":
                built = stage.build(context, resources if ask else None)
                if built.refresh:
                    built.refresh(Event())
                found += in_order([built.knowledge])
    finally:
        resources.close()
    return found

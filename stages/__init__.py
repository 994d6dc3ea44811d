"""One file = one stage: a file dropped in here adds its Spec to `pipeline.stage.registry`."""

"""One file = one stage. A file dropped in here enrols its Spec (see `pipeline.stage.register`)."""

"""The rules of flowlogs-pipeline's transform filter (flp-semantics d), in native spelling."""

"""The rules of flowlogs-pipeline's transform filter, in native spelling.

Source: docs/reference/transforms.md#filter-rules.
"""

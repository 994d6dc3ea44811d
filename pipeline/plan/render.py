"""The plan as it will run, as text, Mermaid or DOT."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pipeline.plan.plan import Node, Plan


def text(plan: Plan) -> str:
    """An indented tree below each source; a shared stage lists the stages it stands for."""
    children: dict[str, list[Node]] = {}
    for node in plan.nodes:
        for parent in node.parents:
            children.setdefault(parent, []).append(node)

    def branch(node: Node, depth: int) -> Iterator[str]:
        shared = f"  (shared by {', '.join(node.names)})" if len(node.names) > 1 else ""
        yield f"{'  ' * depth}{node.name} [{node.spec.type}]{_families(node)}{shared}"
        for child in children.get(node.name, []):
            yield from branch(child, depth + 1)

    roots = [node for node in plan.nodes if not node.parents]
    return "\n".join(line for root in roots for line in branch(root, 0)) + "\n"


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart."""
    ids = {node.name: f"s{i}" for i, node in enumerate(plan.nodes)}
    lines = ["flowchart TD"]
    lines += [f"  {ids[node.name]}[{json.dumps(_title(node))}]" for node in plan.nodes]
    lines += [
        f"  {ids[parent]} --> {ids[node.name]}" for node in plan.nodes for parent in node.parents
    ]
    return "\n".join(lines) + "\n"


def dot(plan: Plan) -> str:
    """A Graphviz digraph."""
    lines = ["digraph plan {", "  rankdir=TB;", "  node [shape=box];"]
    lines += [
        f"  {json.dumps(node.name)} [label={json.dumps(_title(node))}];" for node in plan.nodes
    ]
    lines += [
        f"  {json.dumps(parent)} -> {json.dumps(node.name)};"
        for node in plan.nodes
        for parent in node.parents
    ]
    return "\n".join([*lines, "}"]) + "\n"


def _title(node: Node) -> str:
    shared = f" (shared by {len(node.names)})" if len(node.names) > 1 else ""
    return f"{node.name}: {node.spec.type}{_families(node)}{shared}"


def _families(node: Node) -> str:
    names = ", ".join(family.name for family in node.spec.families())
    return names and f" -> {names}"

"""Attacks by files that commands are given: each ends in its answer, or in an error in words."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from typer.testing import CliRunner

from pipeline.cli.app import app
from simulate import simulate
from tests.attack.tally import Size, Tally

_NAME = "\x1b]0;x\x07[/x]\u202e=1+1|`\r\n<b>"
_WRONG: tuple[Any, ...] = (
    *(None, True, -1, 2**70, 1e308, "", _NAME, [], {}, [None], {"a": {}}, "10.0.0.0/33", "::/129"),
    *("0.0.0.0/0", "9" * 5_000, [[]] * 9, "a" * 100_000, "\ud800", 0.5, "any", [{}], {"": None}),
)
_BYTES = (
    *(b"", b"\0" * 99, b"\xff\xfe{", b"{", b"[]", b"{}", b"null", b"1", b'"x"', b"[1]", b"[null]"),
    *(
        b"[" * 100_000,
        b"{a: " * 5_000,
        b'{"a":' * 50_000,
        b"- " * 50_000,
        b"a: &a [*a]",
        b"---\n" * 9_000,
    ),
    *(
        b"kind: List\nitems: 1",
        b"kind: List\nitems: [1]",
        b"kind: []",
        b'{"kind":"List","items":[{}]}',
    ),
    *(
        b'{"items":[{"kind":"NetworkPolicy"}]}',
        b'{"prefixes":1}',
        b'{"prefixes":[1]}',
        b"\x1f\x8b\x08",
    ),
    *(
        b"{}\n" * 20_000,
        b"SQLite format 3\0" + b"\xff" * 99,
        b"a: " + b"9" * 9_000,
        b"\xef\xbb\xbf{}",
    ),
)
_POLICY: Any = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "netobserv", "labels": {"a": "b"}},
    "spec": {
        "podSelector": {
            "matchLabels": {"app": "a"},
            "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
        },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                "ports": [{"port": 80, "endPort": 90, "protocol": "TCP"}],
            }
        ],
        "egress": [
            {"to": [{"namespaceSelector": {}, "podSelector": {}}], "ports": [{"port": "http"}]}
        ],
    },
}
_RANGES: Any = {
    "syncToken": "1",
    "prefixes": [
        {"ip_prefix": "203.0.113.0/24", "region": "r", "service": "S", "network_border_group": "r"}
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2001:db8::/32", "region": "r", "service": "S", "network_border_group": "r"}
    ],
}


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    folder = size.folder
    made = simulate("reference", folder / "reference.pb", flows=None)
    inventory = next(folder.glob("*.inventory.yaml"))
    namespace = "netobserv"
    edges = _ok("matrix", made.config, "-n", namespace, "--format", "jsonl")
    (folder / "edges.jsonl").write_text(edges)
    (folder / "policies.json").write_text(json.dumps(_POLICY))
    approved = folder / "approved.yaml"
    approved.write_text(_ok("matrix", "approve", made.config, "-n", namespace))
    verify = ("policy", "verify", "-n", namespace, "--inventory")
    bad = folder / "bad"
    policies, known = folder / "policies.json", folder / "edges.jsonl"
    uses = {
        "policies": (*verify, inventory, "--edges", known, bad),
        "edges": (*verify, inventory, "--edges", bad, policies),
        "edges, generate": (
            "policy",
            "generate",
            "-n",
            namespace,
            "--inventory",
            inventory,
            "--edges",
            bad,
        ),
        "inventory": (*verify, bad, "--edges", known, policies),
        "inventory, who": ("who", "10.0.0.1", "--inventory", bad),
        "ranges": ("discover", made.config, "-n", namespace, "--ranges", bad),
        "approved": ("matrix", "diff", bad, made.config, "-n", namespace),
        "recording": ("matrix", bad, "-n", namespace),
    }
    step = size.of(5, 1)
    for name, arguments in uses.items():
        yield _bytes(f"{name}: bytes of every kind", arguments, bad, step)
        yield _special(f"{name}: no file, folders, loops", arguments, bad)
    rows = [json.loads(line) for line in edges.splitlines()[:3]]
    step = size.of(37, 1)
    yield _values("policies: every wrong value", uses["policies"], bad, _POLICY, step)
    yield _values("ranges: every wrong value", uses["ranges"], bad, _RANGES, step)
    yield _values("edges: every wrong value", uses["edges"], bad, rows, step, lines=True)
    yield _flipped(
        "approved: every byte changed",
        uses["approved"],
        bad,
        approved.read_bytes(),
        size.of(8, 2_000),
    )
    yield _flipped(
        "inventory: bytes changed", uses["inventory"], bad, inventory.read_bytes(), size.of(8, 500)
    )


def _ok(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, (arguments, done.output, done.exception)
    return done.stdout


def _tried(tally: Tally, what: str, arguments: tuple[object, ...]) -> None:
    """One command, and the kind of its end."""
    with tally.step(what):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        error = done.exception
        if error is not None and not isinstance(error, SystemExit | OSError):
            tally.fault(f"{what}: {type(error).__name__}: {error}")
        elif done.exit_code and not done.stderr and not done.stdout:
            tally.fault(f"{what}: exit {done.exit_code} without a word")
        moving = [c for c in done.output if not c.isprintable() and c not in "\n\t"]
        if moving:
            tally.fault(f"{what}: {moving[:3]} in its output")
        tally.add("answered" if not done.exit_code else "refused")


def _bytes(name: str, arguments: tuple[object, ...], bad: Path, step: int) -> Tally:
    tally = Tally(name)
    for number, content in enumerate(_BYTES[::step]):
        bad.write_bytes(content)
        _tried(tally, f"{name} {number} {content[:20]!r}", arguments)
    return tally


def _special(name: str, arguments: tuple[object, ...], bad: Path) -> Tally:
    tally = Tally(name)
    bad.unlink(missing_ok=True)
    _tried(tally, f"{name} nothing", arguments)
    bad.mkdir()
    _tried(tally, f"{name} folder", arguments)
    bad.rmdir()
    for target in (bad, Path("/proc/self/mem")):
        bad.symlink_to(target)
        _tried(tally, f"{name} link to {target.name}", arguments)
        bad.unlink()
    return tally


def _values(
    name: str,
    arguments: tuple[object, ...],
    bad: Path,
    document: Any,
    step: int,
    *,
    lines: bool = False,
) -> Tally:
    tally = Tally(name)
    cases = [(path, wrong) for path in _paths(document) for wrong in _WRONG]
    for path, wrong in cases[::step]:
        changed = copy.deepcopy(document)
        inside = changed
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = wrong
        bad.write_text("\n".join(map(json.dumps, changed)) if lines else json.dumps(changed))
        _tried(tally, f"{name} {path} {wrong!r:.40}", arguments)
    return tally


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (key,)
        yield from ((key, *path) for path in _paths(inner))


def _flipped(name: str, arguments: tuple[object, ...], bad: Path, data: bytes, count: int) -> Tally:
    tally, draw = Tally(name), Random(9)
    for number in range(count):
        other = bytearray(data)
        for _ in range(draw.randrange(1, 4)):
            other[draw.randrange(len(other))] = draw.randrange(256)
        bad.write_bytes(other)
        _tried(tally, f"{name} {number}", arguments)
    return tally

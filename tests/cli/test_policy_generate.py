"""`policy generate`: to standard output or to files, with a report beside it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from pipeline.kube.inventory import file
from pipeline.kube.inventory.export import labelled
from tests.support import reference_edges
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """The options that name the edges and the objects of the reference scenario."""
    objects = [*reference_edges.manifests(), labelled(reference_edges.labels())]
    file.write(objects, tmp_path / "objects.json")
    reference_edges.edges().write_ndjson(tmp_path / "edges.jsonl")
    return ["--edges", f"{tmp_path}/edges.jsonl", "--inventory", f"{tmp_path}/objects.json"]


def test_policies_on_standard_output_and_the_report_beside_it(given: list[str]) -> None:
    done = flowmatrix("policy", "generate", "-n", "netobserv", *given)
    assert done.exit_code == 0
    names = [one["metadata"]["name"] for one in yaml.safe_load_all(done.stdout)]
    assert names == ["flowlogs-pipeline", "netobserv-plugin"]
    first, *rest = done.stderr.splitlines()
    assert first == "netobserv: 27 of 27 established edges have their rule, 2 policies"
    assert max(map(len, rest)) <= 80


def test_the_same_input_gives_the_same_bytes(given: list[str], tmp_path: Path) -> None:
    """In files: one for each policy, and of several namespaces."""
    command = ["policy", "generate", "-n", "netobserv", "-n", "noo-loki", *given, "--out"]
    for folder in ("a", "b"):
        assert flowmatrix(*command, tmp_path / folder).exit_code == 0
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("a", "b")
    )
    assert one == two
    assert sorted(one) == [
        "netobserv.flowlogs-pipeline.yaml",
        "netobserv.netobserv-plugin.yaml",
        "noo-loki.loki-gateway.yaml",
        "noo-loki.loki-index-gateway.yaml",
        "noo-loki.loki-ingester.yaml",
        "noo-loki.loki-querier.yaml",
        "noo-loki.loki-query-frontend.yaml",
    ]


def test_what_the_policies_are_verified_with(given: list[str], tmp_path: Path) -> None:
    """`policy verify` allows whatever was established."""
    flowmatrix("policy", "generate", "-n", "netobserv", *given, "--out", tmp_path / "out")
    done = flowmatrix("policy", "verify", tmp_path / "out", *given, "-n", "netobserv")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("allowed: 27 of 27 edges")


def test_files_of_another_run_are_told(given: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("netobserv.gone.yaml", "shop.web.yaml"):
        (tmp_path / "out" / name).write_text("")
    done = flowmatrix("policy", "generate", "-n", "netobserv", *given, "--out", tmp_path / "out")
    assert "netobserv.gone.yaml is not of this run" in done.stderr
    assert "shop.web.yaml" not in done.stderr, "another namespace is another run"


def test_an_edge_without_rule_is_the_exit_code(given: list[str], tmp_path: Path) -> None:
    """Without its subnet label an external address has no rule; the JSON says the same."""
    file.write(reference_edges.manifests(), tmp_path / "objects.json")
    command = ["policy", "generate", "-n", "noo-loki", *given, "--report", tmp_path / "report.json"]
    done = flowmatrix(*command)
    assert done.exit_code == 3
    assert "its networks are not known" in " ".join(done.stderr.split())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["complete"] is False
    assert [one["topic"] for one in report["findings"]].count("no_rule") == 3


def test_addresses_without_a_label_lead_to_discover(given: list[str], tmp_path: Path) -> None:
    """Said once, whatever their number."""
    outside = pl.col("server_kind") == ""
    unlabelled = reference_edges.edges().with_columns(
        pl.when(outside).then(pl.lit("")).otherwise("server_label").alias("server_label"),
        pl.when(outside)
        .then(pl.lit("203.0.113.7"))
        .otherwise("server_address")
        .alias("server_address"),
    )
    unlabelled.write_ndjson(tmp_path / "edges.jsonl")
    done = flowmatrix("policy", "generate", "-n", "noo-loki", *given)
    assert done.exit_code == 3
    assert done.stderr.count("note: `flowmatrix discover` proposes subnet labels") == 1


def test_the_labels_of_a_pipeline_are_taken(given: list[str], tmp_path: Path) -> None:
    file.write(reference_edges.manifests(), tmp_path / "objects.json")
    (tmp_path / "flows.json").write_text("")
    networks = ", ".join(reference_edges.labels()[0].cidrs)
    name = reference_edges.labels()[0].name
    (tmp_path / "pipeline.yaml").write_text(f"""
stages:
- {{name: in, type: ingest_file, path: flows.json, decoder: json}}
- {{name: labels, type: subnet_label, follows: in,
   labels: [{{name: {name}, cidrs: [{networks}]}}]}}
- {{name: out, type: write_stdout, follows: labels}}
""")
    command = ["policy", "generate", "-n", "noo-loki", *given]
    done = flowmatrix(*command, "--labels", tmp_path / "pipeline.yaml")
    assert done.exit_code == 0, done.stderr
    assert "3.5.204.0/22" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "give --namespace NS, or --all-namespaces"),
        (("-n", "a", "-A"), "give --namespace NS, or --all-namespaces"),
    ],
)
def test_which_namespaces_must_be_said(
    given: list[str], options: tuple[str, ...], message: str
) -> None:
    done = flowmatrix("policy", "generate", *options, *given)
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_namespace_that_is_not_there(given: list[str]) -> None:
    done = flowmatrix("policy", "generate", "-n", "netobserve", *given)
    assert done.exit_code == 1
    assert 'nothing is in namespace "netobserve"; did you mean "netobserv"?' in done.stderr


def test_a_resolver_that_is_not_there(given: list[str]) -> None:
    done = flowmatrix("policy", "generate", "-n", "netobserv", *given, "--dns", "openshift-dns/dns")
    assert done.exit_code == 1
    assert '"openshift-dns/dns" is not a Service of the objects' in done.stderr


def test_all_namespaces_and_other_kinds(given: list[str]) -> None:
    done = flowmatrix("policy", "generate", "-A", *given, "--kind", "cilium")
    assert done.exit_code == 0
    found = list(yaml.safe_load_all(done.stdout))
    assert {one["kind"] for one in found} == {"CiliumNetworkPolicy"}
    assert len({one["metadata"]["namespace"] for one in found}) == 5


def test_a_label_as_a_domain_name(given: list[str]) -> None:
    """In the kind that has these; a name that is none, or of no label, is refused."""
    command = ["policy", "generate", "-n", "noo-loki", *given, "--kind"]
    name = "*.s3.eu-west-3.amazonaws.com"
    done = flowmatrix(*command, "cluster-nodes", "--domain", f"AWS_S3_eu-west-3={name}")
    rules = [
        rule for one in yaml.safe_load_all(done.stdout) for rule in one["spec"].get("egress", ())
    ]
    assert [peer for rule in rules for peer in rule["to"] if "domainNames" in peer] == [
        {"domainNames": [name]}
    ] * 3
    assert f"label AWS_S3_eu-west-3: all addresses that {name} may" in " ".join(done.stderr.split())
    for kind, domain, why in (
        ("cluster", f"AWS_S3_eu-west-3={name}", "--domain is for --kind cluster-nodes"),
        ("cluster-nodes", f"AWS_S3={name}", 'no subnet label is "AWS_S3"'),
        ("cluster-nodes", "AWS_S3_eu-west-3=a b", '"a b" is not a domain name'),
    ):
        refused = flowmatrix(*command, kind, "--domain", domain)
        assert refused.exit_code == 2
        assert why in " ".join(refused.stderr.split())


def test_a_report_takes_the_place_of_no_input(given: list[str]) -> None:
    inputs = [Path(one) for one in given if Path(one).is_file()]
    assert len(inputs) >= 2
    for one in inputs:
        before = one.read_bytes()
        done = flowmatrix("policy", "generate", "-A", *given, "--report", one)
        assert done.exit_code == 1
        assert f"{one} is what this run reads: it would be overwritten" in done.stderr
        assert one.read_bytes() == before


def test_a_namespace_that_is_none_leads_to_no_file_elsewhere(tmp_path: Path) -> None:
    """An API server has no such name, but a file may."""
    meta = {"name": "web", "namespace": "../../evil"}
    file.write([{"kind": "Pod", "metadata": meta, "status": {}}], tmp_path / "objects.json")
    (tmp_path / "edges.jsonl").write_text("")
    given = ["--edges", f"{tmp_path}/edges.jsonl", "--inventory", f"{tmp_path}/objects.json"]
    out = tmp_path / "in" / "out"
    out.mkdir(parents=True)
    done = flowmatrix("policy", "generate", "-A", "--default-deny", *given, "--out", out)
    assert done.exit_code == 1
    assert 'error: no object can be called "../../evil/default-deny"' in done.stderr
    assert [one.name for one in tmp_path.rglob("*.yaml")] == []


def test_nor_of_what_its_pipelines_read(tmp_path: Path) -> None:
    """The recording and the inventory that they name, with the one of the labels, too."""
    for name in ("flows.jsonl", "kube.json", "labels.json"):
        (tmp_path / name).write_text("{}")
    file.write(reference_edges.manifests(), tmp_path / "kube.json")
    file.write(reference_edges.manifests(), tmp_path / "labels.json")
    source = "{name: in, type: ingest_file, path: flows.jsonl, decoder: json}"
    pods = "{name: k8s, type: kubernetes, follows: in, inventory: kube.json}"
    edges = "{name: edges, type: encode_matrix, follows: k8s}"
    labels = "{name: s, type: subnet_label, follows: in, autodetect: labels.json}"
    (tmp_path / "p.yaml").write_text(f"stages: [{source}, {pods}, {edges}]")
    text = f"stages: [{source}, {labels}, {edges.replace('k8s', 's')}]"
    (tmp_path / "l.yaml").write_text(text)
    options = ["--input", tmp_path / "p.yaml", "--labels", tmp_path / "l.yaml"]
    for name in ("flows.jsonl", "kube.json", "labels.json", "p.yaml", "l.yaml"):
        path = tmp_path / name
        before = path.read_bytes()
        done = flowmatrix("policy", "generate", "-A", *options, "--report", path)
        assert done.exit_code == 1, name
        assert f"{path} is what this run reads: it would be overwritten" in done.stderr
        assert path.read_bytes() == before


def test_a_policy_takes_the_place_of_no_input(given: list[str], tmp_path: Path) -> None:
    edges = tmp_path / "netobserv.netobserv-plugin.yaml"
    (tmp_path / "edges.jsonl").rename(edges)
    options = ["--edges", edges, *given[2:]]
    before = edges.read_bytes()
    done = flowmatrix("policy", "generate", "-n", "netobserv", *options, "--out", tmp_path)
    assert done.exit_code == 1
    assert f"{edges} is what this run reads: it would be overwritten" in done.stderr
    assert edges.read_bytes() == before
    assert not (tmp_path / "netobserv.flowlogs-pipeline.yaml").exists()


def test_a_report_takes_the_place_of_no_policy(given: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = out / "netobserv.netobserv-plugin.yaml"
    options = [*given, "--out", out, "--report", report]
    done = flowmatrix("policy", "generate", "-n", "netobserv", *options)
    assert done.exit_code == 1
    assert f"{report} is what this run writes, too: it would be overwritten" in done.stderr
    assert not out.exists()

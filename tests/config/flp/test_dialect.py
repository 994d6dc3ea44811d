"""Names and defaults of the dialect against docs/reference/flowlogs-pipeline.md#stage-types."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from pipeline.config.flp import (
    dialect,
    dialect_common,
    dialect_encode,
    dialect_extract,
    dialect_ingest,
    dialect_transform,
    dialect_write,
)

PAGES = Path(__file__).parents[3] / "docs" / "reference"


MODULES = (
    *(dialect, dialect_common, dialect_encode, dialect_extract, dialect_ingest),
    *(dialect_transform, dialect_write),
)
FOUND = {name: found for module in MODULES for name, found in vars(module).items()}
STRUCTS: list[type[msgspec.Struct]] = [
    found
    for found in FOUND.values()
    if isinstance(found, type) and issubclass(found, msgspec.Struct) and found.__struct_fields__
]


def written(kind: type[msgspec.Struct]) -> set[str]:
    """The names of the fields as files write them."""
    return set(kind.__struct_encode_fields__)


def section(page: str, title: str) -> str:
    """A section of a page of the reference, up to the next title."""
    return re.split(r"\n#+ ", (PAGES / page).read_text().split(f"# {title}\n", 1)[1])[0]


def columns(text: str) -> set[str]:
    """The names in the first column of the tables of a text."""
    cells = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_every_field_may_be_left_out(kind: type[msgspec.Struct]) -> None:
    assert isinstance(kind(), kind)
    assert len({name.lower() for name in written(kind)}) == len(written(kind))


@pytest.mark.parametrize(
    ("kind", "page", "title"),
    [
        (dialect_ingest.KafkaIngest, "flowlogs-pipeline.md", "Kafka ingest"),
        (dialect.Metrics, "flowlogs-pipeline.md", "Metrics settings"),
    ],
)
def test_fields_are_those_of_the_table(kind: type[msgspec.Struct], page: str, title: str) -> None:
    assert written(kind) == columns(section(page, title))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (dialect.Root, "pipeline parameters dynamicParameters metricsSettings"),
        (dialect.Dynamic, "namespace name fileName kubeConfigPath"),
        (dialect_common.ClientTls, "insecureSkipVerify caCertPath userCertPath userKeyPath"),
        (dialect_encode.ServerTls, "certPath keyPath"),
        (dialect_common.Sasl, "type clientIDPath clientSecretPath"),
        (dialect.Parameter, "name ingest transform extract encode write"),
        (
            dialect_encode.Metric,
            "name help type filters valueKey valueScale labels remap flatten buckets",
        ),
        (dialect_encode.Prom, "address port tls prefix expiryTime maxMetrics metrics"),
        (
            dialect_transform.FilterRule,
            """
            type removeField removeEntry removeEntryAllSatisfied conditionalSampling
            keepEntryQuery keepEntrySampling addField addFieldIfDoesntExist addFieldIf
            addRegexIf addLabel addLabelIf
            """,
        ),
        (dialect_transform.ValueRule, "input value castInt"),
        (dialect_transform.ServiceRule, "input output protocol"),
        (dialect_transform.SubnetRule, "input output subnet_mask"),
        (dialect_transform.InfraRule, "namespaceNameFields output infra_prefixes infra_refs"),
        (
            dialect_transform.DirectionInfo,
            "reporterIPField srcHostField dstHostField flowDirectionField ifDirectionField",
        ),
        (
            dialect_transform.KubernetesRule,
            """
            ipField macField interfacesField udnsField output assignee add_zone labels_prefix
            label_inclusions label_exclusions label_value_max_length annotations_prefix
            annotation_inclusions annotation_exclusions annotation_value_max_length
            """,
        ),
        (dialect_transform.KubeConfig, "configPath secondaryNetworks managedCNI trackedKinds"),
        (
            dialect_transform.Network,
            "rules kubeConfig servicesFile protocolsFile subnetLabels directionInfo",
        ),
        (dialect_transform.GenericRule, "input output multiplier"),
    ],
)
def test_names_are_spelled_as_files_write_them(kind: type[msgspec.Struct], names: str) -> None:
    """From the texts of the reference, where no table has them; most are in camel case, not all."""
    assert written(kind) == set(names.split())

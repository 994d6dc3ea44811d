from __future__ import annotations

import pytest

from tests.config.flp.given import START, findings, refused, stages, translated


def test_structure_ignores_case_and_free_form_keys_keep_theirs() -> None:
    translation = translated("""\
PIPELINE: [{NAME: in}, {name: prom, Follows: in}]
Parameters:
- {Name: in, INGEST: {TYPE: stdin}}
- name: prom
  encode:
    type: prom
    PROM: {PREFIX: p_, metrics: [{NAME: m, Type: counter, labels: [A], reMap: {A: camelCase}}]}
""")
    assert translation.problems == []
    assert translation.stages[1:] == [
        {"name": "prom/m/remap", "type": "remap", "follows": "in", "map": {"A": "camelCase"}},
        {
            "name": "prom/m",
            "type": "encode_prometheus",
            "follows": "prom/m/remap",
            "prefix": "p_",
            "metrics": [translation.stages[2]["metrics"][0]],
        },
    ]
    assert translation.stages[2]["metrics"][0]["labels"] == ["camelCase"]


def test_every_deviation_from_the_structure_is_reported_at_its_place() -> None:
    found = findings("""\
pipeline:
- {name: in}
- {name: s, follow: in}
parameters:
- {name: in, ingest: {type: stdin, file: [x]}}
- name: s
  encode:
    type: prom
    prom:
      prefix: 1
      metrics:
      - {name: a, type: counter, valueScale: '1', labels: [x, 2]}
      prefiks: x
""")
    assert [(place, hint) for place, _, hint in found] == [
        ("3:13", 'did you mean "follows"?'),
        ("5:42", ""),
        ("10:15", ""),
        ("12:46", ""),
        ("12:63", ""),
        ("13:7", 'did you mean "prefix"?'),
    ]
    assert found[3][1].startswith("expected number, got")


def test_a_key_given_twice_in_two_cases() -> None:
    assert findings("pipeline: []\nPipeline: []\nparameters: []\n") == [
        ("2:1", '"pipeline" is given twice', "")
    ]


def test_nulls_are_as_good_as_nothing() -> None:
    assert stages("write: {type: stdout, stdout: null}") == [
        {"name": "s", "type": "write_stdout", "follows": "in", "format": "printf"}
    ]


def test_unknown_top_level_keys_are_warned_of() -> None:
    assert findings(
        "pipelines: 1\nlog-level: warn\nperfSettings: {a: 1}\nhealth: {port: 8080}\n"
    ) == [
        ("1:1", 'warning: unknown key "pipelines" is ignored', 'did you mean "pipeline"?'),
        (
            "3:1",
            'warning: "perfSettings" is not used here',
            "the original does not read it from a file either",
        ),
        (
            "4:1",
            'warning: "health" is not used here',
            "health is at /healthz and /readyz of the server of /metrics",
        ),
    ]


def test_fan_in_fan_out_and_stages_only_named_by_others() -> None:
    translation = translated("""\
pipeline:
- {name: out, follows: b}
- {name: out, follows: a}
- {name: out, follows: b}
- {name: b, follows: in}
- {name: a, follows: in}
parameters:
- {name: out, write: {type: none}}
- {name: a, transform: {type: none}}
- {name: b, extract: {type: none}}
- {name: in, ingest: {type: stdin}}
""")
    assert translation.problems == []
    assert translation.stages == [
        {"name": "out", "type": "discard", "follows": ["b", "a"]},
        {"name": "a", "type": "pass_through", "follows": "in"},
        {"name": "b", "type": "pass_through", "follows": "in"},
        {"name": "in", "type": "ingest_stdin", "decoder": "json"},
    ]
    assert translation.origins["stages", 0, "follows", 1] == ("pipeline", 1, "follows")
    assert translation.origins["stages", 1, "follows"] == ("pipeline", 4, "follows")
    assert translation.origins["stages", 1] == ("parameters", 1)


def test_an_entry_without_parameters() -> None:
    text = f"{START}- {{name: s, write: {{type: none}}}}\n".replace(
        "name: in}\n- ", "name: inn}\n- "
    )
    assert findings(text) == [
        ("2:10", 'no parameters for stage "inn"', 'did you mean "in"?'),
    ]


@pytest.mark.parametrize(
    ("parameter", "message", "hint", "stand_in"),
    [
        (
            "extract: {type: conntrack, conntrack: {any: 1}}",
            "not supported yet",
            "",
            "pass_through",
        ),
        ("write: {type: loki, loki: {url: x}}", "not supported yet", "", "discard"),
        ("encode: {type: s3}", "not supported yet", "", "discard"),
        ("ingest: {type: file_loop, file: {filename: f}}", "not supported yet", "", "ingest_stdin"),
        ("write: {type: stdot}", 'unknown write type "stdot"', 'did you mean "stdout"?', "discard"),
        ("write: {}", 'stage "s" has no write type', "", "discard"),
    ],
)
def test_a_refused_stage_leaves_a_stand_in(
    parameter: str, message: str, hint: str, stand_in: str
) -> None:
    translation = translated(f"{START}- {{name: s, {parameter}}}\n")
    (problem,) = translation.problems
    assert problem.message.endswith(message)
    assert problem.hint == hint
    assert (translation.stages[1]["name"], translation.stages[1]["type"]) == ("s", stand_in)


def test_the_message_of_what_is_not_supported_yet() -> None:
    text = f"{START}- name: s\n  extract:\n    type: conntrack\n"
    message = 'stage "s": extract.conntrack is not supported yet'
    assert findings(text) == [("8:11", message, "")]
    assert findings(f"{START}dynamicParameters: {{name: x}}\n") == [
        ("6:20", "dynamicParameters is not supported yet", "")
    ]


def test_a_stage_has_one_kind() -> None:
    message = 'stage "s" needs one of ingest, transform, extract, encode, write'
    assert refused("write: {type: none}, encode: {type: none}") == [(message, "")]
    assert refused("x: 1") == [
        ("unknown field", "fields are name, ingest, transform, extract, encode, write"),
        (message, ""),
    ]


def test_what_follows_an_encoder_of_chains_is_left_to_the_graph() -> None:
    translation = translated(
        START.replace("follows: in}", "follows: in}\n- {name: w, follows: s}")
        + "- {name: w, write: {type: none}}\n"
        + "- {name: s, encode: {type: prom, prom: {metrics: [{name: m, type: counter}]}}}\n"
    )
    assert [stage["name"] for stage in translation.stages] == ["in", "w", "s/m", "s"]
    assert translation.stages[3]["type"] == "discard"


def test_settings_have_the_defaults_of_the_original() -> None:
    assert translated(START).settings == {
        "server": {"listen": "0.0.0.0:9090"},
        "self_metrics": {"prefix": "", "process": True},
        "log_level": "error",
    }


def test_settings_as_given() -> None:
    translation = translated(
        START + "log-level: trace\nmetricsSettings:\n  address: '::1'\n  port: 9102\n"
        "  prefix: op_\n  noPanic: true\n  suppressDefaultMetrics: true\n"
        "  tls: {certPath: c.pem, keyPath: k.pem}\n"
    )
    assert translation.settings == {
        "server": {"listen": "[::1]:9102", "tls_cert": "c.pem", "tls_key": "k.pem"},
        "self_metrics": {"prefix": "op_", "process": False},
        "log_level": "debug",
    }
    assert translation.origins["self_metrics", "prefix"] == ("metricsSettings", "prefix")


OWN = "- {name: s, encode: {type: prom, prom: {port: 1234, metrics: []}}}\n"


def test_the_server_of_a_stage_is_the_server_when_it_is_the_only_one() -> None:
    for more in ("", "metricsSettings: {disableGlobalServer: true, port: 9}\n"):
        translation = translated(START + OWN + more)
        assert translation.problems == []
        assert translation.settings["server"] == {"listen": "0.0.0.0:1234"}


@pytest.mark.parametrize(
    "more",
    [
        "- {name: t, encode: {type: prom}}\n",
        "- {name: t, encode: {type: prom, prom: {port: 1}}}\n",
        "metricsSettings: {port: 9102}\n",
    ],
)
def test_more_servers_than_one_are_refused(more: str) -> None:
    (finding,) = findings(START + OWN + more)
    assert finding[1:] == (
        "a server of its own is only possible where all metrics are served there",
        "leave out address, port and tls",
    )


def test_no_server_at_all_is_one_on_this_host_only() -> None:
    text = (
        START + "- {name: s, write: {type: none}}\nmetricsSettings: {disableGlobalServer: true}\n"
    )
    assert translated(text).settings["server"] == {"listen": "127.0.0.1:9090"}
    assert findings(text) == [
        ("7:40", "warning: the server cannot be switched off: it listens on this host only", "")
    ]

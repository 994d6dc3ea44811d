from __future__ import annotations

from pipeline.stage import Example


def test_margins_of_the_texts_are_taken_off() -> None:
    """What a stage indents in its file stands at the margin of docs/stages.md."""
    example = Example(
        config="""
            - name: a
              type: x
        """,
        flows='{"A": 1}',
        output="",
        files={"in.yaml": "\n  kind: Pod\n  metadata: {}\n"},
    )
    assert example.config == "- name: a\n  type: x"
    assert (example.flows, example.output) == ('{"A": 1}', "")
    assert example.files == {"in.yaml": "kind: Pod\nmetadata: {}\n"}

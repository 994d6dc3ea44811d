from __future__ import annotations

import pytest

from policy.ends import End


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (End("Deployment", "shop", "web", "Pods", ""), "Deployment shop/web"),
        (End("Node", "", "n1", "", ""), "Node n1"),
        (End("", "", "", "EXT:S3", "3.5.204.1"), "EXT:S3"),
        (End("", "", "", "", "3.5.204.1"), "3.5.204.1"),
        (End("", "", "", "", ""), "unknown"),
    ],
)
def test_an_end_in_words(end: End, text: str) -> None:
    assert str(end) == text

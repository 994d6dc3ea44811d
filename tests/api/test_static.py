from __future__ import annotations

from pathlib import Path

from pipeline.api.static import files


def test_files_with_their_types_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    for name in ("index.html", "app.js", "style.css", "views/matrix.js", "notes.py", ".hidden"):
        (tmp_path / name).write_text(name)
    found = files(tmp_path)
    assert {name: (one.kind.partition(";")[0], one.body) for name, one in found.items()} == {
        "": ("text/html", b"index.html"),
        "index.html": ("text/html", b"index.html"),
        "app.js": ("text/javascript", b"app.js"),
        "style.css": ("text/css", b"style.css"),
        "views/matrix.js": ("text/javascript", b"views/matrix.js"),
    }


def test_a_browser_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("x")
    policy = files(tmp_path)[""].headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert not [one for one in policy if "unsafe" in one or "http" in one]


def test_a_folder_without_a_page(tmp_path: Path) -> None:
    assert files(tmp_path) == {}

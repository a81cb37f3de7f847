"""The project's own code, as a person meets it."""

from __future__ import annotations

import tomllib

from core.folders import PROJECT

LINES_AT_MOST = 400
"""What a person reads at one sitting; a longer module has more than one subject."""


def test_no_module_is_long() -> None:
    # Not asked of git: an unpacked archive has none.
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    modules = [
        path
        for folder in settings["tool"]["mypy"]["files"]
        for path in (PROJECT / folder).rglob("*.py")
    ]
    lines = {str(path.relative_to(PROJECT)): len(path.read_text().splitlines()) for path in modules}
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > LINES_AT_MOST} == {}

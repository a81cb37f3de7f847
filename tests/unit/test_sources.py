"""The project's own code, as a person meets it."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from core.folders import PROJECT

LINES_AT_MOST = 400
"""What a person reads at one sitting; a longer module has more than one subject."""


RESOLVED = re.compile(r"r\d|web|/srv/.+|/dev/drbd\d.*")
"""Names that the inventory gives: of DRBD's resources and devices, of mount points and ids."""

DEFAULTS = PROJECT / "labs" / "model.py"
"""Where the service and the storage of a definition that names none are called something."""


def modules() -> dict[str, Path]:
    """Return all modules by their paths in the project."""
    # Not asked of git: an unpacked archive has none.
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    found = (
        path
        for folder in settings["tool"]["mypy"]["files"]
        for path in (PROJECT / folder).rglob("*.py")
    )
    return {str(path.relative_to(PROJECT)): path for path in found}


def words(path: Path) -> Iterator[str]:
    """Yield the texts in a module's code, and no docstrings: those are of sentences."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_what_a_lab_calls_its_parts_is_said_by_its_inventory() -> None:
    outside = {
        name: path
        for name, path in modules().items()
        if not name.startswith(("parts/", "tests/")) and path != DEFAULTS
    }
    said = {
        name: {text for text in words(path) if RESOLVED.fullmatch(text)}
        for name, path in outside.items()
    }
    assert {name: texts for name, texts in said.items() if texts} == {}
    assert "web" in set(words(DEFAULTS))


def test_no_module_is_long() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert len(lines) > 100
    assert {name: count for name, count in lines.items() if count > LINES_AT_MOST} == {}

"""A gate of `halab test`: no code is there that nobody uses.

Vulture knows the names that Python reads. Besides these, code is used by what a template reads, a
member of an enum by whoever goes through the enum or asks it for a value, and a class that says its
kind by `parts.kinds`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from jinja2 import Environment, nodes
from vulture import Vulture
from vulture.config import make_config


def main() -> int:
    """Print what is unused; return 0 when that is nothing. `[tool.vulture]` holds what is asked."""
    asked = make_config([])
    found = Vulture(
        ignore_names=asked["ignore_names"], ignore_decorators=asked["ignore_decorators"]
    )
    found.scavenge(asked["paths"])
    folders = [Path(path) for path in asked["paths"]]
    found.used_names |= {
        *_read_by_templates(folders),
        *_listed_members(folders),
        *_found_by_kind(folders),
    }
    return int(found.report(min_confidence=asked["min_confidence"]))


def _read_by_templates(folders: Iterable[Path]) -> Iterator[str]:
    """Return the attributes that Jinja templates read."""
    for path in _files(folders, "*"):
        if path.suffix == ".j2" or path.parent.name == "templates":
            for found in Environment().parse(path.read_text()).find_all(nodes.Getattr):
                yield found.attr


def _listed_members(folders: Iterable[Path]) -> Iterator[str]:
    """Return the members of the enums that are called, or given to a function, as a whole."""
    code = [
        node for path in _files(folders, "*.py") for node in ast.walk(ast.parse(path.read_text()))
    ]
    calls = [node for node in code if isinstance(node, ast.Call)]
    whole = {ast.unparse(word) for call in calls for word in (call.func, *call.args)}
    for node in code:
        if isinstance(node, ast.ClassDef) and node.name in whole and _is_enum(node):
            for line in node.body:
                if isinstance(line, ast.Assign):
                    yield from map(ast.unparse, line.targets)


def _found_by_kind(folders: Iterable[Path]) -> Iterator[str]:
    """Return the classes that say of which kind of part they are."""
    for path in _files(folders, "*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(map(_says_kind, node.body)):
                yield node.name


def _says_kind(line: ast.stmt) -> bool:
    return isinstance(line, ast.Assign) and ast.unparse(line).startswith("kind = ")


def _is_enum(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).endswith("Enum") for base in node.bases)


def _files(folders: Iterable[Path], pattern: str) -> Iterator[Path]:
    return (path for folder in folders for path in folder.rglob(pattern) if path.is_file())


if __name__ == "__main__":
    sys.exit(main())

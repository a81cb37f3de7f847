"""Find a lab definition by name or path and read it."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import HalabError
from core.folders import PROJECT
from core.spelling import meant
from core.text import is_utf8, read_text
from labs.checking import DefinitionError, Problem, check
from labs.model import Lab

__all__ = ["LABS", "DefinitionError", "Offer", "Problem", "available", "file_of", "find", "load"]

LABS = PROJECT / "labs"
"""The definitions that come with halab."""

POSITION = re.compile(r"\(at line (?P<line>\d+), column (?P<column>\d+)\)")
"""How tomllib says where a file stops being TOML."""

TWICE = re.compile(r"Cannot (overwrite|declare)")
"""How it says that something stands there twice."""

WORDS, WORD = re.compile(r"\('[^)]*\)"), re.compile(r"'([^']*)'")
"""How it shows the words of a table's heading."""


@dataclass(frozen=True)
class Offer:
    """A definition that comes with halab. `name` is what `up` takes.

    `lab` is None for one that cannot be used, and `problem` then says why.
    """

    name: str
    lab: Lab | None
    problem: str | None = None


def available(folder: Path = LABS) -> tuple[Offer, ...]:
    """Return the definitions in a folder, by name."""
    return tuple(_offer(path) for path in sorted(folder.glob("*.toml")))


def file_of(name_or_path: str, folder: Path = LABS) -> Path:
    """Return the file that a name in `folder` or a path stands for, whether it is there or not.

    Raises HalabError for a path that no record of a lab could hold.
    """
    path = folder / f"{name_or_path}.toml"
    if is_path(name_or_path):
        # Unlike Path.expanduser, it leaves alone what it does not know.
        path = Path(os.path.expanduser(name_or_path))
    real = Path(os.path.realpath(path))
    if not is_utf8(real):
        raise HalabError(
            f"halab cannot note where {str(real)!a} is: its name is not UTF-8",
            hint="give the file, or the folder that it is in, another name",
        )
    return path


def find(name_or_path: str, folder: Path = LABS) -> Path:
    """Return the file that a person means: a name in `folder`, or a path to a .toml file.

    What ends with .toml or has a slash is a path. Raises HalabError when there is no such file.
    """
    path = file_of(name_or_path, folder)
    if path.is_file():
        return path
    if is_path(name_or_path):
        problem = f"no such lab definition: {path}{_instead(path)}"
    else:
        problem = f"unknown lab: {name_or_path!r}"
    names = [offer.name for offer in available(folder)]
    beside = Path(f"{name_or_path}.toml")
    close = [str(beside)] if beside.is_file() else meant(path.stem, names)
    question = f"did you mean {close[0]}? " if close else ""
    raise HalabError(
        problem, hint=f"{question}known labs: {', '.join(names)}; or give the path of a .toml file"
    )


def _instead(path: Path) -> str:
    """Say what stands there that is no file; nothing where nothing does."""
    if path.is_dir():
        return " is a folder"
    if path.exists():
        return " is a device, a pipe or a socket, which cannot be read twice"
    return " is a link that leads nowhere" if path.is_symlink() else ""


def is_path(name_or_path: str) -> bool:
    """Tell whether a person names a file, and not a lab."""
    return name_or_path.endswith(".toml") or os.sep in name_or_path


def load(name_or_path: str) -> Lab:
    """Read and validate a lab definition.

    Raises HalabError when the file is missing or unreadable, DefinitionError when it is not TOML
    or defines no lab that can be built.
    """
    path = find(name_or_path)
    try:
        return check(str(path), _read(path), Lab)
    except RecursionError as error:
        raise HalabError(
            f"{path}: tables or lists stand inside one another more deeply than anybody needs",
            hint="docs/lab-definition.md shows how deep they stand in a definition",
        ) from error


def _offer(path: Path) -> Offer:
    try:
        return Offer(path.stem, load(str(path)))
    except HalabError as error:
        return Offer(path.stem, None, error.message)


def _read(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(str(path), (_broken(path, text, str(error)),)) from error
    except ValueError as error:
        # Python reads no number of thousands of digits, and tomllib does not say where it stands.
        problem = Problem(str(path), "some key", "(a number)", f"TOML: {error}", "shorten it")
        raise DefinitionError(str(path), (problem,)) from error


def _headed(message: str) -> str:
    """Write a table as a person heads it, and not as Python shows its words."""
    return WORDS.sub(lambda found: f"[{'.'.join(WORD.findall(found[0]))}]", message)


def _broken(path: Path, text: str, message: str) -> Problem:
    """Point at the place where the file stops being TOML."""
    position = POSITION.search(message)
    if position is None:
        return Problem(str(path), "end of file", "(nothing)", f"TOML: {message}", "complete it")
    line, column = int(position["line"]), int(position["column"])
    lines = text.split("\n")  # as tomllib counts them
    hint = "strings stand in double quotes, tables in [brackets], one key a line"
    if TWICE.search(message):
        hint = "it stands further up already: keep one of the two"
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    return Problem(
        str(path),
        key=f"line {line}, column {column}",
        value=shown,
        allowed=f"TOML: {_headed(POSITION.sub('', message).strip())}",
        hint=hint,
    )

"""Definitions that begin as a copy of another one, comments and all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from core.errors import HalabError
from core.text import read_text
from labs.checking import check
from labs.loading import load
from labs.model import Lab
from labs.schema import reference

NAME = re.compile(
    r"""^(?P<key>[ \t]*name[ \t]*=[ \t]*)("[^"\n]*"(?!")|'[^'\n]*'(?!'))""", re.MULTILINE
)
"""Where a line says the lab's name, in quotes that are not three."""

SCHEMA_LINE = re.compile(r"^#:schema .*\n", re.MULTILINE)
"""How a definition tells editors where its schema is (taplo's directives)."""


def copied(source: Path, name: str, target: Path) -> str:
    """Return the text of a definition like another one, of a lab with this name.

    Everything but the name stays as it is, letter by letter; the first line names the schema, for
    editors, wherever the definition stands. Raises DefinitionError, about `source` or about
    `target`, where either would be no lab that can be built; HalabError when the name stands where
    it cannot be changed alone.
    """
    load(str(source))
    text = read_text(source)
    wanted = {**tomllib.loads(text), "name": name}
    check(str(target), wanted, Lab)
    written = NAME.sub(rf'\g<key>"{name}"', SCHEMA_LINE.sub("", text, count=1), count=1)
    if tomllib.loads(written) != wanted:
        raise HalabError(
            f"{source} says the lab's name in a way that halab cannot change",
            hint='write it there as name = "...", on a line of its own above all tables',
        )
    return f"#:schema {reference(target)}\n{written}"

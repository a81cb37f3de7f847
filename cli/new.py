"""`halab new`: the definition of a lab of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from cli.choosing import definition_of, is_begun
from core.errors import HalabError
from core.files import READABLE, write_file
from labs.loading import available
from labs.writing import copied

DEFINITION = ".toml"


def new(
    name: Annotated[str, typer.Argument(help="What the lab shall be called.")],
    origin: Annotated[
        str,
        typer.Option(
            "--from",
            help="What it is like: a lab that was built, a name in labs/, or a TOML file.",
        ),
    ] = "active-passive",
    to: Annotated[
        Path | None, typer.Option(help="The file to write; else NAME.toml in the current folder.")
    ] = None,
) -> None:
    """Write the definition of a lab of your own, to be changed and built."""
    path = to or Path(f"{name}{DEFINITION}")
    text = copied(definition_of(origin), name, path)
    if name in {offer.name for offer in available()} or is_begun(name):
        raise HalabError(
            f"there is a lab called {name!r} already",
            hint="choose another name: `./halab labs` and `./halab list` show which are taken",
        )
    if path.suffix != DEFINITION:
        raise HalabError(
            f"{path} is no name for a definition",
            hint=f"one that `up` takes ends with {DEFINITION}",
        )
    if os.path.lexists(path):
        raise HalabError(
            f"{path} is there already, and was not touched",
            hint="move it away, or name another file with --to",
        )
    write_file(path, text, mode=READABLE)
    file = quote(str(path))
    print(f"{path} defines a lab like {origin}: change what shall be different")
    print("  docs/lab-definition.md explains every key")
    print(f"  ./halab show {file} draws it, or says what is wrong with it")
    print(f"  ./halab up {file} builds it")

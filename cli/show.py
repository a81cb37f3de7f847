"""`halab show`: what a lab is made of, as a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import definition_of
from core.errors import HalabError
from core.places import write_out
from drawing.picture import draw
from drawing.scene import Scene
from drawing.terminal import TerminalDrawing
from infra.planning import sketch
from labs.loading import load

PICTURE = ".svg"


def show(
    lab: Annotated[
        str, typer.Argument(help="A lab that was built, a name in labs/, or a TOML file.")
    ] = "active-passive",
    to: Annotated[Path | None, typer.Option(help="Write a picture here instead: SVG.")] = None,
) -> None:
    """Draw a lab: machines, networks, addresses, services and their data."""
    if to is not None:
        check_picture(to)
    definition = load(str(definition_of(lab)))
    scene = Scene(definition, sketch(definition))
    if to is None:
        Console(highlight=False).print(TerminalDrawing(scene))
        return
    write_out(to, draw(scene))
    print(f"lab {definition.name} is drawn in {to}")


def check_picture(path: Path) -> None:
    """Raise HalabError for a file that cannot hold a picture."""
    if path.suffix != PICTURE:
        raise HalabError(
            f"{path} would hold no picture that halab can write",
            hint=f"name a file that ends with {PICTURE}: browsers show it, others convert it",
        )

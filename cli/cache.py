"""`halab cache`: the labs that are kept for a warm start."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from cli.snapshot import spell
from cli.tables import plain_table
from core.errors import HalabError
from core.sizes import MIB
from hypervisor.environments import forsaken, remove
from hypervisor.kept_labs import LIMIT, KeptLabs, limit_bytes
from hypervisor.warm_start import facts_of_halab

CLEAN = "clean"


def cache(
    what: Annotated[
        str | None, typer.Argument(help="`clean` removes; without it, all is shown.")
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="The one lab to remove from the cache; else all.")
    ] = None,
) -> None:
    """Show the labs that are kept for a warm start, or remove them; labs that exist stay.

    What no checkout of halab uses any more is shown and removed as well.
    """
    if what not in (None, CLEAN):
        raise HalabError(
            f"`halab cache {what}` is not known",
            hint="`./halab cache` shows; `./halab cache clean` removes all, or with a name one lab",
        )
    kept_labs = KeptLabs()
    if what is None:
        _show(kept_labs)
        if unused := forsaken():
            print(f"Python environments that no checkout uses, half a GiB each: {len(unused)}")
    elif name is None:
        kept_labs.remove_all()
        remove(forsaken())
        print("no lab is kept any more")
    else:
        kept_labs.remove(name)
        print(f"lab {name} is kept no more")


def _show(kept_labs: KeptLabs) -> None:
    console, found = Console(highlight=False, soft_wrap=True), kept_labs.all()
    if not found:
        console.print("no lab is kept for a warm start: `./halab up` keeps what it builds")
        return
    present, now = facts_of_halab(), time.time()
    table = plain_table("lab", "size", "made", "")
    for one in found:
        others = [each for each in one.differences(present) if each in present]
        table.add_row(
            one.name,
            f"{one.size // MIB} MiB",
            f"{spell(now - one.made.timestamp())} ago",
            f"of no use: changed since: {', '.join(others)}" if others else "",
        )
    console.print(table)
    total = sum(one.size for one in found) // MIB
    console.print(
        f"\n{total} MiB of {limit_bytes() // MIB} ({LIMIT} sets it, in GiB). "
        "What a lab that exists shares with them takes no space of its own."
    )

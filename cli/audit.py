"""`halab audit`: what labs have on a platform that costs money, wherever they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.table import Table

from cli.choosing import is_begun
from cli.progress import Progress
from cli.tables import plain_table
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor.extras import use_extras
from infra.aws_account import Account
from infra.aws_objects import Found, find
from inventory.mark import mark_of
from labs.instances import Region
from labs.tables.aws import ENDPOINT, ENDPOINT_ALLOWED

REGIONS: tuple[str, ...] = get_args(Region)
EVERYWHERE = "all"
"""The region of what belongs to an account as a whole; each region's account shows it."""


class Audited(StrEnum):
    """The platforms that can be asked."""

    AWS = "aws"


def audit(
    platform: Annotated[Audited, typer.Argument(help="Where to look.")],
    region: Annotated[
        str | None, typer.Option(help=f"One region only, of {', '.join(REGIONS)}.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="A server that answers in the platform's stead.")
    ] = None,
) -> None:
    """List what carries halab's tags, by lab; fails when it is of a lab that is not here."""
    if region is not None and region not in REGIONS:
        raise HalabError(
            f"halab builds no labs in {region!r}", hint=f"its regions are {', '.join(REGIONS)}"
        )
    if endpoint is not None and not re.fullmatch(ENDPOINT, endpoint):
        raise HalabError(
            f"--endpoint {endpoint!r} is no address of a server in AWS's stead",
            hint=f"allowed: {ENDPOINT_ALLOWED}; without the option, AWS itself is asked",
        )
    regions = (region,) if region else REGIONS
    with Progress().step(f"Asking {platform.upper()}", if_needed=True) as step:
        use_extras(step)
        found = {each: find(Account(each, endpoint)) for each in regions}
    if not any(found.values()):
        print(f"nothing of a lab is on {platform.upper()} ({', '.join(regions)})")
        return
    Console(highlight=False).print(_table(found))
    strangers = {one.id for all_of_it in found.values() for one in all_of_it if not is_here(one)}
    if strangers:
        raise HalabError(
            f"of labs that are not here, {len(strangers)} of these objects are on "
            f"{platform.upper()}, where they may cost money",
            hint="`./halab down FILE.toml`, with the definition of the lab, removes what was made "
            "from this machine; what was made elsewhere, `down` removes there",
        )


def is_here(found: Found) -> bool:
    """Tell whether an object belongs to a lab that `halab list` shows."""
    return is_begun(found.lab) and found.mark == mark_of(LabFolder.of(found.lab))


def _table(found: dict[str, list[Found]]) -> Table:
    table = plain_table("lab", "here", "region", "what", "name", "id")
    rows: Iterable[tuple[str, ...]] = {
        (
            one.lab,
            "yes" if is_here(one) else "no",
            region if one.kind.regional else EVERYWHERE,
            one.kind.name,
            one.name,
            one.id,
        )
        for region, all_of_it in found.items()
        for one in all_of_it
    }
    for row in sorted(rows):
        table.add_row(*row)
    return table

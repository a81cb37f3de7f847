"""`halab heal`: take back what a drill that crashed left in a lab."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.choosing import existing_lab
from cli.live import LiveDrill
from cli.locking import locked
from core.signals import interruptible
from drills.healing import heal as heal_site
from drills.site import Site
from status.health import wait_healthy


def heal(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
) -> None:
    """Heal what a crashed drill left behind; does nothing where nothing is broken."""
    folder = existing_lab(name)
    with locked(name), interruptible():
        site = Site.of(folder)
        live = LiveDrill(f"Healing lab {name}")
        with live.shown():
            wound = heal_site(site, live)
            if wound is not None:
                live.phase("Recovery")
                wait_healthy(site.inventory, site.inventory.timing.rejoin_wait_s, live.say)
    if wound is None:
        print(f"no drill has left anything in lab {name}")
    else:
        print(f"healed: {wound.fault} at {', '.join(wound.targets)}; the lab is healthy")

"""Whether a drill may begin: on this lab, at these machines."""

from __future__ import annotations

from collections.abc import Collection

from core.errors import HalabError
from drills.drill import ALL, Drill
from drills.journal import Journal
from drills.site import Site
from drills.snapshot import Snapshot, snapshot


def check_healed(site: Site) -> None:
    """Raise HalabError when an earlier drill left its fault in a lab."""
    name = site.inventory.lab
    wound = Journal(site.folder).read()
    if wound is not None:
        raise HalabError(
            f"an earlier drill left its fault in lab {name!r}: {wound.fault} at "
            f"{', '.join(wound.targets)}",
            hint=f"`./halab heal {name}`",
        )


def ready(site: Site, *, anyway: bool) -> Snapshot:
    """Return the lab as it is; raises HalabError when no drill may begin on it."""
    check_healed(site)
    name = site.inventory.lab
    found = snapshot(site.inventory)
    if not found.status.healthy and not anyway:
        raise HalabError(
            f"lab {name!r} is not healthy, so a drill would prove nothing",
            detail="\n".join(found.status.reasons),
            hint="\n".join(
                (
                    *(remedy.command for remedy in found.status.remedies),
                    f"`./halab heal {name}` cleans up what was left behind; or wait until it is "
                    "healthy, or break it nevertheless with --anyway",
                )
            ),
        )
    return found


def check_targets(
    site: Site, drill: Drill, targets: tuple[str, ...], serving: Collection[str]
) -> None:
    """Raise HalabError unless this fault can hit these machines while those serve clients."""
    wrong = [name for name in targets if site.inventory.machine(name).role is not drill.role]
    if wrong:
        raise HalabError(
            f"{drill.name} cannot hit {', '.join(wrong)}: it is for a {drill.role.value}",
            hint=f"by default it hits: {drill.target}",
        )
    if len(targets) > drill.most:
        raise HalabError(
            f"{drill.name} hits one machine, not {len(targets)}: {', '.join(targets)}",
            hint="`blackout` is the drill that takes all nodes",
        )
    spared = [node.name for node in site.inventory.nodes if node.name not in targets]
    if drill.target == ALL and spared:
        raise HalabError(
            f"{drill.name} hits all nodes, and {', '.join(spared)} would be spared",
            hint="leave --target away",
        )
    places = drill.about(site.parts).places
    if drill.service is not None and not set(places) & set(targets):
        raise HalabError(
            f"{drill.name} is about service {drill.service}, which {', '.join(targets)} cannot run",
            hint=f"it runs on {' or '.join(places)}",
        )
    active = [name in serving for name in targets]
    fits = all(active) if drill.only == "active" else not any(active)
    if drill.only and not fits:
        raise HalabError(
            f"{drill.name} is for the {drill.only} node, not for {', '.join(targets)}",
            hint=f"leave --target away, or say --target {drill.only}",
        )

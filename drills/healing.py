"""Holding a fault so that it is healed in every case: at the end, after Ctrl-C, after a crash."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress

from core.errors import HalabError
from core.saying import Say
from core.signals import undisturbed
from drills.catalogue import find
from drills.drill import Drill
from drills.faults.base import Scene
from drills.journal import Journal, Wound
from drills.ledger import clear_ledger
from drills.probes import Probe, forget, probing, running
from drills.site import Audience, Site
from machines.remote import RemoteUnreachable
from parts.services.base import ServicePart
from status.collect import collect

HEALING = "the lab is being healed; it ends by itself"
"""The answer to Ctrl-C: a healing that is interrupted leaves a broken lab."""

RUN = "run"
"""The note that names the client's run, whose entries are taken from the ledger."""


@contextmanager
def held(
    site: Site, drill: Drill, targets: tuple[str, ...], wound: Wound, audience: Audience
) -> Iterator[Scene]:
    """Write down what will be broken, break it, and heal it when the block ends, however it ends.

    When the healing fails the wound stays open in the journal, for `heal`.
    """
    journal = Journal(site.folder)
    scene: Scene | None = None

    def mend() -> None:
        with undisturbed(lambda: audience.say(HEALING)):
            # The end may come before anything was broken.
            if scene is not None:
                audience.phase("Healing")
                drill.fault.heal(scene)
            journal.close()

    try:
        try:
            scene = _scene(site, targets, journal, wound)
            drill.fault.inject(scene)
            yield scene
        finally:
            mend()
    except KeyboardInterrupt:
        # It may come when the block is over and nothing keeps it from the healing yet.
        if journal.read() is not None:
            mend()
        raise


def heal(site: Site, audience: Audience) -> Wound | None:
    """Heal what a drill that crashed left behind, and say what it was; None when nothing is open.

    Raises HalabError when the lab resists; the wound stays open then.
    """
    journal = Journal(site.folder)
    wound = journal.read()
    if wound is None:
        with suppress(RemoteUnreachable):
            end_clients(site)
        return None
    drill = find(wound.fault, site.parts)
    audience.phase("Healing")
    audience.say(f"{drill.title}: {', '.join(wound.targets)}")
    with undisturbed(lambda: audience.say(HEALING)):
        drill.fault.heal(_scene(site, wound.targets, journal, wound))
        end_clients(site, *([wound.notes[RUN]] if RUN in wound.notes else []))
        journal.close()
    return wound


@contextmanager
def clients_outside(
    site: Site,
    parts: Collection[ServicePart],
    run: str,
    say: Say,
    only: Collection[str] | None = None,
) -> Iterator[tuple[Probe, ...]]:
    """Run a client of each of these services on the monitor, as `probing` does.

    They begin in the place of any that were left. What they wrote is removed at the end, or it is
    said why that stays. Raises HalabError where those that were left cannot be ended.
    """

    def forget_own(part: ServicePart) -> None:
        # What was found, and what ended the block, is worth more than a clean ledger.
        try:
            forget_entries(site, part, run)
        except HalabError as error:
            say(f"what the client wrote stays: {error.message}")

    if parts:
        end_clients(site)
    with ExitStack() as stack:
        probes = []
        for part in parts:
            probes.append(stack.enter_context(probing(part, run, only)))
            stack.callback(forget_own, part)
        yield tuple(probes)


def end_clients(site: Site, *runs: str) -> None:
    """End what clients a command that was killed has left, and remove what they wrote.

    One command at a time works on a lab, so none is another's. `runs` may have ended by themselves.
    """
    for run in dict.fromkeys((*runs, *running(site.inventory))):
        forget(site.inventory, run)
        for part in site.parts.public:
            forget_entries(site, part, run)


def forget_entries(site: Site, part: ServicePart, run: str) -> None:
    """Remove what a client wrote; nothing where nobody serves, or there is no ledger."""
    if not part.keeps_writes:
        return
    for node in collect(site.inventory).service(part.service.name).nodes:
        clear_ledger(part, site.inventory.machine(node), run)


def _scene(site: Site, targets: tuple[str, ...], journal: Journal, wound: Wound) -> Scene:
    machines = tuple(site.inventory.machine(name) for name in targets)
    return Scene(site.inventory, site.power, machines, journal.open(wound), wound.began)

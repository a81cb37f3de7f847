"""Systemd units: which start at boot, and with what."""

from __future__ import annotations

from provisioning.facts import Facts, Unit
from provisioning.files import Link
from provisioning.steps import Step

FOLDER = "/etc/systemd/system"
AT_BOOT = "multi-user.target.wants"


def link(unit: Unit, place: str) -> Link:
    """Describe what `systemctl enable` makes; `place` is a folder of wants or requires.

    `systemctl enable` itself also runs the helper for System V scripts and reloads systemd, once a
    unit: several seconds each in an emulated guest.
    """
    return Link(f"{FOLDER}/{place}/{unit}", f"/usr/lib/systemd/system/{unit}")


def allow(facts: Facts, needed: tuple[Unit, ...]) -> tuple[Step, ...]:
    """Let systemd start what somebody forbade it to start."""
    found = [unit for unit in needed if facts.units[unit].masked]
    if not found:
        return ()
    names = " ".join(found)
    command = f"systemctl unmask {names}\nsystemctl unmask --runtime {names}"
    return (Step(f"may start again: {', '.join(found)}", command),)


def reload(changed: frozenset[str]) -> tuple[Step, ...]:
    """Make systemd see changed links and drop-ins before it starts what they are about."""
    if not any(path.startswith(FOLDER) for path in changed):
        return ()
    return (Step("systemd knows the units", "systemctl daemon-reload"),)

"""What a `pulumi up` would cost: machines that go down, data that go away."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from infra.engine import Step

HOST_KEY = "host-key"
"""What ends the name of the volume that brings a machine its host key."""

ROOT = "root"
"""What ends the name of the volume with a machine's system."""


@dataclass(frozen=True)
class Impact:
    """The costly part of what Pulumi would do to a lab that exists.

    `missing` are the URNs of machines that are to be made beside others that are there, with what
    belongs to them. `in_turn` has what to change of each machine that has to be off for it, as it
    is made anew around its disks, or on AWS of another type. `leaving` are machines that the
    definition does not know any more. `lost` names what else would be removed or made anew: with
    that, data go.
    """

    missing: tuple[str, ...] = ()
    in_turn: dict[str, tuple[str, ...]] = field(default_factory=dict)
    leaving: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def impact_of(steps: Iterable[Step]) -> Impact:
    """Sort what Pulumi would do by what it costs; what costs nothing is left out."""
    steps = tuple(steps)
    domains = {step.name: step for step in steps if step.kind == "domain"}
    anew = [name for name, step in domains.items() if step.what == "replace"]
    leaving = _leaving(steps)
    return Impact(
        missing=tuple(
            urn
            for name, step in domains.items()
            if step.what == "create"
            for urn in _with_disks(name, steps)
        ),
        in_turn={name: tuple(_with_disks(name, steps)) for name in anew},
        leaving=leaving,
        lost=_lost(step for step in steps if not _keeps_data(step, leaving)),
    )


INSTANCE_TYPE = "instanceType"
"""The one property of an instance that its machine has to be off for, of those that change."""

LIVED_ON = ("instance", "volume")
"""Kinds of AWS's resources with which data go; all others are made anew without any loss."""


def cloud_impact_of(steps: Iterable[Step]) -> Impact:
    """Sort what Pulumi would do on AWS by what it costs; what costs nothing is left out.

    An instance changes its type in its place: stopped, and started again.
    """
    steps = tuple(steps)
    leaving = _leaving(steps)
    return Impact(
        in_turn={
            step.name: (step.urn,)
            for step in steps
            if (step.kind, step.what) == ("instance", "update") and INSTANCE_TYPE in step.changed
        },
        leaving=leaving,
        lost=_lost(
            step
            for step in steps
            if step.kind in LIVED_ON and not {step.name, _owner(step.name)} & {*leaving}
        ),
    )


def _leaving(steps: Iterable[Step]) -> tuple[str, ...]:
    # A machine stands in the program by its name, whatever it is made of.
    return tuple(step.name for step in steps if (step.kind, step.what) == ("machine", "delete"))


def _lost(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(
        f"{step.kind} {step.name} would be {step.what}d"
        for step in steps
        if step.what in ("delete", "replace")
    )


def _keeps_data(step: Step, leaving: Collection[str]) -> bool:
    """Tell whether this removes nothing but a machine's outside: its disks are volumes.

    Of a machine that leaves, its system goes as well. What it has of a service's data does not.
    """
    if step.kind == "machine":
        return step.name in leaving
    if step.kind == "domain":
        return step.what == "replace" or step.name in leaving
    if step.kind != "volume":
        return False
    own_system = step.name.endswith(f"-{ROOT}") and _owner(step.name) in leaving
    return own_system or step.name.endswith(f"-{HOST_KEY}")


def _with_disks(machine: str, steps: Iterable[Step]) -> Iterable[str]:
    """Return the URNs of a machine, its domain and those of its volumes that change with it."""
    for step in steps:
        if (step.kind in ("machine", "domain") and step.name == machine) or (
            step.kind == "volume" and _owner(step.name) == machine
        ):
            yield step.urn


def _owner(volume: str) -> str:
    """Return whose a volume is: behind a machine's name stands a word, or what has a hyphen too."""
    key = f"-{HOST_KEY}"
    return volume.removesuffix(key) if volume.endswith(key) else volume.rpartition("-")[0]

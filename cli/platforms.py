"""What `up` does by the kind of a lab's platform, and what is the same on all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli import building, clouds
from cli.building import Prepared
from cli.changing import ask, tell
from cli.progress import Progress, Step
from core.folders import LabFolder
from infra.engine import Engine
from infra.impact import Impact
from inventory.record import Record, load_any
from labs.model import Lab


@dataclass(frozen=True)
class Builder:
    """The steps of one platform.

    `prepare` sets up what Pulumi needs, `impact_on` tells what a change would cost, `build` makes
    machines and software, and `engine_of` returns the stack of a lab that was begun.
    """

    prepare: Callable[[Lab, str, Progress], Prepared[Any]]
    impact_on: Callable[[Prepared[Any]], Impact]
    build: Callable[[Prepared[Any], Impact, Step], None]
    engine_of: Callable[[LabFolder, Progress], Engine]


BUILDERS = {
    "libvirt": Builder(building.prepare, building.impact_on, building.build, building.engine_of),
    "aws": Builder(clouds.prepare, clouds.impact_on, clouds.build, clouds.engine_of),
}
"""By the kind of the platform."""


def prepare(lab: Lab, source: str, progress: Progress) -> Prepared[Any]:
    """Set up everything that the Pulumi program needs, and nothing that is there already.

    Raises HalabError before any change when the lab cannot be built, or not be brought to its
    definition.
    """
    return BUILDERS[lab.platform.kind].prepare(lab, source, progress)


def review(prepared: Prepared[Record], progress: Progress, *, yes: bool) -> Impact:
    """Say what `build` is about to do to a lab that exists; ask, unless `yes`, where data go.

    Nothing is changed before. Raises HalabError when that is refused, or nobody can be asked.
    """
    if not prepared.exists:
        return Impact()
    builder = BUILDERS[prepared.lab.platform.kind]
    with progress.step("Comparing the lab with its definition", if_needed=True):
        impact = builder.impact_on(prepared)
    tell(prepared.changes, impact, progress)
    ask(prepared.lab, impact, yes=yes)
    return impact


def build(prepared: Prepared[Record], impact: Impact, step: Step) -> None:
    """Bring machines and software to the definition, from whatever an earlier run left."""
    BUILDERS[prepared.lab.platform.kind].build(prepared, impact, step)


def engine_of(folder: LabFolder, progress: Progress) -> Engine:
    """Return the stack of a lab that was begun; raises HalabError when it has no record."""
    return BUILDERS[load_any(folder).kind].engine_of(folder, progress)

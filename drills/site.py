"""Where a drill takes place: a lab that runs, and the hands on its hypervisor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from core.folders import LabFolder
from core.saying import Say
from drills.hands import Hands, hands_of
from drills.journal import Journal
from hypervisor.reset import reset
from inventory.model import Inventory
from inventory.record import Record, load_any, load_inventory, load_record
from parts.all import Parts


@dataclass(frozen=True)
class Site:
    """A running lab."""

    folder: LabFolder
    inventory: Inventory
    record: Record
    power: Hands

    @cached_property
    def parts(self) -> Parts:
        """What the lab is made of."""
        return Parts(self.inventory)

    @classmethod
    def of(cls, folder: LabFolder) -> Site:
        """Open a lab that `up` has built; raises HalabError when there is none."""
        record = load_any(folder)
        return cls(folder, load_inventory(folder), record, hands_of(record, folder.name))

    def reset(self, report: Say) -> None:
        """Bring the lab back to the state right after `up`; nothing of an earlier drill is left.

        Raises HalabError as hypervisor.reset does.
        """
        reset(self.folder, load_record(self.folder), self.inventory, report=report)
        Journal(self.folder).close()


class Audience(Protocol):
    """Who follows a drill while it runs."""

    def phase(self, name: str) -> None:
        """Hear that a new part of the drill begins."""

    def say(self, sentence: str) -> None:
        """Hear what happens within it."""

    def service(self, silent_s: float, allowed_s: float) -> None:
        """Hear for how long the service has been silent, and for how long it may be."""


class Nobody:
    """An audience that is not there."""

    def phase(self, name: str) -> None:
        """Ignore it."""

    def say(self, sentence: str) -> None:
        """Ignore it."""

    def service(self, silent_s: float, allowed_s: float) -> None:
        """Ignore it."""

"""Where a lab stands, whatever its platform: whether anything of it is there, and its removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.folders import LabFolder
from hypervisor import placing
from hypervisor.extras import use_extras
from hypervisor.objects import Virsh
from hypervisor.placing import place_of
from infra import aws_removal
from infra.aws_account import Account
from inventory.mark import mark_of
from inventory.place import Place
from labs.model import Lab
from labs.tables.aws import Aws

Report = Callable[[str], None]


class Site(Protocol):
    """A place outside halab's own folders in which a lab may have something."""

    def has_anything(self, report: Report) -> bool:
        """Tell whether anything there bears the lab's mark; raises HalabError without an answer."""

    def remove(self, report: Report) -> None:
        """Remove everything there that bears the lab's mark, and look whether it is gone.

        Raises HalabError when something stays or nobody can know.
        """


@dataclass(frozen=True)
class LibvirtSite:
    """A libvirt; of a private one nothing outlives the hypervisor, which ends with the lab."""

    place: Place

    def has_anything(self, report: Report) -> bool:
        """Tell whether a libvirt that others use too has anything of the lab."""
        return not self.place.private and placing.has_anything(Virsh(self.place.uri), self.place)

    def remove(self, report: Report) -> None:
        """Remove what the lab has on a libvirt that others use too."""
        if not self.place.private:
            report(f"removing what the lab has on {self.place.platform}")
            placing.remove(Virsh(self.place.uri), self.place, report)


@dataclass(frozen=True)
class AwsSite:
    """A region of AWS."""

    platform: Aws
    mark: str

    def has_anything(self, report: Report) -> bool:
        """Tell whether the region has anything of the lab."""
        return bool(aws_removal.of(self._account(report), self.mark))

    def remove(self, report: Report) -> None:
        """Remove what the lab has in the region, and its rights in the account."""
        report(f"looking for what the lab has on AWS ({self.platform.region})")
        aws_removal.remove(self._account(report), self.mark, report)

    def _account(self, report: Report) -> Account:
        use_extras(report)
        return Account(self.platform.region, self.platform.endpoint)


def _libvirt(lab: Lab, folder: LabFolder) -> Site:
    return LibvirtSite(place_of(lab, folder))


def _aws(lab: Lab, folder: LabFolder) -> Site:
    assert isinstance(lab.platform, Aws)
    return AwsSite(lab.platform, mark_of(folder))


SITES: dict[str, Callable[[Lab, LabFolder], Site]] = {"libvirt": _libvirt, "aws": _aws}
"""By the kind of a lab's platform."""


def site_of(lab: Lab, folder: LabFolder) -> Site:
    """Return where a lab stands, or would."""
    return SITES[lab.platform.kind](lab, folder)

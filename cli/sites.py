"""Where a lab stands, whatever its platform: whether anything of it is there, and its removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote
from typing import Protocol

from core.errors import HalabError
from core.folders import LabFolder
from core.saying import Say
from hypervisor import placing
from hypervisor.extras import use_extras
from hypervisor.objects import Virsh
from hypervisor.placing import place_of
from infra import aws_removal
from infra.aws_account import Account
from inventory.endpoint import endpoint_of
from inventory.mark import mark_of, owner_file
from inventory.place import Place
from inventory.record import CloudRecord, Record
from labs.model import Lab
from labs.tables.aws import REHEARSAL, Aws
from rehearsal.keeper import is_played


class Site(Protocol):
    """A place outside halab's own folders in which a lab may have something."""

    def has_anything(self, report: Say) -> bool:
        """Tell whether anything there bears the lab's mark; raises HalabError without an answer."""

    def remove(self, report: Say) -> None:
        """Remove everything there that bears the lab's mark, and look whether it is gone.

        Raises HalabError when something stays or nobody can know.
        """


@dataclass(frozen=True)
class LibvirtSite:
    """A libvirt; of a private one nothing outlives the hypervisor, which ends with the lab."""

    place: Place

    def has_anything(self, report: Say) -> bool:
        """Tell whether a libvirt that others use too has anything of the lab."""
        return not self.place.private and placing.has_anything(Virsh(self.place.uri), self.place)

    def remove(self, report: Say) -> None:
        """Remove what the lab has on a libvirt that others use too."""
        if not self.place.private:
            report(f"removing what the lab has on {self.place.platform}")
            placing.remove(Virsh(self.place.uri), self.place, report)


@dataclass(frozen=True)
class AwsSite:
    """A region of AWS, or what answers in its stead, as a definition says it."""

    region: str
    endpoint: str | None
    folder: LabFolder

    def has_anything(self, report: Say) -> bool:
        """Tell whether the region has anything of the lab.

        Raises HalabError where only the mark is not the lab's.
        """
        if self._is_over:
            return False
        account = self._account(report)
        found = bool(aws_removal.of(account, mark_of(self.folder)))
        if not found:
            self._tell_namesakes(account)
        return found

    def remove(self, report: Say) -> None:
        """Remove what the lab has in the region, and its rights in the account.

        Raises HalabError when something with its name and another mark is there, and stays.
        """
        if self._is_over:
            return
        report(f"looking for what the lab has on AWS ({self.region})")
        account = self._account(report)
        aws_removal.remove(account, mark_of(self.folder), report)
        self._tell_namesakes(account)

    def _tell_namesakes(self, account: Account) -> None:
        # They may be its own: one whose identity was lost has another mark than before.
        name, identity = self.folder.name, owner_file(self.folder)
        found = aws_removal.namesakes(account, name, mark_of(self.folder))
        if not found:
            return
        theirs = "if they are somebody else's, nothing of yours is left there"
        if self.folder.path.exists():
            theirs += f": rm -r {quote(str(self.folder.path))}"
        raise HalabError(
            f"what has the name of lab {name!r} and not its mark is on AWS "
            f"({self.region}), and was left alone",
            detail="\n".join(f"{each}, marked {each.mark or 'with nothing'}" for each in found),
            hint=f"if they are yours, made before {identity} was lost or damaged: put that file "
            "back and run the command again, or delete them on AWS, where they may cost money; "
            f"{theirs}",
        )

    @property
    def _is_over(self) -> bool:
        """Tell whether this is a rehearsal that nobody plays: nothing of one outlives it."""
        return self.endpoint == REHEARSAL and not is_played(self.folder)

    def _account(self, report: Say) -> Account:
        use_extras(report)
        return Account(self.region, endpoint_of(self.endpoint, self.folder))


def _libvirt(lab: Lab, folder: LabFolder) -> Site:
    return LibvirtSite(place_of(lab, folder))


def _aws(lab: Lab, folder: LabFolder) -> Site:
    assert isinstance(lab.platform, Aws)
    return AwsSite(lab.platform.region, lab.platform.endpoint, folder)


SITES: dict[str, Callable[[Lab, LabFolder], Site]] = {"libvirt": _libvirt, "aws": _aws}
"""By the kind of a lab's platform."""


def site_at(record: Record, folder: LabFolder) -> Site:
    """Return where a lab stands, by what `up` decided for it."""
    if isinstance(record, CloudRecord):
        return AwsSite(record.region, REHEARSAL if record.rehearsed else record.endpoint, folder)
    return LibvirtSite(record)


def site_of(lab: Lab, folder: LabFolder) -> Site:
    """Return where a lab stands, or would."""
    return SITES[lab.platform.kind](lab, folder)

"""What apt says that it would do, read into types; nothing here asks a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inventory.frozen import Frozen

_INSTALLS = re.compile(r"^Inst (\S+) (?:\[(\S+)\] )?\((\S+) ([^\[)]*)", re.MULTILINE)
"""`Inst NAME [OLD] (NEW ORIGINS [ARCHITECTURE])`, without OLD where the package is a new one, as
`apt-get --simulate` of apt 3.0 prints it."""

_SECURITY = re.compile(r"/\S*-security\b")
"""In ORIGINS: `Debian-Security:13/stable-security`, behind a comma where several have a version."""

_REMOVES = re.compile(r"^(?:Remv|Purg) (\S+)", re.MULTILINE)

KERNELS = "linux-"
"""Begins the names of all that kernels consist of."""

KERNEL = "linux-image-"
"""Begins the names of packages that are of use only after a boot."""


class Change(Frozen):
    """A package that gets another version; None stands for one that is not installed."""

    name: str
    old: str | None
    new: str | None
    security: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.old or '(new)'} -> {self.new or '(removed)'}"

    @property
    def word(self) -> str:
        """What apt-get install takes for it."""
        return f"{self.name}-" if self.new is None else f"{self.name}={self.new}"


def parse_simulation(text: str) -> tuple[Change, ...]:
    """Read which packages `apt-get --simulate` would install, by name."""
    found = (
        Change(name=name, old=old or None, new=new, security=bool(_SECURITY.search(origins)))
        for name, old, new, origins in _INSTALLS.findall(text)
    )
    return tuple(sorted(found, key=lambda change: change.name))


def parse_removals(text: str) -> frozenset[str]:
    """Read which packages `apt-get --simulate` would remove."""
    return frozenset(_REMOVES.findall(text))


def security_names(changes: Iterable[Change]) -> tuple[str, ...]:
    """Return the installed packages whose new version comes from a security archive."""
    return tuple(change.name for change in changes if change.security and change.old)


def wants_boot(changes: Iterable[Change]) -> bool:
    """Tell whether a kernel is among them."""
    return any(change.name.startswith(KERNEL) for change in changes)

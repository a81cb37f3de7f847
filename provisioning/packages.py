"""Packages of all parts; no Recommends, and nothing starts while it is unconfigured."""

from __future__ import annotations

from core.errors import CommandError, HalabError
from labs.roles import MachineRole
from machines.remote import Remote
from parts.all import Parts
from parts.facts import Facts
from provisioning.files import run_script

EVERYWHERE = ("iputils-ping", "python3")
"""What halab itself uses on every machine."""

INSTALL_TIMEOUT = 3600.0
"""Seconds for about 100 MB from a mirror, unpacked on any machine: three emulated guests on two
processors took 480 to 670 side by side, from a mirror that was near. apt gives up by itself, and
earlier, when a mirror is silent."""


def wanted(parts: Parts, role: MachineRole) -> tuple[str, ...]:
    """Return the packages that a machine of this role needs."""
    found = {name for part in parts.every for name in part.packages(role)}
    return tuple(sorted(found | set(EVERYWHERE)))


def missing(wanted: tuple[str, ...], facts: Facts) -> tuple[str, ...]:
    """Return the wanted packages that the machine lacks."""
    return tuple(name for name in wanted if name not in facts.packages)


def ensure_installed(remote: Remote, names: tuple[str, ...]) -> None:
    """Install the named packages; raises HalabError when the machine cannot get them."""
    try:
        run_script(remote, "install.sh", *names, timeout=INSTALL_TIMEOUT)
    except CommandError as error:
        raise HalabError(
            f"{remote.name} lacks packages and cannot install them: {' '.join(names)}",
            detail=error.detail,
            hint="give the machine an apt source that it reaches; machines that halab made reach "
            "none: there `./halab reset` brings back what was removed",
        ) from error

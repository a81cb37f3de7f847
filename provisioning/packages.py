"""Packages that each role needs; no Recommends, and nothing starts while it is unconfigured."""

from __future__ import annotations

from core.errors import CommandError, HalabError
from labs.roles import MachineRole
from machines.remote import Remote
from provisioning.facts import Facts
from provisioning.files import run_script

_EVERYWHERE = (
    "chrony",
    "curl",
    "iproute2",
    "iputils-ping",
    "kmod",
    "libnss3-tools",
    "nftables",
    "python3",
)
_MONITORED = ("zabbix-agent2", "zabbix-sender")

PACKAGES: dict[MachineRole, tuple[str, ...]] = {
    MachineRole.NODE: (
        *_EVERYWHERE,
        "corosync",
        "corosync-qdevice",
        "drbd-utils",
        "e2fsprogs",
        "fence-agents-sbd",
        "iputils-arping",
        "nginx",
        "pacemaker",
        "pacemaker-cli-utils",
        "procps",
        "psmisc",
        "resource-agents",
        "sbd",
    ),
    MachineRole.MONITOR: (*_EVERYWHERE, "corosync-qnetd"),
}
"""libnss3-tools has certutil for the quorum device; agents use curl, procps, psmisc and
arping."""

MONITORING: dict[MachineRole, tuple[str, ...]] = {
    MachineRole.NODE: _MONITORED,
    # Named, php8.4-fpm keeps apt from taking Apache, which is PHP's first choice.
    MachineRole.MONITOR: (
        *_MONITORED,
        "locales",
        "nginx",
        "php8.4-fpm",
        "php8.4-pgsql",
        "postgresql",
        "zabbix-frontend-php",
        "zabbix-server-pgsql",
    ),
}
"""What machines need besides in a lab with monitoring."""

INSTALL_TIMEOUT = 900.0
"""Seconds for about 100 MB from a mirror, unpacked in an emulated guest."""


def wanted(role: MachineRole, *, monitoring: bool) -> tuple[str, ...]:
    """Return the packages that a machine of this role needs."""
    return (*PACKAGES[role], *(MONITORING[role] if monitoring else ()))


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

"""Zabbix is told through its API what to watch; `parts.monitoring` says what runs where."""

from __future__ import annotations

from collections.abc import Callable

from core.wait import retry
from machines.remote import Remote
from parts.all import Parts
from parts.monitoring import server
from parts.secrets import Secrets
from provisioning.zabbix.api import MonitoringUnreachable, PasswordRefused, session
from provisioning.zabbix.configuration import describe, ensure_configured


def description(parts: Parts, secrets: Secrets) -> str:
    """Return all that Zabbix is told through its API; empty in a lab without monitoring."""
    return "" if parts.inventory.monitoring is None else describe(parts, secrets)


def configure(
    remote: Remote, parts: Parts, secrets: Secrets, stopped: Callable[[], bool]
) -> tuple[str, ...]:
    """Make Zabbix watch the lab; return what was changed.

    Waits for an API that still starts. A password that somebody changed by hand is set again.
    `stopped` says that nobody waits for this any longer. Raises HalabError when it cannot be done.
    """
    try:
        return _configure(remote, parts, secrets, stopped)
    except PasswordRefused:
        # Whoever changed it by hand has changed what halab is asked to keep.
        set_passwords(remote, parts, secrets)
    return ("Zabbix's passwords set again", *_configure(remote, parts, secrets, stopped))


def _configure(
    remote: Remote, parts: Parts, secrets: Secrets, stopped: Callable[[], bool]
) -> tuple[str, ...]:
    def once() -> tuple[str, ...]:
        if stopped():
            return ()
        with session(remote, parts.inventory, secrets) as api:
            return ensure_configured(api, parts, secrets)

    return retry(
        once,
        MonitoringUnreachable,
        what="Zabbix takes its configuration",
        timeout=parts.inventory.timing.boot_wait_s,
    )


def set_passwords(remote: Remote, parts: Parts, secrets: Secrets) -> None:
    """Give the accounts their passwords, whatever they have; raises HalabError."""
    remote.run(
        f"set -eu\n{server.SET_PASSWORDS}",
        stdin=server.statements(secrets),
        timeout=60.0 * parts.inventory.timing.pace,
    )

"""Firewall rules put into force on trial: they stay only if halab can still connect."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from core.errors import CommandError, HalabError
from core.wait import WaitTimeout, retry, wait_until
from inventory.model import Inventory
from machines.remote import Remote, RemoteUnreachable
from parts.host import NOTES
from parts.system.firewall import NOTE, RULES, TRIAL
from provisioning.files import run_script

_RESTORED = "/run/halab/firewall.restored"

Connect = Callable[[], AbstractContextManager[Remote]]
"""Opens a connection that did not exist before the rules were changed."""


def apply_on_trial(
    inventory: Inventory, remote: Remote, connect: Connect, written: frozenset[str]
) -> tuple[str, ...]:
    """Put delivered rules into force, and keep them only if halab can still connect.

    The machine itself restores the old rules when no new connection confirms the new ones in time.
    Raises HalabError then, and CommandError when nft does not accept the rules.
    """
    if TRIAL not in written:
        return ()
    patience = inventory.timing.firewall_trial_s
    run_script(remote, "try_firewall.sh", TRIAL, str(patience))

    def confirm() -> None:
        with connect() as again:
            run_script(again, "confirm_firewall.sh", TRIAL, RULES, f"{NOTES}/{NOTE}")

    try:
        retry(
            confirm,
            RemoteUnreachable,
            what=f"{remote.name} answers with its new firewall rules",
            timeout=patience,
        )
    except (WaitTimeout, CommandError) as error:
        raise HalabError(
            f"{remote.name}: the new firewall rules shut halab out; {_fate(connect, patience)}",
            detail=error.detail,
            hint="compare [firewall] and the addresses in the inventory with where halab connects "
            f"from; the rules are in {TRIAL} on {remote.name}",
        ) from error
    return ("firewall rules in force",)


def _fate(connect: Connect, patience: float) -> str:
    """Wait until the machine has ended the trial by itself, and tell whether it has."""

    def ended() -> bool:
        with connect() as again:
            return again.run(f"test -e {_RESTORED}", check=False).status == 0

    try:
        wait_until(
            ended,
            bool,
            what="the old firewall rules are back",
            timeout=patience,
            retry_on=(RemoteUnreachable,),
        )
    except WaitTimeout:
        return "it does not answer with the old ones either"
    return "they were taken back"

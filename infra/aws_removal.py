"""Takes a lab away from AWS: by its mark, whatever Pulumi remembers of it."""

from __future__ import annotations

from collections.abc import Container

from core.saying import Say
from core.wait import wait_until
from infra.aws_account import Refused
from infra.aws_objects import Asked, Found, find

PATIENCE_S = 900
"""Seconds for all of it; instances take a minute or two to end, and more when they hang."""
INTERVAL_S = 5.0


def remove(account: Asked, mark: str, report: Say, spared: Container[str] = frozenset()) -> None:
    """Remove everything that bears a lab's mark, and look whether it is gone.

    What has an id that is `spared` stays.
    What is named by something else cannot go before that has gone, which AWS says a while later: so
    everything is tried again until nothing is left. Raises WaitTimeout, with what is left and why,
    when that does not come, and like `Account.ask` when AWS cannot be asked.
    """
    told: set[str] = set()

    def remove_once() -> list[str]:
        left = []
        for found in of(account, mark):
            if found.id in spared:
                continue
            if found.id not in told:
                report(f"removing the {found.kind.name} {found.name}")
                told.add(found.id)
            left.append(f"{found}{_try(account, found)}")
        return left

    wait_until(
        remove_once,
        lambda left: not left,
        what=f"removal of everything with the mark {mark} from AWS ({account.region})",
        timeout=PATIENCE_S,
        describe="\n".join,
        interval=INTERVAL_S,
        # AWS's lists lag behind, and what a killed run asked for may yet come true.
        successes=2,
        hint="run the command again; `./halab audit aws` lists what is there, which costs money",
    )


def of(account: Asked, mark: str) -> list[Found]:
    """Return what bears a lab's mark; raises like `Account.ask`."""
    return [found for found in find(account) if found.mark == mark]


def namesakes(account: Asked, lab: str, mark: str) -> list[Found]:
    """Return what has a lab's name and not its mark; raises like `Account.ask`."""
    return [found for found in find(account) if found.lab == lab and found.mark != mark]


def _try(account: Asked, found: Found) -> str:
    """Delete it; return why that was refused."""
    try:
        found.kind.delete(account, found)
    except Refused as refused:
        return f": {refused.message}"
    return ""

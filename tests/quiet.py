"""Waits until the monitoring of a running lab complains about nothing."""

from __future__ import annotations

from core.wait import wait_until
from inventory.model import Inventory
from status.problems import ProblemReader, clearing_s


def wait_for_quiet(reader: ProblemReader, inventory: Inventory) -> None:
    """Wait until every problem has ended; raises WaitTimeout that names those that have not."""
    wait_until(
        reader.read,
        lambda problems: not problems,
        what="every problem has ended",
        timeout=clearing_s(inventory),
        interval=3.0,
        describe=lambda problems: "; ".join(f"{each.host}: {each.name}" for each in problems),
    )

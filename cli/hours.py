"""Hours after which a lab that is paid for switches itself off."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.building import Prepared
from core.errors import HalabError
from core.folders import LabFolder
from inventory.record import CloudRecord, load_any, save
from labs.instances import Estimate, rate
from labs.model import Lab
from labs.tables.aws import Aws

MOST = 8760.0
"""A year."""
FEWEST = 0.5
"""A lab on AWS takes minutes to build: it would go off before it is of use."""


def end_after(hours: float | None, lab: Lab) -> datetime | None:
    """Return when a lab that is brought up now shall switch itself off; None where nobody says.

    Raises HalabError for a lab that nobody pays by the hour.
    """
    if hours is None:
        return None
    if math.isnan(hours):
        raise HalabError("--hours nan is no number of hours", hint=f"from {FEWEST} to {MOST:.0f}")
    if not isinstance(lab.platform, Aws):
        raise HalabError(
            f"lab {lab.name!r} costs nothing by the hour: --hours is for labs on AWS",
            hint="leave --hours out; `./halab down` ends the lab",
        )
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)


def until_of(folder: LabFolder) -> datetime | None:
    """Return when a lab that was begun shall switch itself off; None for never."""
    if folder.record.exists():
        with suppress(HalabError):
            record = load_any(folder)
            return record.until if isinstance(record, CloudRecord) else None
    return None


def check_end(folder: LabFolder, until: datetime | None) -> str | None:
    """Return what is to be said of a lab's end that stays; `until` is another that it gets.

    Raises HalabError when that is over: machines that are started would go off again.
    """
    kept = until_of(folder) if until is None else None
    if kept is None:
        return None
    if kept <= datetime.now(UTC):
        raise HalabError(
            f"lab {folder.name!r} has come to the end of its hours at {when(kept)}: machines that "
            "are started would switch themselves off again",
            hint=f"`./halab up {folder.name} --hours 8` goes on for so long, "
            f"`./halab down {folder.name}` removes it",
        )
    return f"it still switches itself off at {when(kept)}; `--hours` moves that"


def price(costs: Estimate, until: datetime) -> str:
    """Say what a lab costs until it switches itself off, and then."""
    hours = (until - datetime.now(UTC)) / timedelta(hours=1)
    return (
        f"it switches itself off at {when(until)}, which takes about "
        f"{hours * costs.usd_per_hour:.2f} USD until then; its disks and addresses go on costing "
        f"{rate(costs.while_running([]))}, until `down`"
    )


def when(moment: datetime) -> str:
    """Return a moment as a clock here shows it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def keep_end(prepared: Prepared[Any], until: datetime | None) -> Prepared[Any]:
    """Note a lab's new end for Pulumi's program and all later commands; None changes nothing."""
    if until is None:
        return prepared
    record = prepared.record.model_copy(update={"until": until})
    save(prepared.folder.record, record)
    return replace(prepared, record=record)

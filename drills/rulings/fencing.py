"""Who was fenced, by whose word, and in which order."""

from __future__ import annotations

import re

from drills.daemons import lost
from drills.findings import Findings
from drills.power import Event
from drills.rulings.base import Ruling, names
from drills.timeline import promotion


def fenced(found: Findings) -> Ruling:
    """Exactly those were fenced that had to be, and no fencing failed."""
    if found.after is None:
        return None, "the cluster could not be asked"
    new = found.after.fence_events - found.before.fence_events
    good = {event.target for event in new if event.status == "success"}
    bad = sorted(event.target for event in new if event.status != "success")
    said = f"the cluster has fenced {names(good)}"
    if bad:
        said += f"; fencing did not succeed for {', '.join(bad)}"
    return good == found.expected.fenced and not bad, said


def rebooted(found: Findings) -> Ruling:
    """Exactly those booted anew that had to, as their own boot ids say."""
    if found.after is None:
        return None, "the machines could not be asked"
    before, after = found.before.boots, found.after.boots
    nodes = {node.name for node in found.inventory.machines}
    if any(boots.get(name) is None for name in nodes for boots in (before, after)):
        return None, "a machine did not tell its boot id"
    new = {name for name in nodes if after[name] != before[name]}
    return new == found.expected.rebooted, f"booted anew: {names(new)}"


def reset(found: Findings) -> Ruling:
    """The same as the hypervisor saw it."""
    if found.events is None:
        return None, "the hypervisor's events were not recorded"
    resets = [event for event in found.events if event.is_reset]
    said = "; ".join(_say(event, found.injected) for event in resets) or "no reset"
    return {event.machine for event in resets} == found.expected.rebooted, said


def unharmed(found: Findings) -> Ruling:
    """Compare the daemons of all machines that the fault neither hits nor lets be fenced."""
    if found.after is None:
        return None, "the machines could not be asked"
    hit = {*found.targets, *found.expected.fenced, *found.expected.rebooted}
    bystanders = sorted({machine.name for machine in found.inventory.machines} - hit)
    before, after = found.before.daemons, found.after.daemons
    silent = [name for name in bystanders if not before.get(name) or name not in after]
    gone = [
        f"{name} lost {', '.join(programs)}"
        for name in bystanders
        if name not in silent and (programs := lost(before[name], after[name]))
    ]
    if gone:
        return False, "; ".join(gone)
    if silent:
        return None, f"daemons of {', '.join(silent)} could not be compared"
    if not bystanders:
        return True, "the fault hits everybody"
    told = ", ".join(f"{name}: {len(before[name])}" for name in bystanders)
    return True, f"the same processes as before ({told})"


def down_first(found: Findings) -> Ruling:
    """The hypervisor saw the victim end before the data were taken over."""
    if found.events is None:
        return None, "the hypervisor's events were not recorded"
    promoted, takeover = _takeover(found)
    if promoted is None:
        return None, takeover
    down = [
        event
        for event in found.events
        if event.stands_still and event.machine == found.source and event.at <= promoted
    ]
    if not down:
        return False, f"the hypervisor saw nothing happen to {found.source}; {takeover}"
    return True, f"{_say(down[0], found.injected)}; {takeover}"


def fenced_first(found: Findings) -> Ruling:
    """A survivor confirmed the fencing before the data were taken over."""
    promoted, takeover = _takeover(found)
    if promoted is None:
        return None, takeover
    survivors = [lines for name, lines in found.journals.items() if name != found.source and lines]
    pattern = rf"Operation '(?:reboot|off)' targeting {re.escape(found.source or '')} by .*: OK\b"
    times = [line.at for lines in survivors for line in lines if re.search(pattern, line.message)]
    if not times:
        return False, f"no survivor confirmed a fencing of {found.source}; {takeover}"
    said = f"confirmed {min(times) - found.injected:.1f} s after the fault; {takeover}"
    return min(times) <= promoted, said


def _takeover(found: Findings) -> tuple[float | None, str]:
    """Return when the data were taken over, and a sentence about it."""
    if found.holder is None:
        return None, "nobody serves"
    lines = found.journals.get(found.holder)
    if lines is None:
        return None, f"the journal of {found.holder} could not be read"
    at = promotion(lines, found.holder, found.injected)
    if at is None:
        return None, f"{found.holder} logged no promotion"
    return at, f"{found.holder} took over {at - found.injected:.1f} s after the fault"


def _say(event: Event, injected: float) -> str:
    what = f"{event.kind} {event.detail}".strip()
    return f"{event.machine}: {what} {event.at - injected:+.1f} s"

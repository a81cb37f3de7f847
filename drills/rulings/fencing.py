"""Who was fenced, by whose word, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable

from drills.daemons import lost
from drills.findings import Findings
from drills.power import Event
from drills.rulings.base import Ruling, names
from drills.situation import Fate
from drills.takeover import takeover
from drills.timeline import Line

BOOT = "Linux version "
"""With what Linux begins to log (init/main.c)."""

_SILENT = re.compile(r"Subdaemon ([\w-]+)\[\d+\] is unresponsive to IPC .* will now be killed")
"""What pacemakerd says of a daemon of its own that did not answer five times in a row, after which
the node resets itself (Pacemaker 3.0: daemons/pacemakerd/pcmkd_subdaemons.c, PCMK_fail_fast)."""


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
    """Exactly those booted anew that had to, as their own boot ids say, and none of them twice.

    How often is told by their journals, in which each boot begins with the kernel's own words.
    """
    if found.after is None:
        return None, "the machines could not be asked"
    before, after = found.before.boots, found.after.boots
    nodes = {node.name for node in found.inventory.machines}
    if any(boots.get(name) is None for name in nodes for boots in (before, after)):
        return None, "a machine did not tell its boot id"
    new = {name for name in nodes if after[name] != before[name]}
    told = {name: found.journals.get(name) or () for name in sorted(new)}
    again = {name for name, lines in told.items() if _boots(lines) > 1}
    said = f"booted anew: {names(new)}" + (f"; more than once: {names(again)}" if again else "")
    said += "".join(_starved(lines, name) for name, lines in told.items())
    return new == found.expected.rebooted and not again, said


def _starved(lines: Iterable[Line], node: str) -> str:
    """Word which of its own daemons a node's Pacemaker has given up, as on a host without time."""
    silent = {daemon for line in lines for daemon in _SILENT.findall(line.message)}
    if not silent:
        return ""
    who = names(silent)
    return f"; {node} gave up its own {who}, too slow to answer: does this host have time for all?"


def _boots(lines: Iterable[Line]) -> int:
    return sum(each.program == "kernel" and each.message.startswith(BOOT) for each in lines)


def reset(found: Findings) -> Ruling:
    """The same as the hypervisor saw it."""
    if found.events is None:
        return None, "the hypervisor's events were not recorded"
    resets = [event for event in found.events if event.is_reset]
    said = "; ".join(_say(event, found.injected) for event in resets) or "no reset"
    return {event.machine for event in resets} == found.expected.rebooted, said


def unharmed(found: Findings) -> Ruling:
    """Compare the daemons of all machines that the fault neither hits nor lets be fenced.

    Where another is fenced than the one it is aimed at, that one lives on. A fault that stops all
    nodes stops their daemons too.
    """
    if found.after is None:
        return None, "the machines could not be asked"
    stopped = found.targets if found.expected.fate is Fate.RETURNS else ()
    hit = {*stopped, *found.struck}
    bystanders = sorted({machine.name for machine in found.inventory.machines} - hit)
    before, after = found.before.daemons, found.after.daemons
    # A monitor without the quorum device has none of them; a node without any is no node.
    nodes = {node.name for node in found.inventory.nodes}
    silent = [
        name
        for name in bystanders
        if name not in before or name not in after or (name in nodes and not before[name])
    ]
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
    """The hypervisor saw each victim end before the service was taken over."""
    if found.events is None:
        return None, "the hypervisor's events were not recorded"
    at, taken = _takeover(found)
    if at is None:
        return None, taken
    down = {
        name: [
            event
            for event in found.events
            if event.stands_still and event.machine == name and event.at <= at
        ]
        for name in sorted(found.expected.fenced)
    }
    unseen = [name for name, events in down.items() if not events]
    if unseen:
        return False, f"the hypervisor saw nothing happen to {', '.join(unseen)}; {taken}"
    said = "; ".join(_say(events[0], found.injected) for events in down.values())
    return True, f"{said}; {taken}"


def fenced_first(found: Findings) -> Ruling:
    """A survivor confirmed each fencing before the service was taken over."""
    at, taken = _takeover(found)
    if at is None:
        return None, taken
    fenced = found.expected.fenced
    lines = [
        line for name, told in found.journals.items() if name not in fenced for line in told or ()
    ]
    confirmed = []
    for victim in sorted(fenced):
        pattern = rf"Operation '(?:reboot|off)' targeting {re.escape(victim)} by .*: OK\b"
        times = [line.at for line in lines if re.search(pattern, line.message)]
        if not times:
            return False, f"no survivor confirmed a fencing of {victim}; {taken}"
        confirmed.append(min(times))
    said = f"confirmed {max(confirmed) - found.injected:.1f} s after the fault; {taken}"
    return max(confirmed) <= at, said


def _takeover(found: Findings) -> tuple[float | None, str]:
    """Return when the service was taken over, and a sentence about it."""
    taken = takeover(found)
    if taken is None:
        return None, "no survivor logged that it takes over"
    return taken.at, f"{taken.node} took over {taken.at - found.injected:.1f} s after the fault"


def _say(event: Event, injected: float) -> str:
    what = f"{event.kind} {event.detail}".strip()
    return f"{event.machine}: {what} {event.at - injected:+.1f} s"

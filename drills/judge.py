"""The judge: what witnesses saw in, answers out. Pure; the same for every fault.

No answer rests on the cluster's word alone where somebody independent can be asked. What could not
be told is unknown, and unknown never passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from shlex import quote

from drills.daemons import lost
from drills.expectations import Fate
from drills.findings import Findings
from drills.ledger import compare
from drills.news import BAD_NEWS, find_bad_news
from drills.power import Event
from drills.probes import worst_outage
from drills.result import Answer, Check
from drills.timeline import promotion
from status.problems import Alarm

BEFORE_FAULT_S = 5.0
"""The outage is looked for from this long before the fault: clocks and probes are not exact."""

ABOUT_THE_FENCED = frozenset({Alarm.NODE_LOST, Alarm.FENCED})
"""Alarms that name a node: raised for another one than was fenced, they are a lie."""

Ruling = tuple[bool | None, str]
"""Whether it holds (None: could not be told), and the evidence."""


def judge(findings: Findings, keep: str = "") -> tuple[Check, ...]:
    """Answer every question that applies to this drill.

    `keep` names the folder of the drill's files, for the commands that show the evidence.
    """
    see, expected = _See(findings.inventory.lab, keep), findings.expected
    checks = [
        _check(
            f"Was no gap longer than the {expected.outage_s:.1f} s that are allowed?",
            _outage,
            findings,
            see.file(".json", "attempts"),
        ),
        _check(_fate_question(findings), _fate, findings, see.halab("status")),
        _check(
            f"Was fenced, with success: {_names(expected.fenced)}?",
            _fenced,
            findings,
            see.node(findings, "crm_mon -1 --fence-history=3"),
        ),
        _check(
            f"Has booted anew: {_names(expected.rebooted)}?",
            _rebooted,
            findings,
            see.node(findings, "journalctl --list-boots"),
        ),
        _check(
            f"Did the hypervisor see a reset of exactly: {_names(expected.rebooted)}?",
            _reset,
            findings,
            see.file(".events.txt"),
        ),
    ]
    checks.append(
        _check(
            "Has nobody but whom the fault hits lost a daemon?",
            _unharmed,
            findings,
            see.node(findings, "journalctl --unit corosync --unit pacemaker --unit sbd"),
        )
    )
    if expected.fate is Fate.MOVES and expected.fenced:
        checks += [
            _check(
                "Was the victim really down, as the hypervisor saw it, before the takeover?",
                _down_first,
                findings,
                see.file(".events.txt"),
            ),
            _check(
                "Was fencing confirmed before the takeover?",
                _fenced_first,
                findings,
                see.node(findings, "journalctl --unit pacemaker"),
            ),
        ]
    checks += [
        _check(
            _holder_question(expected.double_s),
            _one_holder,
            findings,
            see.file(".json", "attempts"),
        ),
        _check(
            "Is every acknowledged write there, exactly once and in order?",
            _ledger,
            findings,
            see.file(".json", "attempts"),
        ),
    ]
    if expected.writes_refused:
        checks.append(_check("Were writes refused, not lost?", _refused, findings, None))
    if findings.proved:
        checks.append(_check("Was the fault really there?", _proof, findings, None))
    checks += [
        _check(
            f"Did status complain of: {pattern}?",
            partial(_complained, pattern),
            findings,
            see.halab("status"),
        )
        for pattern in expected.reasons
    ]
    if findings.inventory.monitoring is not None:
        checks += [
            _check(
                f"Did the monitoring raise: {alarm}?",
                partial(_raised, alarm),
                findings,
                see.file(".json", "marks"),
            )
            for alarm in sorted(expected.alarms)
        ]
        checks.append(
            _check("Has every problem ended?", _no_problem, findings, see.halab("status"))
        )
    checks += [
        _check("Is the lab healthy again?", _healthy, findings, see.halab("status")),
        _check(
            "Do the nodes hold the same configuration, and rest?",
            _at_rest,
            findings,
            see.node(findings, "cibadmin --query --local"),
        ),
        _check(
            "Are the journals of all machines free of bad news?",
            _news,
            findings,
            see.node(findings, f"journalctl --since @{findings.injected:.0f}"),
        ),
    ]
    if expected.verify:
        checks.append(
            _check(
                "Are both disks equal, block by block?",
                _disks,
                findings,
                see.node(findings, "drbdadm verify r0; sleep 60; cat /proc/drbd"),
            )
        )
    return tuple(checks)


class _See:
    """Words the commands by which a person sees the evidence."""

    def __init__(self, lab: str, keep: str) -> None:
        self._lab = lab
        self._keep = keep

    def halab(self, verb: str) -> str:
        return f"./halab {verb} {self._lab}"

    def node(self, findings: Findings, command: str) -> str:
        name = findings.holder or findings.inventory.nodes[0].name
        return f"./halab ssh {self._lab} {name} -- '{command}'"

    def file(self, suffix: str, key: str | None = None) -> str | None:
        if not self._keep:
            return None
        path = quote(f"{self._keep}{suffix}")
        return f"jq .{key} {path}" if key else f"cat {path}"


def _check(
    question: str, rule: Callable[[Findings], Ruling], findings: Findings, command: str | None
) -> Check:
    try:
        holds, evidence = rule(findings)
    except (ValueError, KeyError) as error:
        holds, evidence = None, f"it could not be judged: {error}"
    answer = {True: Answer.PASS, False: Answer.FAIL, None: Answer.UNKNOWN}[holds]
    return Check(question=question, answer=answer, evidence=evidence, command=command)


def _outage(found: Findings) -> Ruling:
    outage = worst_outage(found.attempts, found.injected - BEFORE_FAULT_S)
    allowed = found.expected.outage_s
    said = f"the longest gap between two answers was {outage.seconds:.1f} s of {allowed:.1f} s"
    probes = [a for a in found.attempts if a.kind == "probe"]
    if not probes[-1].ok:
        return False, f"the service did not answer at the end; {said}"
    return outage.seconds <= allowed, said


def _fate_question(found: Findings) -> str:
    return {
        Fate.STAYS: f"Is the service where it was, on {found.source}?",
        Fate.MOVES: f"Has the service left {found.source}?",
        Fate.RETURNS: "Is the service back?",
    }[found.expected.fate]


def _fate(found: Findings) -> Ruling:
    was, now = found.source, found.holder
    said = f"it was on {was}, it is on {now}"
    if now is None or was is None:
        return (False if found.after is not None and now is None else None), said
    wanted = {Fate.STAYS: was == now, Fate.MOVES: was != now, Fate.RETURNS: True}
    return wanted[found.expected.fate], said


def _fenced(found: Findings) -> Ruling:
    if found.after is None:
        return None, "the cluster could not be asked"
    new = found.after.fence_events - found.before.fence_events
    good = {event.target for event in new if event.status == "success"}
    bad = sorted(event.target for event in new if event.status != "success")
    said = f"the cluster has fenced {_names(good)}"
    if bad:
        said += f"; fencing did not succeed for {', '.join(bad)}"
    return good == found.expected.fenced and not bad, said


def _rebooted(found: Findings) -> Ruling:
    if found.after is None:
        return None, "the machines could not be asked"
    before, after = found.before.boots, found.after.boots
    nodes = {node.name for node in found.inventory.machines}
    if any(boots.get(name) is None for name in nodes for boots in (before, after)):
        return None, "a machine did not tell its boot id"
    new = {name for name in nodes if after[name] != before[name]}
    return new == found.expected.rebooted, f"booted anew: {_names(new)}"


def _reset(found: Findings) -> Ruling:
    if found.events is None:
        return None, "the hypervisor's events were not recorded"
    resets = [event for event in found.events if event.is_reset]
    said = "; ".join(_say(event, found.injected) for event in resets) or "no reset"
    return {event.machine for event in resets} == found.expected.rebooted, said


def _unharmed(found: Findings) -> Ruling:
    """Compare the daemons of all machines that the fault neither hits nor lets be fenced."""
    if found.after is None:
        return None, "the machines could not be asked"
    hit = {*found.targets, *found.expected.fenced, *found.expected.rebooted}
    names = sorted({machine.name for machine in found.inventory.machines} - hit)
    before, after = found.before.daemons, found.after.daemons
    silent = [name for name in names if not before.get(name) or name not in after]
    gone = [
        f"{name} lost {', '.join(programs)}"
        for name in names
        if name not in silent and (programs := lost(before[name], after[name]))
    ]
    if gone:
        return False, "; ".join(gone)
    if silent:
        return None, f"daemons of {', '.join(silent)} could not be compared"
    told = ", ".join(f"{name}: {len(before[name])}" for name in names)
    return True, f"the same processes as before ({told})" if names else "the fault hits everybody"


def _down_first(found: Findings) -> Ruling:
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


def _fenced_first(found: Findings) -> Ruling:
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


def _holder_question(double_s: float) -> str:
    if not double_s:
        return "Did never two machines answer for the service address?"
    return f"Did two machines answer for the service address for less than {double_s:.1f} s?"


def _one_holder(found: Findings) -> Ruling:
    if not found.sightings:
        return None, "nobody asked by ARP"
    double = [s for s in found.sightings if len(s.hardware) > 1]
    answered = sum(len(s.hardware) == 1 for s in found.sightings)
    if double:
        who = ", ".join(double[0].hardware)
        first, last = (s.wall - found.injected for s in (double[0], double[-1]))
        said = f"{len(double)} times more than one did, {first:.1f} to {last:.1f} s in: {who}"
        return last - first < found.expected.double_s, said
    said = f"asked {len(found.sightings)} times by ARP, one machine answered {answered} times"
    return (bool(found.sightings[-1].hardware) or None), said


def _ledger(found: Findings) -> Ruling:
    if found.entries is None:
        return None, "the ledger could not be read"
    books = compare(found.attempts, found.entries, clocks_agree=found.expected.clocks_agree)
    return (books.complete if books.acknowledged else None), str(books)


def _refused(found: Findings) -> Ruling:
    writes = [
        a
        for a in found.attempts
        if a.kind == "write" and found.injected <= a.wall <= found.healed and not a.ok
    ]
    said = f"{len(writes)} writes were refused" + (f" ({writes[0].error})" if writes else "")
    return bool(writes), said


def _proof(found: Findings) -> Ruling:
    if found.proof is None:
        return None, "nobody could tell"
    return bool(found.proof), found.proof or "nothing shows it"


def _complained(pattern: str, found: Findings) -> Ruling:
    matching = sorted(reason for reason in found.seen if re.search(pattern, reason))
    if matching:
        return True, matching[0]
    return False, f"it said: {'; '.join(sorted(found.seen)) or 'nothing'}"


def _raised(alarm: Alarm, found: Findings) -> Ruling:
    if found.reports is None:
        return None, "the monitoring does not answer"
    raised = [report for report in found.reports if report.raised]
    matching = [report for report in raised if report.alarm is alarm]
    if matching:
        first = matching[0]
        took = first.at - found.injected
        said = f"{first.host}: {first.name}, {took:.1f} s after the fault"
        hosts = {report.host for report in matching}
        if alarm in ABOUT_THE_FENCED and hosts != found.expected.fenced:
            return False, f"raised for {_names(hosts)}: {said}"
        return True, said
    said = "; ".join(dict.fromkeys(report.name for report in raised))
    return False, f"it raised: {said or 'nothing'}"


def _no_problem(found: Findings) -> Ruling:
    if found.problems is None:
        return None, "the monitoring does not answer"
    said = "; ".join(f"{problem.host}: {problem.name}" for problem in found.problems)
    return not found.problems, said or "none is open"


def _healthy(found: Findings) -> Ruling:
    if found.trouble is None:
        return None, "nobody looked"
    return not found.trouble, found.trouble or "nothing is wrong any more"


def _at_rest(found: Findings) -> Ruling:
    states = found.configurations
    if not states or any(len(state.split()) != 2 for state in states.values()):
        return None, f"not every node answered: {states or 'none did'}"
    return at_rest(states), ", ".join(f"{name}: {state}" for name, state in states.items())


def at_rest(states: Mapping[str, str]) -> bool:
    """Tell whether all nodes hold one CIB and nobody has anything to do."""
    digests = {state.split()[0] for state in states.values()}
    controllers = sorted(state.split()[1] for state in states.values())
    idle = ["S_IDLE", *["S_NOT_DC"] * (len(states) - 1)]
    return len(digests) == 1 and controllers == idle


def _news(found: Findings) -> Ruling:
    silent = sorted(name for name, lines in found.journals.items() if lines is None)
    patterns = {n: p for n, p in BAD_NEWS.items() if n not in found.expected.allowed_news}
    bad = [
        f"{name} on {machine}: {message}"
        for machine, lines in found.journals.items()
        for name, message in find_bad_news(lines or (), patterns)
    ]
    if bad:
        return False, "; ".join(bad[:5])
    if silent:
        return None, f"no journal from {', '.join(silent)}"
    total = sum(len(lines or ()) for lines in found.journals.values())
    return True, f"{total} lines of {len(found.journals)} machines"


def _disks(found: Findings) -> Ruling:
    if found.out_of_sync is None:
        return None, "the disks were not compared"
    said = ", ".join(f"{name}: {kib} KiB differ" for name, kib in found.out_of_sync.items())
    if len(found.out_of_sync) < len(found.inventory.nodes):
        return None, said
    return not any(found.out_of_sync.values()), said


def _say(event: Event, injected: float) -> str:
    what = f"{event.kind} {event.detail}".strip()
    return f"{event.machine}: {what} {event.at - injected:+.1f} s"


def _names(machines: Collection[str]) -> str:
    return ", ".join(sorted(machines)) or "nobody"

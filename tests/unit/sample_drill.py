"""Drills as they really go, and as they might go wrong, for tests of what is made of their results.

The numbers of `power_off` are those of a two-node lab in software emulation whose active node loses
its power: client outage 33.4 s, of it 6.6 s detection, 1.6 s decision, 13.8 s fencing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from drills.probes import Attempt, Outage
from drills.result import Answer, Check, DrillResult, MachineSheet, Mark, MarkKind, Phase
from labs.roles import MachineRole, NetworkRole
from parts.budget import budget
from tests.unit.sketched import sketched

FAULT_AT = 1795482693.1
"""Seconds since 1970: 2026-11-24T01:11:33 UTC."""

BUDGET = budget(sketched("slow", platform={"pace": "emulation"}).first_service)
ADDRESS = "10.30.0.100"
HOSTILE = (
    "</script><img src=\"https://evil.example/x.png\"><b onclick='a()'>&amp; $x^2$ \x1b[31m\x00"
)
"""What a console or a journal may hold at worst."""

_LAST_ANSWER, _FIRST_ANSWER = 0.15, 33.55

_MARKS: tuple[tuple[float, str, MarkKind, str], ...] = (
    (0.0, "node1", MarkKind.FAULT, "power off"),
    (0.1, "node1", MarkKind.HYPERVISOR, "lifecycle Stopped Destroyed"),
    (2.6, "node2", MarkKind.MEMBERSHIP, "token not received in 2250 ms"),
    (3.3, "node2", MarkKind.MEMBERSHIP, "token lost, waits 3600 ms for consensus"),
    (6.75, "node2", MarkKind.MEMBERSHIP, "new membership, node1 left"),
    (7.9, "node2", MarkKind.MEMBERSHIP, "quorum device votes for node2"),
    (8.35, "node2", MarkKind.FENCING, "asks for fencing of node1"),
    (10.3, "node2", MarkKind.FENCING, "writes reset into node1's slot"),
    (22.1, "node2", MarkKind.FENCING, "fencing of node1 confirmed"),
    (23.9, "node2", MarkKind.REPLICATION, "fence-peer handler: peer is fenced"),
    (25.8, "node2", MarkKind.REPLICATION, "drbd promoted"),
    (28.9, "node2", MarkKind.RESOURCE, "filesystem started"),
    (31.3, "node2", MarkKind.RESOURCE, "web started"),
    (33.1, "node2", MarkKind.RESOURCE, "address started"),
    (4.4, "monitor", MarkKind.PROBLEM, "Zabbix: node1 does not answer"),
    (7.6, "monitor", MarkKind.MEMBERSHIP, "quorum device gives its vote to node2"),
    (33.55, "monitor", MarkKind.RESOURCE, "the service answers again"),
    (46.0, "node1", MarkKind.HEAL, "power on"),
    (46.2, "node1", MarkKind.HYPERVISOR, "lifecycle Started Booted"),
    (96.5, "node1", MarkKind.MEMBERSHIP, "joins node2"),
    (96.9, "node2", MarkKind.MEMBERSHIP, "new membership, node1 joined"),
    (108.0, "node2", MarkKind.REPLICATION, "resync of 1840 KiB begins"),
    (112.4, "node1", MarkKind.REPLICATION, "UpToDate"),
    (113.0, "node2", MarkKind.REPLICATION, "ban of node1 removed"),
    (118.0, "monitor", MarkKind.PROBLEM, "Zabbix: node1 answers again"),
)

_CHECKS: tuple[Check, ...] = (
    Check(
        question="Is the outage within its budget?",
        answer=Answer.PASS,
        evidence=f"33.4 s of {BUDGET.total_s:.1f} s",
        command="./halab drill active-passive power-off --target active --seed 4711",
    ),
    Check(
        question="Did the hypervisor see node1 reset?",
        answer=Answer.PASS,
        evidence="lifecycle Stopped Destroyed, 8.3 s before the survivor asked for fencing",
        command="./halab hypervisor active-passive -- virsh event --all --loop --timestamp",
    ),
    Check(
        question="Was fencing confirmed before the promotion?",
        answer=Answer.PASS,
        evidence="fenced at 22.1 s, promoted at 25.8 s",
        command=(
            "./halab ssh active-passive node2 -- journalctl --output short-unix --unit pacemaker"
            " | grep -E 'terminated|promote operation'"
        ),
    ),
    Check(
        question="Was node1, and nobody else, fenced?",
        answer=Answer.PASS,
        evidence="fenced: node1",
        command="./halab ssh active-passive node2 -- stonith_admin --history '*'",
    ),
    Check(
        question="Is every acknowledged write there, once and unaltered?",
        answer=Answer.PASS,
        evidence="all 203 acknowledged writes are there; 1 more without a promise",
        command=(
            "./halab ssh active-passive node2 -- 'cd /srv/data/www/ledger && sha256sum 5c1e77a0-*'"
        ),
    ),
    Check(
        question="Does one machine answer for 10.30.0.100?",
        answer=Answer.PASS,
        evidence="answers come from 52:54:00:1e:00:02",
        command="./halab ssh active-passive monitor -- arping -c 3 -I svc 10.30.0.100",
    ),
    Check(
        question="Are both disks equal?",
        answer=Answer.PASS,
        evidence="node1: 0 KiB differ, node2: 0 KiB differ",
        command="./halab ssh active-passive node2 -- drbdadm verify r0",
    ),
    Check(
        question="Do the nodes agree and rest?",
        answer=Answer.PASS,
        evidence="node1: 7be1f0 S_NOT_DC, node2: 7be1f0 S_IDLE",
        command="./halab ssh active-passive node1 -- crmadmin --status node2",
    ),
    Check(
        question="Are the journals free of bad news?",
        answer=Answer.PASS,
        evidence="nothing of: split brain, data at risk, I/O error, kernel trouble, out of memory",
    ),
    Check(question="Is the lab healthy again?", answer=Answer.PASS, evidence="after 118.6 s"),
)


def machines() -> tuple[MachineSheet, ...]:
    return (
        _machine("node1", 1, MachineRole.NODE, before=True, hit=True),
        _machine("node2", 2, MachineRole.NODE, after=True),
        _machine("monitor", 3, MachineRole.MONITOR),
    )


def power_off(seed: int = 4711, shift: float = 0.0) -> DrillResult:
    """The active node loses its power; everything goes as it should. `shift` moves all times."""
    zero = FAULT_AT + shift
    edges = (_LAST_ANSWER, 6.75, 8.35, 22.1, 25.8, _FIRST_ANSWER)
    shares = {
        "detection": BUDGET.detection_s,
        "decision": BUDGET.decision_s,
        "fencing": BUDGET.fencing_s,
        "promotion": BUDGET.promotion_s,
        "start": BUDGET.start_s + BUDGET.probe_s,
    }
    return DrillResult(
        lab="active-passive",
        fault="power-off",
        title="Power off the active node",
        teaches=(
            "A node that falls silent may still be writing. The survivor must not touch the data "
            "before it knows that the other is gone: it loses its peer's token, asks the quorum "
            "device, fences the peer through the shared disk, and only then takes over."
        ),
        targets=("node1",),
        seed=seed,
        replay=f"./halab drill active-passive power-off --target active --seed {seed}",
        platform="libvirt (private)",
        accelerated=False,
        began=zero - 12.0,
        injected=zero,
        healed=zero + 46.0,
        recovered=zero + 118.6,
        ended=zero + 131.0,
        service_url="http://10.30.0.100/",
        budget_s=BUDGET.total_s,
        outage=Outage(
            _FIRST_ANSWER - _LAST_ANSWER, zero + _LAST_ANSWER, zero + _FIRST_ANSWER, ADDRESS
        ),
        phases=tuple(
            Phase(name=name, began=zero + begin, ended=zero + end, allowed_s=allowed)
            for (name, allowed), begin, end in zip(
                shares.items(), edges[:-1], edges[1:], strict=True
            )
        ),
        marks=tuple(
            Mark(at=zero + at, machine=machine, kind=kind, text=text)
            for at, machine, kind, text in _MARKS
        ),
        attempts=(*_probes(zero), *_writes(zero)),
        checks=_CHECKS,
        machines=machines(),
        environment={
            "halab": "0.1.0",
            "Pulumi": "3.259.0",
            "QEMU": "10.0.2",
            "libvirt": "11.3.0",
            "guest": "Debian 13.2, Linux 6.12.57+deb13-cloud-amd64",
            "Pacemaker": "3.0.0",
            "Corosync": "3.1.9",
            "SBD": "1.5.2",
            "DRBD": "8.4.11",
            "token": "3000 ms",
            "SBD watchdog, msgwait": "5 s, 10 s",
            "host": "2 cores, software emulation",
        },
    )


def lost_writes() -> DrillResult:
    """The same with two writes gone, a question that nobody could answer, a phase nobody logged."""
    good = power_off(seed=815, shift=600)
    changed = {
        "Is every acknowledged write there, once and unaltered?": (
            Answer.FAIL,
            "of 203 acknowledged writes 2 are missing (5c1e77a0-000031, 5c1e77a0-000032) "
            "and 0 are altered (-)",
        ),
        "Was fencing confirmed before the promotion?": (
            Answer.UNKNOWN,
            "fenced at None, promoted at 25.8 s",
        ),
    }
    checks = tuple(
        Check(
            question=check.question,
            answer=changed.get(check.question, (check.answer, ""))[0],
            evidence=changed.get(check.question, (check.answer, check.evidence))[1],
            command=check.command,
        )
        for check in good.checks
    )
    phases = tuple(
        phase.model_copy(update={"ended": None})
        if phase.name == "fencing"
        else phase.model_copy(update={"began": None})
        if phase.name == "promotion"
        else phase
        for phase in good.phases
    )
    return good.model_copy(update={"checks": checks, "phases": phases})


def too_slow() -> DrillResult:
    """An outage far beyond its budget."""
    good = power_off(seed=7)
    late = Check(
        question="Is the outage within its budget?",
        answer=Answer.FAIL,
        evidence="33.4 s of 20.0 s",
    )
    return good.model_copy(update={"budget_s": 20.0, "checks": (late, *good.checks[1:])})


def link_down() -> DrillResult:
    """One cluster link is down for a while: no client notices, no phase takes place."""
    good = power_off(seed=23, shift=1200)
    zero = good.injected or 0.0
    marks = (
        Mark(at=zero, machine="node1", kind=MarkKind.FAULT, text="link a down"),
        Mark(at=zero + 1.6, machine="node1", kind=MarkKind.MEMBERSHIP, text="knet: link 0 down"),
        Mark(at=zero + 1.7, machine="node2", kind=MarkKind.MEMBERSHIP, text="knet: link 0 down"),
        Mark(at=zero + 20, machine="node1", kind=MarkKind.HEAL, text="link a up"),
        Mark(at=zero + 21.1, machine="node1", kind=MarkKind.MEMBERSHIP, text="knet: link 0 up"),
    )
    return good.model_copy(
        update={
            "fault": "link-a-down",
            "title": "Take one of the two cluster links down",
            "teaches": "Membership and replication each have two paths; one may go at any time.",
            "replay": "./halab drill active-passive link-a-down --target node1 --seed 23",
            "healed": zero + 20,
            "recovered": zero + 24,
            "ended": zero + 30,
            "outage": Outage(0.24, zero + 3.0, zero + 3.24, ADDRESS),
            "phases": (),
            "marks": marks,
            "attempts": tuple(_healthy(zero - 12, zero + 30)),
            "checks": (
                Check(question="Was nobody fenced?", answer=Answer.PASS, evidence="fenced: nobody"),
            ),
            "machines": (
                _machine("node1", 1, MachineRole.NODE, before=True, after=True, hit=True),
                _machine("node2", 2, MachineRole.NODE),
                _machine("monitor", 3, MachineRole.MONITOR),
            ),
        }
    )


def interrupted() -> DrillResult:
    """Stopped before the fault: nothing was measured, nothing was asked."""
    good = power_off(seed=99, shift=1800)
    return good.model_copy(
        update={
            "injected": None,
            "healed": None,
            "recovered": None,
            "ended": good.began + 4,
            "outage": None,
            "phases": (),
            "marks": (),
            "attempts": (),
            "checks": (),
            "machines": (),
            "environment": {},
        }
    )


def hostile() -> DrillResult:
    """Every text that comes from machines or people tries to break out of the page."""
    good = power_off(seed=13)
    return good.model_copy(
        update={
            "lab": HOSTILE,
            "fault": HOSTILE,
            "title": HOSTILE,
            "teaches": HOSTILE,
            "targets": (HOSTILE,),
            "replay": HOSTILE,
            "platform": HOSTILE,
            "service_url": HOSTILE,
            "phases": tuple(p.model_copy(update={"name": HOSTILE}) for p in good.phases),
            "marks": tuple(
                m.model_copy(update={"text": HOSTILE, "machine": HOSTILE}) for m in good.marks
            ),
            "checks": (
                Check(question=HOSTILE, answer=Answer.PASS, evidence=HOSTILE, command=HOSTILE),
            ),
            "machines": tuple(m.model_copy(update={"name": HOSTILE}) for m in good.machines),
            "environment": {HOSTILE: HOSTILE},
        }
    )


def _machine(
    name: str,
    number: int,
    role: MachineRole,
    *,
    before: bool = False,
    after: bool = False,
    hit: bool = False,
) -> MachineSheet:
    addresses = {
        NetworkRole.MANAGEMENT: f"10.10.0.{number}",
        NetworkRole.CLUSTER_A: f"10.20.1.{number}",
        NetworkRole.CLUSTER_B: f"10.20.2.{number}",
        NetworkRole.SERVICE: f"10.30.0.{number}",
        NetworkRole.REPLICATION: f"10.40.0.{number}",
    }
    if role is MachineRole.MONITOR:
        outside = (NetworkRole.MANAGEMENT, NetworkRole.SERVICE)
        addresses = {network: addresses[network] for network in outside}
    return MachineSheet(
        name=name,
        role=role,
        addresses=addresses,
        active_before=before,
        active_after=after,
        hit=hit,
    )


def _probes(zero: float) -> Iterator[Attempt]:
    """Five a second; during the outage each one waits for its timeout of 0.8 s."""
    at, number = -12.0, 0
    while at < 131.0:
        number += 1
        down = _LAST_ANSWER <= at < _FIRST_ANSWER - 0.1
        took = 0.8 if down else _latency(number)
        error = "TimeoutError" if down else "200"
        begun, wall = 5000 + at, zero + at + took
        yield Attempt("probe", ADDRESS, not down, begun, begun + took, wall, error)
        at += max(0.2, took)


def _healthy(begin: float, end: float) -> Iterator[Attempt]:
    number, at = 0, begin
    while at < end:
        number += 1
        took = _latency(number)
        yield Attempt("probe", ADDRESS, True, at, at + took, at + took, "200")
        at += 0.2


def _writes(zero: float) -> Iterable[Attempt]:
    """Two a second; the one that the outage hits and those within it wait for 5 s and fail."""
    at, number = -12.0, 0
    while at < 131.0:
        number += 1
        down = _LAST_ANSWER <= at < _FIRST_ANSWER - 4
        took = 5.0 if down else 0.03 + 2 * _latency(number + 7)
        if _FIRST_ANSWER - 4 <= at < _FIRST_ANSWER:
            took = _FIRST_ANSWER - at + 0.3
        entry = f"5c1e77a0-{number:06d}"
        yield Attempt(
            kind="write",
            address=ADDRESS,
            ok=not down,
            begun=5000 + at,
            ended=5000 + at + took,
            wall=zero + at + took,
            error="TimeoutError" if down else "201",
            entry=entry,
            sha256=hashlib.sha256(entry.encode()).hexdigest(),
        )
        at += max(0.5, took)


def _latency(number: int) -> float:
    """Between 9 and 60 ms, with a slow one now and then; the same at every run."""
    return 0.009 + (number * 37 % 23) / 900 + (0.12 if number % 41 == 0 else 0.0)

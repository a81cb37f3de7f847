"""What has to hold after a fault. Each audit asks the machines, not only the cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.wait import WaitTimeout, wait_until
from drills.ledger import Books
from drills.power import Event
from drills.probes import answering_hardware
from drills.timeline import Timeline
from drills.verdicts import Verdict, ask
from inventory.model import Inventory, Machine
from provisioning.remote import Remote
from status.collect import Observer
from status.health import wait_healthy
from status.model import LabStatus
from status.pacemaker import FenceEvent


@dataclass(frozen=True)
class Snapshot:
    """What an audit compares with: the lab before the fault."""

    status: LabStatus
    fence_events: frozenset[FenceEvent]

    @property
    def boots(self) -> dict[str, str | None]:
        """Boot ids by machine."""
        return {node.name: node.boot_id for node in self.status.nodes}


def snapshot(inventory: Inventory) -> Snapshot:
    """Read the lab as it is now; a busy machine may take a second attempt to answer.

    Raises WaitTimeout when a machine stays silent.
    """
    with Observer(inventory) as observer:
        status, readings = wait_until(
            observer.read_both,
            lambda both: all(node.boot_id for node in both[0].nodes),
            what="all machines to answer",
            timeout=inventory.timing.stop_wait_s,
            describe=lambda both: both[0].summary(),
        )
    events = readings.cluster.fence_events if readings.cluster else ()
    return Snapshot(status, frozenset(events))


def healthy(inventory: Inventory) -> Verdict:
    """Quorum, links, votes, one of everything, replication in sync, nothing failed or banned."""

    def answer() -> tuple[bool, str]:
        try:
            wait_healthy(inventory, inventory.timing.stop_wait_s)
        except WaitTimeout as error:
            return False, str(error.detail)
        return True, ""

    return ask("is the lab healthy", answer)


def one_answer(inventory: Inventory) -> Verdict:
    """From outside the cluster, exactly one network card answers for the service address."""

    def answer() -> tuple[bool, str]:
        found = answering_hardware(inventory)
        return len(found) == 1, f"answers come from {', '.join(found) or 'nobody'}"

    return ask(f"does one machine answer for {inventory.service.address.ip}", answer)


def fenced_only(victims: Collection[str], before: Snapshot, after: Snapshot) -> Verdict:
    """The victims, and nobody else, were fenced with success since then."""

    def answer() -> tuple[bool, str]:
        new = after.fence_events - before.fence_events
        good = {event.target for event in new if event.status == "success"}
        bad = sorted(event.target for event in new if event.status != "success")
        said = f"fenced: {', '.join(sorted(good)) or 'nobody'}"
        if bad:
            said += f"; fencing did not succeed for {', '.join(bad)}"
        return good == set(victims) and not bad, said

    return ask(f"was fenced: {_names(victims)}", answer)


def rebooted_only(victims: Collection[str], before: Snapshot, after: Snapshot) -> Verdict:
    """The victims, and nobody else, have booted anew."""

    def answer() -> tuple[bool | None, str]:
        if None in before.boots.values() or None in after.boots.values():
            return None, "a machine did not tell its boot id"
        new = {name for name, boot in after.boots.items() if boot != before.boots[name]}
        return new == set(victims), f"booted anew: {_names(new)}"

    return ask(f"has booted anew: {_names(victims)}", answer)


def stayed(before: Snapshot, after: Snapshot) -> Verdict:
    """The service runs where it ran."""

    def answer() -> tuple[bool | None, str]:
        was, now = before.status.active, after.status.active
        return None if None in (was, now) else was == now, f"it was on {was}, it is on {now}"

    return ask("is the service where it was", answer)


def moved(source: str, after: Snapshot) -> Verdict:
    """The service runs on another node than before."""

    def answer() -> tuple[bool | None, str]:
        now = after.status.active
        return None if now is None else now != source, f"it was on {source}, it is on {now}"

    return ask(f"has the service left {source}", answer)


def fenced_before_promotion(timeline: Timeline) -> Verdict:
    """The survivor did not touch the data before the victim was known to be gone."""
    marks = timeline.milestones
    return ask(
        "was fencing confirmed before the promotion",
        lambda: (timeline.fenced_first, f"fenced at {marks.fenced}, promoted at {marks.promoted}"),
    )


def within_budget(timeline: Timeline) -> Verdict:
    """The client's outage is not longer than what the configuration promises."""
    took, allowed = timeline.outage.seconds, timeline.budget
    return Verdict(
        "is the outage within its budget", took <= allowed, f"{took:.1f} s of {allowed:.1f} s"
    )


def hypervisor_saw(machine: str, resets: Sequence[Event]) -> Verdict:
    """The hypervisor confirms that a machine lost what it had in memory."""
    said = ", ".join(f"{event.kind} {event.detail}".strip() for event in resets)
    return Verdict(f"did the hypervisor see {machine} reset", bool(resets), said or "it did not")


def nothing_lost(books: Books) -> Verdict:
    """Every write that the client was promised is there, unaltered."""
    holds = books.complete if books.acknowledged else None
    return Verdict("is every acknowledged write there", holds, str(books))


def same_configuration(inventory: Inventory, timeout: float) -> Verdict:
    """All nodes hold the same CIB, and the coordinator has nothing left to do."""

    def answer() -> tuple[bool, str]:
        try:
            wait_until(
                lambda: _cluster_states(inventory),
                _is_idle_and_equal,
                what="the cluster at rest",
                timeout=timeout,
                describe=lambda states: ", ".join(f"{n}: {s}" for n, s in states.items()),
            )
        except WaitTimeout as error:
            return False, str(error.detail)
        return True, ""

    return ask("do the nodes agree and rest", answer)


def _cluster_states(inventory: Inventory) -> dict[str, str]:
    """Return each node's CIB digest and its controller's state, in one line."""
    # When a node wrote its copy is its own affair.
    command = (
        'cibadmin --query --local | sed \'s/ cib-last-written="[^"]*"//\''
        " | md5sum | cut -c1-32;"
        " crmadmin --status $(uname -n) --output-as xml"
    )
    told = _on_each(inventory.nodes, lambda remote: remote.run(command, check=False).stdout)
    found: dict[str, str] = {}
    for name, text in told.items():
        digest = text.split("\n", 1)[0]
        state = re.search(r"\bS_\w+", text)
        found[name] = f"{digest} {state[0] if state else '?'}"
    return found


def _is_idle_and_equal(states: Mapping[str, str]) -> bool:
    digests = {state.split()[0] for state in states.values()}
    controllers = sorted(state.split()[1] for state in states.values())
    return len(digests) == 1 and set(controllers) == {"S_IDLE", "S_NOT_DC"}


BAD_NEWS = {
    "split brain": r"[Ss]plit-?[Bb]rain detected",
    "data at risk": r"DATA INTEGRITY at RISK",
    "input/output error": r"(?:Buffer )?I/O error|EXT4-fs (?:error|warning)",
    "kernel trouble": r"kernel BUG|Oops:|Kernel panic|blocked for more than|soft lockup",
    "out of memory": r"Out of memory:|oom-kill",
    "crash": r"segfault at|dumped core",
}
"""What no journal may hold after a test, unless the test expects it by its name here."""


def no_bad_news(inventory: Inventory, since: float, allowed: Collection[str] = ()) -> Verdict:
    """No machine has logged bad news since then (lab's clock), its boots before the last included.

    Raises KeyError for an allowed name that does not exist.
    """
    patterns = dict(BAD_NEWS)
    for name in allowed:
        del patterns[name]

    def answer() -> tuple[bool, str]:
        command = f"journalctl --quiet --no-pager --output short-precise --since @{since:.0f}"
        told = _on_each(inventory.machines, lambda remote: remote.run(command, timeout=120).stdout)
        found = [
            f"{name} on {machine}: {line}"
            for machine, text in told.items()
            for name, line in find_bad_news(text, patterns)
        ]
        return not found, "; ".join(found[:5])

    return ask("are the journals free of bad news", answer)


def find_bad_news(text: str, patterns: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the name of the pattern and the line for every bad line."""
    return [
        (name, line)
        for line in text.splitlines()
        for name, pattern in patterns.items()
        if re.search(pattern, line)
    ]


def disks_equal(inventory: Inventory, active: Machine, timeout: float) -> Verdict:
    """DRBD compares every block of both disks and finds no difference."""

    def answer() -> tuple[bool, str]:
        with Remote(active) as remote, Observer(inventory) as observer:
            remote.run("drbdadm verify r0")
            status = wait_until(
                observer.read,
                lambda status: all(
                    disk.connection == "Connected" for disk in status.replication.values()
                ),
                what="verification of the replicated disk",
                timeout=timeout,
                describe=lambda status: str(
                    [disk.connection for disk in status.replication.values()]
                ),
                interval=2.0,
            )
        differing = {name: disk.out_of_sync for name, disk in status.replication.items()}
        said = ", ".join(f"{name}: {kib} KiB differ" for name, kib in differing.items())
        return len(differing) == len(inventory.nodes) and not any(differing.values()), said

    return ask("are both disks equal", answer)


def _names(machines: Collection[str]) -> str:
    return ", ".join(sorted(machines)) or "nobody"


def _on_each(machines: Sequence[Machine], ask_one: Callable[[Remote], str]) -> dict[str, str]:
    def visit(machine: Machine) -> str:
        with Remote(machine) as remote:
            return ask_one(remote)

    with ThreadPoolExecutor(len(machines)) as pool:
        answers = list(pool.map(visit, machines))
    return dict(zip((machine.name for machine in machines), answers, strict=True))

"""The order in which a fresh lab is made, and that a second run has nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from inventory.model import Inventory, Machine
from machines.remote import Result
from parts.all import Parts
from parts.facts import Facts
from parts.host import Entry, Step
from parts.system.firewall import TRIAL
from provisioning import firewall, monitoring, pacemaker, sequence
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import SECRETS, everything, fresh, inventory, plan_of, right, words

LAB = planned("active-passive", accelerated=True)
FIRST, SECOND = LAB.nodes
FRESH = plan_of(LAB, fresh(LAB))

ATTACHED, MADE = "replication attached", "replication initialised, filesystem made"
DISK, MEMBER, STARTED = "fencing disk initialised", "membership started", "cluster started"


def configured(machine: Machine) -> list[str]:
    return words(FRESH.steps(machine, everything(FRESH, machine)))


def test_what_a_fresh_node_does_by_itself() -> None:
    assert configured(FIRST) == [
        "systemd knows the units",
        "networks kept apart in the kernel",
        "firewall loaded at boot",
        "room for the cluster's state kept",
        "place for the cluster's status made",
        "chrony follows the lab's clock",
        "quorum device certificates imported",
        "fencing agent described",
        "watchdog loaded",
        DISK,
        ATTACHED,
        "fence handler corrected",
    ]
    # The disk is shared.
    assert configured(SECOND) == [what for what in configured(FIRST) if what != DISK]


def test_what_a_fresh_monitor_does() -> None:
    assert configured(LAB.monitor) == [
        "systemd knows the units",
        "networks kept apart in the kernel",
        "firewall loaded at boot",
        "PostgreSQL runs",
        "Zabbix's passwords set",
        "Zabbix runs",
        "monitoring agent runs",
        "chrony follows the lab's clock",
        "quorum device certificates imported",
        "quorum device runs",
    ]


def test_what_nodes_do_together() -> None:
    for node, before in ((FIRST, [MADE]), (SECOND, [])):
        written = everything(FRESH, node)
        assert words(FRESH.membership(node, written)) == [
            *before,
            MEMBER,
            "quorum device called for",
        ]
        assert words(FRESH.start(node)) == [STARTED]
        assert words(FRESH.report(node, written)) == ["monitoring agent runs"]


@dataclass
class Doing:
    """Stands for all machines: they are as `found` says, and what is done to them is noted."""

    found: Mapping[str, Facts]
    done: list[tuple[str, str]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    """Machines that tried firewall rules."""

    def where(self, what: str) -> list[str]:
        """Return the machines that did something."""
        return sorted(machine for machine, each in self.done if each == what)

    def first(self, what: str) -> int:
        """Return when something was done for the first time."""
        return [each for _, each in self.done].index(what)

    def last(self, what: str) -> int:
        """Return when something was done for the last time."""
        return max(when for when, (_, each) in enumerate(self.done) if each == what)


@dataclass
class PaperRemote:
    """A connection to nothing."""

    machine: Machine

    @property
    def name(self) -> str:
        return self.machine.name

    def __enter__(self) -> PaperRemote:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, _command: str, **_: Any) -> Result:
        return Result("", "", 0)


def applied(
    monkeypatch: pytest.MonkeyPatch,
    lab: Inventory,
    found: Mapping[str, Facts],
    meanwhile: Callable[[tuple[Step, ...]], None] = lambda _: None,
    *,
    standing: bool = False,
) -> tuple[Doing, tuple[sequence.Change, ...]]:
    """Apply a lab to machines that were found like this; `meanwhile` happens while steps run.

    `standing`: every file is there already, as it shall be.
    """
    doing = Doing(found)

    def written(remote: PaperRemote, files: Iterable[Entry]) -> frozenset[str]:
        as_found = standing or found == right(lab)
        return frozenset() if as_found else frozenset(file.path for file in files)

    def run(remote: PaperRemote, steps: Iterable[Step], *, timeout: float) -> tuple[str, ...]:
        todo = tuple(steps)
        meanwhile(todo)
        told = tuple(words(todo))
        doing.done += [(remote.name, what) for what in told]
        return told

    def tried(_: Inventory, remote: PaperRemote, __: object, told: frozenset[str]) -> tuple[()]:
        if TRIAL in told:
            doing.tried.append(remote.name)
        return ()

    def look(_parts: Parts, remote: PaperRemote) -> Facts:
        return found[remote.name]

    monkeypatch.setattr(sequence, "Remote", PaperRemote)
    monkeypatch.setattr(sequence, "look", look)
    monkeypatch.setattr(sequence, "ensure_files", written)
    monkeypatch.setattr(sequence, "run_steps", run)
    monkeypatch.setattr(firewall, "apply_on_trial", tried)
    monkeypatch.setattr(monitoring, "configure", lambda *_: ())
    monkeypatch.setattr(pacemaker, "ensure_configured", lambda *_: ())
    changes = sequence.apply(lab, SECRETS, lambda _: None)
    return doing, changes


def test_replication_is_there_before_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    doing, _ = applied(monkeypatch, LAB, fresh(LAB))
    assert doing.where(ATTACHED) == [FIRST.name, SECOND.name]
    assert doing.where(MADE) == [FIRST.name]
    # Both disks meet, then the filesystem is made, then its node becomes a member.
    assert doing.last(ATTACHED) < doing.first(MADE)
    assert doing.done.index((FIRST.name, MADE)) < doing.done.index((FIRST.name, MEMBER))


@pytest.mark.parametrize("name", OFFERED)
def test_nobody_starts_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lab = planned(name, accelerated=True)
    doing, _ = applied(monkeypatch, lab, fresh(lab))
    nodes = [node.name for node in lab.nodes]
    assert doing.where(DISK) == nodes[:1]
    assert doing.first(DISK) < doing.first(MEMBER)
    assert doing.where(MEMBER) == doing.where(STARTED) == nodes
    # Who starts within dc-deadtime of the others fences nobody.
    assert doing.last(MEMBER) < doing.first(STARTED)
    # What costs time comes last.
    reports = [what for machine, what in doing.done[doing.last(STARTED) + 1 :] if machine in nodes]
    assert reports == ["monitoring agent runs"] * len(nodes)


def test_one_node_after_the_other_begins_again_with_the_quorum_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another `timing.token_ms` for a cluster that runs: each daemon waits for the membership."""
    begun: list[Step] = []
    met, together = Barrier(2), False

    def meanwhile(steps: tuple[Step, ...]) -> None:
        nonlocal together
        found = [step for step in steps if step.what == "quorum device joined again"]
        begun.extend(found)
        with suppress(BrokenBarrierError):
            # Nobody comes who has to wait for this one.
            together |= bool(found) and met.wait(0.2) >= 0

    slower = inventory(timing={"token_ms": LAB.timing.token_ms + 1000})
    applied(monkeypatch, slower, right(LAB), meanwhile)

    assert len(begun) == 2
    assert not together
    assert begun[0].extra_s == slower.timing.membership_wait_s


def test_rules_that_a_killed_run_has_only_delivered_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = right(LAB)
    found[SECOND.name] = replace(found[SECOND.name], digests={})
    doing, _ = applied(monkeypatch, LAB, found, standing=True)
    assert doing.tried == [SECOND.name]


@pytest.mark.parametrize("name", OFFERED)
def test_a_second_run_does_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lab = planned(name, accelerated=True)
    doing, changes = applied(monkeypatch, lab, right(lab))
    assert doing.done == []
    assert changes == ()

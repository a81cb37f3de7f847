"""Faults take back exactly what they broke: twice if need be, and where a reboot forgot it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

import pytest

from core.errors import CommandError, HalabError
from drills import faults
from drills.catalogue import catalogue
from drills.drill import Drill
from drills.faults import base, departure, power, quality, storage
from drills.faults.base import Fault, Scene
from drills.faults.partition import partitioned
from drills.partitions import isolated
from drills.power import Power
from inventory.model import Inventory, Machine
from labs.roles import MachineRole, NetworkRole
from labs.timing import Timing
from machines.remote import RemoteUnreachable
from parts.all import Parts
from tests.unit.healthy_lab import INVENTORY as LAB
from tests.unit.healthy_lab import PARTS
from tests.unit.sketched import LABS, TRIO

KNOWN = catalogue(PARTS)
EVERY = {
    name: (parts, drill) for parts in reversed(LABS) for name, drill in catalogue(parts).items()
}
"""Every fault that any lab has, in the first one that has it."""

DATA = LAB.storage[0]
NODE1, NODE2, MONITOR = LAB.machines


class FakePower:
    """A hypervisor that notes what is done to it and knows one disk of node1."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.plugged: str | None = "<disk/>"

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return lambda machine, *rest, **named: self.done.append(
            " ".join([verb, machine, *map(str, rest), *(f"{k}={v}" for k, v in named.items())])
        )

    def disk(self, machine: str, serial: str) -> str | None:
        return self.plugged

    def pull_disk(self, machine: str, xml: str) -> None:
        self.plugged = None

    def plug_disk(self, machine: str, xml: str) -> None:
        assert self.plugged is None
        self.plugged = xml


@pytest.fixture
def hypervisor() -> FakePower:
    return FakePower()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Catch what machines are told instead of telling them."""
    commands: list[tuple[str, str]] = []

    def listen(machine: object, command: str, **_: object) -> str:
        commands.append((getattr(machine, "name", "?"), command))
        return ""

    for found in iter_modules(faults.__path__):
        module = import_module(f"{faults.__name__}.{found.name}")
        if hasattr(module, "run_on"):
            monkeypatch.setattr(module, "run_on", listen)
    return commands


def scene(hypervisor: FakePower, *targets: object, lab: Inventory = LAB) -> Scene:
    return Scene(lab, cast(Power, hypervisor), targets or (NODE1,), {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "leaving"),
    [
        (departure.stale_first(DATA, "leave", "join"), ["node2", "node1"]),
        (departure.newest_first(DATA, "leave", "join"), ["node1", "node2"]),
    ],
)
def test_the_active_node_leaves_first_or_last_and_starts_alone(
    hypervisor: FakePower,
    monkeypatch: pytest.MonkeyPatch,
    told: list[tuple[str, str]],
    fault: Fault,
    leaving: list[str],
) -> None:
    def listen(machine: object, command: str, **_: object) -> str:
        name = getattr(machine, "name", "?")
        told.append((name, command))
        return "Primary/Secondary\n" if name == "node2" else "Secondary/Primary\n"

    monkeypatch.setattr(departure, "run_on", listen)
    there = scene(hypervisor, NODE1, NODE2)
    fault.inject(there)
    assert [(name, command) for name, command in told if command in ("leave", "join")] == [
        *((name, "leave") for name in leaving),
        ("node2", "join"),
    ]
    told.clear()
    fault.heal(there)
    assert {name for name, command in told if command == "join"} == {"node1", "node2"}


def test_that_a_node_serves_alone_is_proved_by_its_kernel(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listen(machine: object, *_: object, **__: object) -> str:
        return "Primary/Unknown\n" if machine is NODE2 else ""

    monkeypatch.setattr(departure, "run_on", listen)
    prove = departure.newest_first(DATA, "leave", "join").proof
    assert prove is not None
    assert prove(scene(hypervisor, NODE1, NODE2)) == "node2 is Primary, alone"


def test_all_leave_and_the_node_of_the_lowest_number_starts_alone(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    fault, there = departure.first_alone("leave", "join"), scene(hypervisor, NODE2, NODE1)
    fault.inject(there)
    assert told == [("node2", "leave"), ("node1", "leave"), ("node1", "join")]
    told.clear()
    fault.heal(there)
    assert sorted(told) == [("node1", "join"), ("node2", "join")]


@pytest.mark.parametrize(
    ("quorate", "proof"), [("No", "node1 counts 1 of 2 votes and is not quorate"), ("Yes", "")]
)
def test_that_a_node_waits_is_proved_by_its_votes(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch, quorate: str, proof: str
) -> None:
    votes = f"Quorate:          {quorate}\nExpected votes:   2\nTotal votes:      1\n"
    monkeypatch.setattr(departure, "run_on", lambda *_, **__: votes)
    prove = departure.first_alone("leave", "join").proof
    assert prove is not None
    assert prove(scene(hypervisor, NODE2, NODE1)) == proof


def test_power_is_given_back(hypervisor: FakePower) -> None:
    fault, there = power.off(), scene(hypervisor)
    fault.inject(there)
    fault.heal(there)
    assert hypervisor.done == ["cut node1", "start node1"]


def test_a_blackout_ends_with_one_node_after_the_other(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "drills.faults.power.time.sleep", lambda s: hypervisor.done.append(f"{s:.0f} s pass")
    )
    fault, there = power.blackout(), scene(hypervisor, NODE1, NODE2)
    fault.inject(there)
    assert hypervisor.done == ["cut node1", "cut node2"]
    fault.heal(there)
    assert hypervisor.done[2:] == ["start node1", "5 s pass", "start node2"]


@pytest.mark.parametrize(
    ("token_ms", "answer_s", "waited_s"), [(3000, 0.1, 1.9), (3000, 0.0, 2.0), (1000, 0.2, 0.47)]
)
def test_a_stall_lasts_two_thirds_of_the_token(
    hypervisor: FakePower,
    monkeypatch: pytest.MonkeyPatch,
    token_ms: int,
    answer_s: float,
    waited_s: float,
) -> None:
    there = stalling(hypervisor, monkeypatch, token_ms, answer_s)
    power.stall().inject(there)
    assert hypervisor.done == ["suspend node1", f"{waited_s:.2f} s pass", "resume node1"]


def test_a_stall_that_took_too_long_proves_nothing(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = stalling(hypervisor, monkeypatch, 1000, 0.2, waits_s=1.5)
    with pytest.raises(HalabError, match=r"node1 stood still for up to 1\.5 s, longer"):
        power.stall().inject(there)
    assert hypervisor.done[-1] == "resume node1"


def stalling(
    hypervisor: FakePower,
    monkeypatch: pytest.MonkeyPatch,
    token_ms: int,
    answer_s: float,
    waits_s: float | None = None,
) -> Scene:
    """Have a hypervisor that answers after a while, and a clock that knows."""
    now = [0.0]

    def suspend(machine: str) -> None:
        hypervisor.done.append(f"suspend {machine}")
        now[0] += answer_s

    def let_pass(seconds: float) -> None:
        hypervisor.done.append(f"{seconds:.2f} s pass")
        now[0] += seconds if waits_s is None else waits_s

    monkeypatch.setattr(hypervisor, "suspend", suspend, raising=False)
    monkeypatch.setattr("drills.faults.power.time.sleep", let_pass)
    monkeypatch.setattr("drills.faults.power.time.monotonic", lambda: now[0])
    timing = Timing(token_ms=token_ms)
    inventory = LAB.model_copy(update={"timing": timing})
    return Scene(inventory, cast(Power, hypervisor), (NODE1,), {})


def test_a_torn_out_disk_is_put_back_once(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    fault, there = storage.disk_pulled("data"), scene(hypervisor)
    fault.inject(there)
    assert hypervisor.plugged is None
    assert there.notes == {"disk data of node1": "<disk/>"}
    fault.heal(there)
    fault.heal(there)
    assert hypervisor.plugged == "<disk/>"


def test_a_disk_that_was_never_torn_out_stays(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    storage.disk_pulled("data").heal(scene(hypervisor))
    assert hypervisor.plugged == "<disk/>"


def test_only_cards_in_the_cluster_networks_are_disturbed(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    fault = quality.disturbed("loss 10%")
    fault.inject(scene(hypervisor))
    fault.heal(scene(hypervisor))
    assert all(machine == "node1" for machine, _ in told)
    assert re.findall(r"dev (\S+)", told[0][1]) == ["cla", "clb"]
    assert "root netem loss 10%" in told[0][1]


def test_a_partition_is_healed_on_every_node(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    fault = partitioned(lambda there: isolated(("node1", "node2"), "node1"))
    fault.inject(scene(hypervisor))
    assert [machine for machine, _ in told] == ["node1", "node2"]
    fault.heal(scene(hypervisor))
    assert told[2:] == [
        (node, "nft delete table inet halab_fault_partition 2>/dev/null || :")
        for node in ("node1", "node2")
    ]


def test_every_root_filesystem_is_filled_before_one_node_is_reset(
    hypervisor: FakePower, told: list[tuple[str, str]]
) -> None:
    fault = storage.root_filesystem_full()
    fault.inject(scene(hypervisor))
    assert [machine for machine, _ in told] == ["node1", "node2"]
    assert all(storage.ROOT_FILLER in command for _, command in told)
    assert hypervisor.done == ["reset node1"]

    told.clear()
    fault.heal(scene(hypervisor))
    assert told == [(node, f"rm -f {storage.ROOT_FILLER}") for node in ("node1", "node2")]


def test_a_takeover_without_room_is_proved_when_all_are_members_again(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["0 bytes left", "", "0 bytes left", "0 bytes left"])
    monkeypatch.setattr(storage, "run_on", lambda *_, **__: next(answers))
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    prove = storage.root_filesystem_full().proof
    assert prove is not None
    assert prove(scene(hypervisor)) == "node1: 0 bytes left | node2: 0 bytes left"


def test_a_servers_master_dies_alone(hypervisor: FakePower, told: list[tuple[str, str]]) -> None:
    KNOWN["service-master-killed"].fault.inject(scene(hypervisor))
    assert told == [("node1", 'kill -9 "$(head -n 1 /run/nginx-halab.pid)"')]


@pytest.mark.parametrize(
    ("parts", "units"),
    [(PARTS, "pacemaker corosync-qdevice corosync"), (TRIO, "pacemaker corosync")],
    ids=["with a quorum device", "without"],
)
def test_a_node_leaves_with_what_it_runs_and_nothing_else(
    hypervisor: FakePower, told: list[tuple[str, str]], parts: Parts, units: str
) -> None:
    catalogue(parts)["wrong-configuration"].fault.inject(scene(hypervisor))
    [(_, command)] = told
    assert f"; systemctl stop {units}; ! systemctl start corosync" in command


def test_healing_waits_for_a_machine_that_boots(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = RemoteUnreachable("it boots")
    answers: Iterator[str | RemoteUnreachable] = iter([boots, boots, "fine"])

    def booting(*_: object, **__: object) -> str:
        answer = next(answers)
        if isinstance(answer, RemoteUnreachable):
            raise answer
        return answer

    monkeypatch.setattr(base, "run_on", booting)
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    base.repair_on(scene(hypervisor), NODE1, "true")
    assert next(answers, None) is None


def test_healing_that_fails_is_not_hidden(
    hypervisor: FakePower, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise CommandError("drbdadm attach r0", status=10)

    monkeypatch.setattr(base, "run_on", refuse)
    with pytest.raises(CommandError):
        base.repair_on(scene(hypervisor), NODE1, "drbdadm attach r0")


@pytest.mark.parametrize("name", EVERY)
def test_the_management_network_is_never_touched(
    name: str,
    hypervisor: FakePower,
    told: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drills.faults.power.time.sleep", lambda _: None)
    parts, drill = EVERY[name]
    run_both(drill.fault, scene(hypervisor, target_of(parts, drill), lab=parts.inventory))
    for node in parts.inventory.machines:
        nic = node.interfaces[NetworkRole.MANAGEMENT]
        for text in (*hypervisor.done, *(command for _, command in told)):
            assert str(nic.address.ip) not in text
            assert nic.name not in text.split()
            assert "management" not in text


@pytest.mark.parametrize("name", EVERY)
def test_machines_are_told_what_a_shell_can_read(
    name: str,
    hypervisor: FakePower,
    told: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drills.faults.power.time.sleep", lambda _: None)
    parts, drill = EVERY[name]
    run_both(drill.fault, scene(hypervisor, target_of(parts, drill), lab=parts.inventory))
    for text in dict.fromkeys(command for _, command in told):
        subprocess.run(["sh", "-n", "-c", text], check=True)


def target_of(parts: Parts, drill: Drill) -> Machine:
    """Return a machine that it could hit: a node that can run the service that it is about."""
    inventory = parts.inventory
    if drill.role is MachineRole.MONITOR:
        return inventory.monitor
    return inventory.places(drill.about(parts).service)[-1]


def run_both(fault: Fault, there: Scene) -> None:
    fault.inject(there)
    fault.heal(there)

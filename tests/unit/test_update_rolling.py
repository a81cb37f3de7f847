"""One node after the other: what is done in which order, and where an update stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import HalabError
from core.wait import WaitTimeout
from drills.site import Nobody, Site
from inventory.model import Machine
from machines.remote import RemoteUnreachable, Result
from parts.seen import Seen
from status.collect import describe
from status.model import LabStatus
from tests.unit.broken_lab import seen_by_cluster, situation, view_of
from tests.unit.healthy_lab import HEALTHY, INVENTORY, PARTS
from updates import rolling, worker
from updates.apt import Change
from updates.note import Note
from updates.outage import Account
from updates.planning import Turn
from updates.rolling import Rolling, peer_of, served_by
from updates.worker import Wanted

AGENTS = Change(name="resource-agents", old="1", new="2")
NOTE = Note(changes=(AGENTS,))
FIRST, SECOND = Turn("node1", NOTE), Turn("node2", NOTE)


def status_of(seen: Seen) -> LabStatus:
    return describe(PARTS, seen, None)


def gone_to_standby() -> Seen:
    """Return the lab whose second node, at which nothing was served, is in standby."""
    view = view_of(HEALTHY)
    members = tuple(
        member.replace(standby=True) if member.name == "node2" else member
        for member in view.members
    )
    instances = tuple(
        one.replace(node=None, active=False) if one.node == "node2" else one
        for one in view.instances
    )
    return seen_by_cluster(members=members, instances=instances)


@dataclass
class Lab:
    """A lab on which everything is noted; a gate whose name is in `shut` does not open.

    Its nodes run one kernel, Debian's link names one, and they boot into one.
    """

    done: list[str] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    boots: int = 0
    runs: str = "6.12"
    named: str = "6.12"
    boots_into: str = "6.12"
    whole: bool = True
    lost: bool = False
    silent: bool = False

    def account(self, _: object) -> Account:
        if self.lost:
            raise HalabError("the monitor has booted, and its log is gone")
        return Account((), {})

    def remote(self, machine: Machine) -> Any:
        return PaperRemote(self, machine.name)

    def gate(self, name: str) -> None:
        self.done.append(name)
        if name in self.shut:
            raise WaitTimeout(f"{name}: not reached", hint="look closer")

    def gates(self, *_: object) -> Any:
        def healthy(_: object = None) -> LabStatus:
            self.gate("healthy")
            return status_of(HEALTHY)

        return SimpleNamespace(
            healthy=healthy,
            left=lambda node, *_: self.gate(f"{node} left"),
            empty=lambda node: self.gate(f"{node} empty"),
            member=lambda node: self.gate(f"{node} member"),
            online=lambda node: self.gate(f"{node} online"),
        )

    def __getattr__(self, name: str) -> Any:
        def noted(remote: PaperRemote, note: Note | None = None, *_: object) -> None:
            words = {True: " finished", False: " begun"}[note.finished] if note else ""
            self.done.append(f"{remote.name} {name}{words if name == 'write_note' else ''}")

        return noted

    @contextmanager
    def clients(self, _: Site) -> Iterator[Any]:
        if self.silent:
            raise WaitTimeout("the service answers the client outside: not reached")
        self.done.append("clients begin")
        yield SimpleNamespace(account=self.account)
        self.done.append("clients end")


@dataclass
class PaperRemote:
    lab: Lab
    name: str

    def __enter__(self) -> PaperRemote:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, command: str, **_: object) -> Result:
        if "boot_id" in command:
            self.lab.boots += 1
            if self.lab.boots == 2:
                raise RemoteUnreachable("it boots")
            return Result(f"boot {self.lab.boots}\n", "", 0)
        if command == "uname -r":
            return Result(f"{self.lab.boots_into if self.lab.boots else self.lab.runs}\n", "", 0)
        if "readlink /vmlinuz" in command:
            return Result(f"boot/vmlinuz-{self.lab.named}\n", "", 0)
        if command.startswith("test -d"):
            return Result("", "", 0 if self.lab.whole else 1)
        if command.startswith("crm_resource --wait"):
            assert self.lab.done[-1].startswith(f"{self.name}: crm_standby")
            return Result("", "", 124)
        self.lab.done.append(f"{self.name}: {' + '.join(command.splitlines())}")
        return Result("", "", 0)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setattr(rolling, "Remote", made.remote)
    monkeypatch.setattr(rolling, "Gates", made.gates)
    monkeypatch.setattr(rolling, "Clients", made.clients)
    monkeypatch.setattr(rolling, "LabClock", lambda _: SimpleNamespace(now=lambda: 0.0))
    monkeypatch.setattr(rolling, "collect", lambda _: status_of(HEALTHY))
    for name in ("write_note", "keep", "fetch", "install", "forget"):
        monkeypatch.setattr(worker, name, getattr(made, name))
    return made


def update(lab: Lab, *turns: Turn) -> Rolling:
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    made.run(turns)
    return made


def test_a_node_is_away_while_its_packages_change(lab: Lab) -> None:
    assert update(lab, FIRST).failure is None
    assert lab.done == [
        "clients begin",
        "healthy",
        "node1 keep",
        "node1 write_note begun",
        "node1 fetch",
        "node2: crm_standby --node node1 --update on",
        "node1 left",
        "node1: systemctl stop pacemaker + systemctl stop corosync-qdevice corosync",
        "node1 install",
        "node1: systemctl start --no-block corosync corosync-qdevice pacemaker",
        "node1 member",
        "node2: crm_standby --node node1 --delete",
        "healthy",
        "node1 write_note finished",
        "clients end",
    ]


def test_the_second_goes_when_the_first_is_back(lab: Lab) -> None:
    update(lab, FIRST, SECOND)
    back = lab.done.index("node1 write_note finished")
    assert back < lab.done.index("node1: crm_standby --node node2 --update on")
    assert lab.done[back + 1] == "healthy"


def test_a_reboot_starts_the_cluster_by_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    update(lab, Turn("node1", NOTE.model_copy(update={"reboot": True})))
    assert "node1: systemctl reboot --no-block" in lab.done
    assert not any("systemctl start" in said for said in lab.done)
    assert lab.boots == 3


KERNELS = Note(
    changes=(
        *(Change(name=f"linux-{each}-7.3", old=None, new="7.3-1") for each in ("image", "modules")),
        Change(name="linux-image-cloud-amd64", old="6.12-1", new="7.3-1"),
    ),
    reboot=True,
)
"""An update that brings a kernel beside the one that was."""


@pytest.fixture
def notes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[Note]:
    """Return a list of what nodes note; booting takes no time."""
    monkeypatch.setattr("core.wait.time.sleep", lambda _: None)
    kept: list[Note] = []
    monkeypatch.setattr(worker, "write_note", lambda _, note: kept.append(note))
    return kept


def test_a_new_kernel_is_there_when_it_runs(lab: Lab, notes: list[Note]) -> None:
    lab.named = lab.boots_into = "7.3"
    assert update(lab, Turn("node1", KERNELS)).failure is None
    assert [(note.kernel, note.finished) for note in notes] == [("6.12", False), ("6.12", True)]


def test_an_update_stops_where_the_old_kernel_has_booted(lab: Lab, notes: list[Note]) -> None:
    lab.named = "7.3"
    failure = update(lab, Turn("node1", KERNELS)).failure
    assert failure is not None
    assert "node1 has booted into kernel 6.12, and not into 7.3, which it has" in failure.message
    assert "node1 member" not in lab.done
    assert not any(note.finished for note in notes)


def test_a_guest_of_an_older_halab_is_not_touched_for_a_kernel(lab: Lab, notes: list[Note]) -> None:
    """Nothing on it would boot one."""
    lab.whole = False
    failure = update(lab, Turn("node1", KERNELS)).failure
    assert failure is not None
    assert "node1 boots the kernel of its image alone" in failure.message
    assert (notes, lab.done) == ([], ["clients begin", "healthy", "clients end"])


def test_on_the_way_back_the_old_kernel_boots_before_the_new_one_goes(
    lab: Lab, notes: list[Note]
) -> None:
    """A kernel that runs cannot be removed. The node boots once, and its cluster with it."""
    lab.runs = "7.3"
    came = ("linux-image-7.3", "linux-modules-7.3")
    done = KERNELS.model_copy(update={"kernel": "6.12", "leaving": came}).done()
    assert update(lab, Turn("node1", done.back(reboot=False))).failure is None
    links = "node1: ln -sfT boot/vmlinuz-6.12 /vmlinuz + ln -sfT boot/initrd.img-6.12 /initrd.img"
    began = lab.done.index(links)
    assert lab.done[began - 1 : began + 6] == [
        "node1 left",
        links,
        "node1: systemctl reboot --no-block",
        "node1 member",
        "node1: systemctl stop pacemaker + systemctl stop corosync-qdevice corosync",
        "node1 install",
        "node1: systemctl start --no-block corosync corosync-qdevice pacemaker",
    ]


def test_a_kernel_that_stays_is_booted_again(lab: Lab, notes: list[Note]) -> None:
    """A boot loader of the machine's own boots the newest."""
    lab.runs = lab.named = lab.boots_into = "7.3"
    bound = {"kernel": "6.12", "staying": ("linux-image-7.3", "linux-modules-7.3")}
    done = KERNELS.model_copy(update=bound).done()
    assert update(lab, Turn("node1", done.back(reboot=False))).failure is None
    assert not any("ln -sfT" in said for said in lab.done)
    assert lab.done.index("node1 install") < lab.done.index("node1: systemctl reboot --no-block")


def test_a_lab_that_is_not_healthy_is_not_touched(lab: Lab) -> None:
    lab.shut = {"healthy"}
    failure = update(lab, FIRST).failure
    assert lab.done == ["clients begin", "healthy", "clients end"]
    assert failure is not None
    assert "the update stopped at node1, waiting until the lab is healthy" in failure.message
    for word in ("look closer", "./halab status story", "--rollback", "same command again"):
        assert word in str(failure.hint)


def test_a_node_that_nobody_can_stand_in_for_goes_on_serving(lab: Lab) -> None:
    lab.shut = {"node1 left"}
    assert update(lab, FIRST, SECOND).failure is not None
    assert lab.done[-3:] == [
        "node1 left",
        "node2: crm_standby --node node1 --delete",
        "clients end",
    ]


def test_a_node_that_does_not_join_stays_away_and_the_others_as_they_are(lab: Lab) -> None:
    lab.shut = {"node1 member"}
    failure = update(lab, FIRST, SECOND).failure
    assert failure is not None
    assert "waiting until it is a member again" in failure.message
    assert lab.done[-2:] == ["node1 member", "clients end"]
    assert not any(said.startswith("node2 ") for said in lab.done)


def test_a_node_that_is_not_well_afterwards_gets_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def member(node: str) -> None:
        lab.shut = {"healthy"}

    gates = lab.gates()
    gates.member = member
    monkeypatch.setattr(rolling, "Gates", lambda *_: gates)

    failure = update(lab, FIRST, SECOND).failure
    assert failure is not None
    assert "bringing it online" in failure.message
    assert lab.done[-4:] == [
        "node2: crm_standby --node node1 --delete",
        "healthy",
        "node2: crm_standby --node node1 --update on",
        "clients end",
    ]
    assert "node1 write_note finished" not in lab.done


@pytest.mark.parametrize("stops", [True, False])
def test_where_it_stopped_is_told_although_nobody_knows_what_clients_noticed(
    lab: Lab, stops: bool
) -> None:
    lab.lost, lab.shut = True, {"node1 member"} if stops else set()
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    account = made.run((FIRST,))
    assert (made.failure is not None) == stops
    assert not account.kept
    [line] = account.lines()
    assert line.endswith("is not known: the monitor has booted, and its log is gone")
    assert lab.done[-1] == "clients end"


def test_what_was_left_is_mended_by_going_on(lab: Lab) -> None:
    """It waits for no health before: the node itself is what is wrong, and serves nobody."""
    update(lab, replace(SECOND, resumes=True))
    assert lab.done[:3] == ["clients begin", "node2 keep", "node2 write_note begun"]
    assert lab.done.count("healthy") == 1


def test_where_nothing_is_left_to_install_the_node_is_only_brought_back(lab: Lab) -> None:
    """It was left before anything was installed, and nothing is offered any more."""
    update(lab, Turn("node2", NOTE.model_copy(update={"changes": ()}), resumes=True))
    assert lab.done == [
        "clients begin",
        f"node2: {' + '.join(PARTS.joining.splitlines())}",
        "node1: crm_standby --node node2 --delete",
        "healthy",
        "node2 forget",
        "clients end",
    ]


def test_who_serves_is_not_sent_away_before_the_lab_is_healthy(lab: Lab) -> None:
    """Its note is in the middle, and it is the only one that can serve."""
    lab.shut = {"healthy"}
    assert update(lab, replace(FIRST, resumes=True)).failure is not None
    assert lab.done == ["clients begin", "healthy", "clients end"]


@pytest.mark.parametrize(
    "turn", [replace(SECOND, resumes=True), Turn("node2", NOTE.back(reboot=False))]
)
def test_a_service_that_is_down_is_no_reason_not_to_mend_it(lab: Lab, turn: Turn) -> None:
    lab.silent = True
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    account = made.run([turn])
    assert made.failure is None
    assert "node2 install" in lab.done
    assert not account.kept
    with pytest.raises(HalabError, match="not reached"):
        made.run([SECOND])


def test_the_way_back_asks_for_no_health_before_its_end(lab: Lab) -> None:
    """What is wrong with the lab may be what goes."""
    back = [Turn(name, NOTE.back(reboot=False)) for name in ("node2", "node1")]
    assert update(lab, *back).failure is None
    waits = ("healthy", "left", "empty", "online")
    gates = [said for said in lab.done if said.endswith(waits)]
    # Whether anybody serves counts where it is the node itself that does.
    assert gates == ["node2 empty", "node2 online", "node1 left", "node1 online", "healthy"]


def test_the_way_back_does_not_end_with_a_node_that_nobody_can_stand_in_for(lab: Lab) -> None:
    lab.shut = {"node1 left"}
    failure = update(lab, Turn("node1", NOTE.back(reboot=False))).failure
    assert failure is not None
    assert "--rollback" not in str(failure.hint)
    assert lab.done[-2:] == ["node2: crm_standby --node node1 --delete", "clients end"]


def test_ctrl_c_leaves_nobody_in_standby_who_could_serve(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    gates = lab.gates()
    gates.left = interrupted
    monkeypatch.setattr(rolling, "Gates", lambda *_: gates)
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    with pytest.raises(KeyboardInterrupt):
        Rolling(site, Wanted(), Nobody()).run([FIRST])
    assert lab.done[-1] == "node2: crm_standby --node node1 --delete"


def test_the_way_back_keeps_nothing_and_leaves_no_note(lab: Lab) -> None:
    update(lab, Turn("node1", NOTE.back(reboot=False)))
    assert "node1 keep" not in lab.done
    assert lab.done[-3:] == ["node1 forget", "healthy", "clients end"]


def test_ctrl_c_says_where_it_stands(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "install", interrupted)
    site = cast(Site, SimpleNamespace(inventory=INVENTORY, parts=PARTS))
    made = Rolling(site, Wanted(), Nobody())
    with pytest.raises(KeyboardInterrupt):
        made.run([FIRST])
    assert made.place == "node1, installing"


def test_who_speaks_for_the_cluster_meanwhile() -> None:
    assert peer_of(status_of(HEALTHY), "node1") == "node2"
    with pytest.raises(HalabError, match="no node but node1 is online"):
        peer_of(status_of(gone_to_standby()), "node1")
    assert peer_of(status_of(situation("standby")), "node2") == "node1"


def test_whom_it_costs_a_move() -> None:
    assert served_by(status_of(HEALTHY), "node1") == {"web"}
    assert served_by(status_of(HEALTHY), "node2") == frozenset()

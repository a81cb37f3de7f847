"""A new kernel comes to a node, is there when it runs, and goes again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.updated_lab import AGENTS, Lab, Node, put_up, update
from updates import worker
from updates.apt import Change
from updates.note import Note
from updates.planning import Turn


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return put_up(monkeypatch)


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
    done = KERNELS.model_copy(update={"kernel": "6.12"}).done()
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


BASED = Note(
    changes=(
        AGENTS,
        Change(name="linux-base", old="4", new="5"),
        Change(name="linux-image-7.3", old=None, new="7.3-1"),
    ),
    kernel="6.12",
).done()
PRESENT = "resource-agents 2 installed\nlinux-base 5 installed\nlinux-image-7.3 7.3-1 installed\n"


def way_back(note: Note, says: Mapping[str, str | int]) -> list[str]:
    """Return the way back from a note, at a node that says this, step by step."""
    found = worker.way_back(Node(says).remote, note)
    return [str(step) for step in found.back(reboot=False).steps]


def test_what_came_goes_where_it_is_there() -> None:
    first = ["resource-agents 2 -> 1", "linux-base 5 -> 4"]
    gone = "linux-image-7.3 7.3-1 -> (removed)"
    assert way_back(BASED, {"dpkg-query": PRESENT}) == [*first, gone]
    other = PRESENT.replace("linux-image-7.3 7.3-1", "less 1")
    assert way_back(BASED, {"dpkg-query": other}) == first


def test_a_kernel_stays_where_nobody_can_have_another_one_booted() -> None:
    """And what it needs stays as it is: older than that, it would not do."""
    kept = ["resource-agents 2 -> 1"]
    assert way_back(BASED, {"dpkg-query": PRESENT, "test -d /boot/grub && test -e": 1}) == kept
    unknown = BASED.model_copy(update={"kernel": None})
    assert way_back(unknown, {"dpkg-query": PRESENT}) == kept

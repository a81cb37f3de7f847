"""A fault is written down before it is made and healed however the drill ends."""

from __future__ import annotations

import os
import pty
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from core.errors import HalabError
from core.folders import PROJECT, LabFolder
from core.signals import undisturbed
from core.wait import wait_until
from drills import healing, readiness
from drills.catalogue import find
from drills.drill import Drill
from drills.faults.base import Fault, Scene
from drills.healing import clients_outside, heal, held
from drills.journal import Journal, Wound
from drills.power import Power
from drills.site import Nobody, Site
from drills.snapshot import Snapshot
from inventory.record import LabRecord
from status.collect import describe
from tests.unit.healthy_lab import INVENTORY, PARTS, healthy
from tests.unit.sample_findings import BEFORE, status
from tests.unit.sketched import MIRROR

WOUND = Wound(fault="test", targets=("node1",), seed=7, began=1.0, notes={})


class Diary:
    """A fault that notes what is done to it and what the journal said meanwhile."""

    def __init__(self, journal: Journal) -> None:
        self.done: list[str] = []
        self.open_while_breaking: bool | None = None
        self.breaks = self.heals = True
        self._journal = journal

    def inject(self, scene: Scene) -> None:
        self.open_while_breaking = self._journal.read() is not None
        self.done.append(f"break {scene.targets[0].name}")
        scene.notes["disk"] = "<disk/>"
        if not self.breaks:
            raise HalabError("half broken")

    def heal(self, scene: Scene) -> None:
        self.done.append(f"heal {scene.targets[0].name} with {scene.notes.get('disk')}")
        if not self.heals:
            raise HalabError("it resists")


@pytest.mark.parametrize(("taken", "stays"), [(WOUND.began - 1, False), (WOUND.began + 1, True)])
def test_a_lab_that_goes_back_has_what_was_broken_by_then(
    tmp_path: Path, taken: float, stays: bool
) -> None:
    journal = Journal(LabFolder(tmp_path))
    journal.open(WOUND)
    journal.go_back(datetime.fromtimestamp(taken, UTC))
    assert (journal.read() is not None) == stays


def test_what_nobody_can_read_is_mended_by_going_back(tmp_path: Path) -> None:
    journal = Journal(LabFolder(tmp_path))
    journal.open(WOUND)
    journal.path.write_text("{")
    journal.go_back(datetime.now(UTC))
    assert journal.read() is None


@pytest.fixture(autouse=True)
def _nobody_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healing, "running", lambda _: ())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = LabFolder(tmp_path / "story")
    return Site(folder, INVENTORY, cast(LabRecord, None), cast(Power, None))


@pytest.fixture
def diary(site: Site, monkeypatch: pytest.MonkeyPatch) -> Diary:
    made = Diary(Journal(site.folder))
    monkeypatch.setattr(healing, "find", lambda *_: entry(made))
    return made


def entry(diary: Diary) -> Drill:
    """Return a drill that a diary keeps book of."""
    return replace(drill("power-off"), name="test", fault=Fault(diary.inject, diary.heal))


def drill(name: str) -> Drill:
    return find(name, PARTS)


def hold(site: Site, diary: Diary, raising: BaseException | None = None) -> None:
    with held(site, entry(diary), ("node1",), WOUND, Nobody()):
        if raising:
            raise raising


def test_it_is_written_down_before_and_forgotten_after(site: Site, diary: Diary) -> None:
    hold(site, diary)
    assert diary.open_while_breaking is True
    assert diary.done == ["break node1", "heal node1 with <disk/>"]
    assert Journal(site.folder).read() is None


@pytest.mark.parametrize("end", [KeyboardInterrupt(), HalabError("story failed")])
def test_it_is_healed_however_the_drill_ends(site: Site, diary: Diary, end: BaseException) -> None:
    with pytest.raises(type(end)):
        hold(site, diary, end)
    assert diary.done[-1] == "heal node1 with <disk/>"
    assert Journal(site.folder).read() is None


def test_an_end_just_before_the_healing_does_not_take_its_place(
    site: Site, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    shield, come = undisturbed, [KeyboardInterrupt]

    def late(told: Callable[[], None]) -> AbstractContextManager[None]:
        if come:
            raise come.pop()
        return shield(told)

    monkeypatch.setattr(healing, "undisturbed", late)
    with pytest.raises(KeyboardInterrupt):
        hold(site, diary)
    assert diary.done == ["break node1", "heal node1 with <disk/>"]
    assert Journal(site.folder).read() is None


def test_what_was_half_broken_is_healed(site: Site, diary: Diary) -> None:
    diary.breaks = False
    with pytest.raises(HalabError, match="half broken"):
        hold(site, diary)
    assert diary.done[-1] == "heal node1 with <disk/>"


def test_a_healing_that_failed_is_done_again_by_heal(
    site: Site, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary.heals = False
    with pytest.raises(HalabError, match="it resists"):
        hold(site, diary)
    wound = Journal(site.folder).read()
    assert wound is not None and wound.notes == {"disk": "<disk/>"}

    with pytest.raises(HalabError, match="it resists"):
        heal(site, Nobody())
    assert Journal(site.folder).read() == wound

    diary.heals = True
    assert heal(site, Nobody()) == wound
    assert heal(site, Nobody()) is None


def test_heal_ends_the_client_of_a_crashed_drill(
    site: Site, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(site.folder).open(WOUND.model_copy(update={"notes": {"run": "abc"}}))
    done: list[str] = []
    monkeypatch.setattr(healing, "forget", lambda _, run: done.append(f"forget {run}"))
    monkeypatch.setattr(healing, "running", lambda _: ("abc", "def"))
    monkeypatch.setattr(healing, "collect", lambda _: status("node2", {}))
    monkeypatch.setattr(
        healing, "clear_ledger", lambda _, node, run: done.append(f"clear {run} on {node.name}")
    )
    heal(site, Nobody())
    found = ["forget abc", "clear abc on node2", "forget def", "clear def on node2"]
    assert done == found
    # And those of a change that was killed, which had broken nothing.
    heal(site, Nobody())
    assert done == [*found, *found]


def test_what_the_clients_of_a_crashed_drill_left_is_removed_from_every_service(
    diary: Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    lab = describe(MIRROR, healthy(MIRROR), None)
    monkeypatch.setattr(healing, "forget", lambda _, run: done.append(f"forget {run}"))
    monkeypatch.setattr(healing, "collect", lambda _: lab)
    monkeypatch.setattr(
        healing,
        "clear_ledger",
        lambda part, node, run: done.append(f"{part.service.name}: {run} on {node.name}"),
    )
    folder = LabFolder(tmp_path / "story")
    Journal(folder).open(WOUND.model_copy(update={"notes": {healing.RUN: "abc"}}))
    heal(Site(folder, MIRROR.inventory, cast(LabRecord, None), cast(Power, None)), Nobody())
    assert done == ["forget abc", "pages: abc on node1", "records: abc on node2"]


@pytest.mark.parametrize("end", [None, KeyboardInterrupt("Ctrl-C"), HalabError("up failed")])
def test_a_ledger_that_cannot_be_cleared_hides_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch, end: BaseException | None
) -> None:
    said: list[str] = []

    def refuse(*_: object) -> None:
        raise HalabError("node2 does not answer")

    monkeypatch.setattr(healing, "probing", lambda *_: nullcontext())
    monkeypatch.setattr(healing, "collect", refuse)
    with nullcontext() if end is None else pytest.raises(type(end), match=str(end)):  # noqa: SIM117
        with clients_outside(site, site.parts.public, "abc", said.append):
            if end is not None:
                raise end
    assert said == ["what the client wrote stays: node2 does not answer"]


class TestRefusals:
    def test_an_earlier_fault_is_still_there(self, site: Site) -> None:
        Journal(site.folder).open(WOUND)
        with pytest.raises(HalabError, match=r"left its fault .* test at node1") as raised:
            readiness.ready(site, anyway=True)
        assert raised.value.hint == "`./halab heal story`"

    def test_an_unhealthy_lab(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        sick: dict[str, Any] = {"healthy": False, "reasons": ("node2 is in standby",)}
        found = Snapshot(BEFORE.status.model_copy(update=sick), frozenset())
        monkeypatch.setattr(readiness, "snapshot", lambda _: found)
        with pytest.raises(HalabError, match="not healthy") as raised:
            readiness.ready(site, anyway=False)
        assert raised.value.detail == "node2 is in standby"
        assert readiness.ready(site, anyway=True) is found

    def test_the_wrong_kind_or_number_of_machines(self, site: Site) -> None:
        with pytest.raises(HalabError, match="power-off cannot hit monitor: it is for a node"):
            readiness.check_targets(site, drill("power-off"), ("monitor",), ["node1"])
        with pytest.raises(HalabError, match="hits one machine, not 2"):
            readiness.check_targets(site, drill("power-off"), ("node1", "node2"), ["node1"])
        readiness.check_targets(site, drill("blackout"), ("node1", "node2"), ["node1"])

    def test_a_fault_that_makes_sense_at_one_node_only(self, site: Site) -> None:
        with pytest.raises(HalabError, match="is for the active node, not for node2"):
            readiness.check_targets(site, drill("service-killed"), ("node2",), ["node1"])
        with pytest.raises(HalabError, match="split-brain is for the standby node"):
            readiness.check_targets(site, drill("split-brain"), ("node1",), ["node1"])
        readiness.check_targets(site, drill("split-brain"), ("node2",), ["node1"])


LOST_SESSION = """
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from cli import streams
streams.prepare()
from cli.live import LivePhases
from core.folders import LabFolder
from core.signals import interruptible
from drills.catalogue import find
from drills.faults.base import Fault
from drills.healing import held
from drills.journal import Journal, Wound
from drills.site import Site
from tests.unit.healthy_lab import INVENTORY, PARTS

folder = Path({folder!r})
live = LivePhases("A drill that is watched")

def heal(scene):
    for number in range(5):
        live.say(f"step {{number}}")
        time.sleep(0.1)
    (folder / "healed").touch()

fault = Fault(lambda scene: (folder / "broken").touch(), heal)
entry = replace(find("power-off", PARTS), fault=fault)
wound = Wound(fault="power-off", targets=("node1",), seed=1, began=1.0, notes={{}})
with interruptible(), live.shown():
    with held(Site(LabFolder(folder), INVENTORY, None, None), entry, ("node1",), wound, live):
        time.sleep(60)
"""


@pytest.mark.parametrize("signals", [(), (signal.SIGTERM,) * 3, (signal.SIGHUP, signal.SIGTERM)])
def test_a_terminal_that_is_gone_and_many_signals_stop_no_healing(
    tmp_path: Path, signals: tuple[int, ...]
) -> None:
    program = LOST_SESSION.format(folder=str(tmp_path))
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(PROJECT)
        os.execv(sys.executable, [sys.executable, "-c", program])
    wait_until(lambda: (tmp_path / "broken").exists(), bool, what="the fault", timeout=60)
    for number in signals:
        os.killpg(process, number)
        time.sleep(0.15)
    # Without signals of its own, this is what an ssh session does that is lost.
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    # The terminal may go away when all is healed and Python is ending.
    assert os.waitstatus_to_exitcode(status) in (-signal.SIGINT, -signal.SIGHUP)
    assert (tmp_path / "healed").exists()
    assert Journal(LabFolder(tmp_path)).read() is None

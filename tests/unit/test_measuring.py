"""Clients while `up` changes a lab: when they look, and what is said before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cli import measuring
from cli.building import Prepared
from cli.progress import Progress
from core.errors import HalabError
from core.wait import WaitTimeout
from drills.site import Site
from infra.impact import Impact
from infra.planning import sketch
from inventory.model import Inventory
from inventory.record import LabRecord
from labs.changes import compare
from labs.model import Lab
from parts.all import Parts
from updates.outage import Account, Silence, Stretch

ADDRESS = "10.30.0.100"


def lab(**tables: Any) -> Lab:
    return Lab.model_validate({"version": 1, "name": "demo", **tables})


BEFORE = lab()
LARGER = lab(nodes={"memory_mib": 1536})
TURNS = Impact(in_turn={"node1": ("urn",), "node2": ("urn",)})


@dataclass
class Scene:
    """A lab that is changed, and what happens to it in order; `waited_s` is what clients see.

    `left` is what the last run made of it, at whose addresses all but the `silent` ones answer.
    """

    said: list[str] = field(default_factory=list)
    built: bool = True
    refused: bool = False
    lost: bool = False
    waited_s: float = 4.0
    left: Lab = BEFORE
    silent: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    stretches: list[Stretch] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        self.said.append(sentence)

    def site(self, *_: object) -> Site:
        if not self.built:
            raise HalabError("the lab has no inventory yet")
        parts = Parts(sketch(self.left))
        return cast(Site, SimpleNamespace(parts=parts, inventory=parts.inventory))

    @contextmanager
    def observer(self, inventory: Inventory) -> Iterator[Any]:
        every = {each.ip for service in inventory.services for each in service.addresses}
        answering = frozenset(each for each in every if str(each) not in self.silent)
        yield SimpleNamespace(answering=lambda: answering)

    @contextmanager
    def using(self, _: Site, __: object, only: Mapping[str, float]) -> Iterator[Any]:
        if self.refused:
            raise WaitTimeout("service answers the client outside: not reached")
        self.asked = set(only)
        self.said.append(f"clients of {len(only)} begin" if len(only) != 1 else "clients begin")

        def account(stretches: list[Stretch]) -> Account:
            self.stretches += stretches
            if self.lost:
                raise HalabError("the ledger cannot be read")
            [stretch] = stretches
            if not stretch.allowed_s:
                return Account((), {})
            allowed_s = stretch.allowed_s[ADDRESS]
            return Account((Silence("measured", "web", ADDRESS, self.waited_s, allowed_s),), {})

        try:
            yield SimpleNamespace(account=account)
        finally:
            self.said.append("clients end")

    def change(self, after: Lab, impact: Impact, before: Lab = BEFORE) -> measuring.Notice:
        with measuring.measuring(prepared(after, before), impact, cast(Progress, self)) as notice:
            self.said.append("changed")
        return notice


def prepared(after: Lab, before: Lab = BEFORE) -> Prepared[LabRecord]:
    """Return a lab that was brought to one definition and shall become another."""
    return cast(
        Prepared[LabRecord],
        SimpleNamespace(
            lab=after,
            folder=None,
            record=SimpleNamespace(accelerated=True),
            before=before,
            changes=compare(before, after),
        ),
    )


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene()
    monkeypatch.setattr(measuring, "Site", SimpleNamespace(of=made.site))
    monkeypatch.setattr(measuring, "using", made.using)
    monkeypatch.setattr(measuring, "Observer", made.observer)
    monkeypatch.setattr(
        measuring, "LabClock", lambda _: SimpleNamespace(now=iter((10.0, 90.0)).__next__)
    )
    return made


def test_what_it_may_cost_is_said_before_and_what_it_cost_after(scene: Scene) -> None:
    notice = scene.change(LARGER, TURNS)
    before, *rest = scene.said
    assert before.startswith("web: clients may miss it for up to ")
    assert rest == ["clients begin", "changed", "clients end"]
    assert notice.kept
    [line] = notice.lines
    assert line.startswith(f"measured: web at {ADDRESS} was silent for 4.0 s of ")
    [stretch] = scene.stretches
    assert (stretch.began, stretch.ended) == (10.0, 90.0)


def test_more_than_was_said_is_told(scene: Scene) -> None:
    scene.waited_s = 999.0
    assert not scene.change(LARGER, TURNS).kept


@pytest.mark.parametrize(
    ("after", "impact"),
    [
        (BEFORE, Impact()),
        (lab(description="other words"), Impact()),
        (LARGER, Impact(lost=("volume node1-data would be replaced",))),
    ],
)
def test_nobody_looks_where_nothing_can_be_noticed_or_all_is_lost(
    scene: Scene, after: Lab, impact: Impact
) -> None:
    assert scene.change(after, impact).lines == ()
    assert scene.said == ["changed"]


def test_a_lab_that_was_never_built_has_no_clients(scene: Scene) -> None:
    scene.built = False
    scene.change(LARGER, TURNS)
    assert scene.said == ["changed"]


def test_clients_on_a_monitor_that_goes_down_see_nothing(scene: Scene) -> None:
    scene.change(lab(monitor={"memory_mib": 1536}), Impact(in_turn={"monitor": ("urn",)}))
    assert scene.said[1].startswith("nobody measures that: clients run on monitor")
    assert scene.said[2:] == ["changed"]


def test_a_service_that_is_silent_already_cannot_be_measured(scene: Scene) -> None:
    scene.silent = {ADDRESS}
    scene.change(LARGER, TURNS)
    assert scene.said[1] == "nobody measures that: web does not answer"


def nodes(count: int) -> Lab:
    names = [f"node{number}" for number in range(1, count + 1)]
    return lab(nodes={"names": names}, services={"web": {"kind": "nginx", "runs": "everywhere"}})


@pytest.mark.parametrize("silent", [set[str](), {"10.30.0.103"}])
def test_an_address_that_a_growth_which_was_interrupted_left_is_not_asked(
    scene: Scene, silent: set[str]
) -> None:
    """It may start only now, or go home from where it started: it was promised to nobody yet."""
    scene.left, scene.silent = nodes(4), silent
    scene.change(nodes(4), Impact(), before=nodes(3))
    assert scene.said[0] == "web: clients notice nothing"
    assert scene.asked == {f"10.30.0.{number}" for number in (100, 101, 102)}
    [stretch] = scene.stretches
    assert stretch.allowed_s.keys() == scene.asked


def test_a_service_that_takes_no_writes_is_changed_all_the_same(scene: Scene) -> None:
    """A disk that is full is made larger by just this."""
    scene.refused = True
    assert scene.change(lab(nodes={"data_disk_mib": 1024}), Impact()).lines == ()
    assert scene.said[1:] == [
        "nobody measures that: service answers the client outside: not reached",
        "changed",
    ]


def test_a_change_is_done_although_nobody_can_tell_what_clients_noticed(scene: Scene) -> None:
    scene.lost = True
    notice = scene.change(LARGER, TURNS)
    assert notice.lines == ("what clients noticed is not known: the ledger cannot be read",)
    assert scene.said[-2:] == ["changed", "clients end"]


def test_nobody_looks_for_what_was_written_where_the_service_was(scene: Scene) -> None:
    scene.change(lab(service={"address": "10.30.0.77"}), Impact())
    assert scene.said == [
        *("web: clients find it elsewhere, or nowhere", "changed"),
    ]


def test_a_lab_that_is_off_is_brought_up_by_its_change(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: object) -> None:
        raise HalabError("monitor does not answer")

    monkeypatch.setattr(measuring, "LabClock", unreachable)
    scene.change(LARGER, TURNS)
    assert scene.said[-2:] == ["nobody measures that: monitor does not answer", "changed"]


def test_clients_end_with_a_change_that_fails(scene: Scene) -> None:
    progress = cast(Progress, scene)
    with (
        pytest.raises(HalabError, match="no disk left"),
        measuring.measuring(prepared(LARGER), TURNS, progress),
    ):
        raise HalabError("no disk left")
    assert (scene.said[-1], scene.stretches) == ("clients end", [])

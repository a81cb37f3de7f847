"""What `up` does where a lab is kept for a warm start, and where none is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli import up as up_module
from hypervisor.kept_labs import KeptLab, KeptLabs
from infra.impact import Impact
from status.collect import Observer
from status.health import Healthy
from tests.unit.healthy_lab import INVENTORY
from tests.unit.test_host_keys import keygen
from tests.unit.warming_scene import (
    HEALTHY,
    Place,
    make_place,
    refuse,
)

pytestmark = keygen


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return make_place(tmp_path, monkeypatch)


@dataclass
class Course:
    """What `up` did, in order."""

    did: list[str] = field(default_factory=list)

    def note(self, what: str, answer: Any = None) -> Callable[..., Any]:
        def noted(*_: object, **__: object) -> Any:
            self.did.append(what)
            return answer

        return noted


@pytest.fixture
def course(place: Place, monkeypatch: pytest.MonkeyPatch) -> Course:
    """An `up` of which only the order of its steps is real; a lab is kept."""
    made, prepared, found = Course(), place.prepared(), Healthy(HEALTHY, Observer(INVENTORY))
    kept = KeptLab(name="active-passive", made=datetime.now(UTC), facts={}, size=1, files={})
    monkeypatch.setattr(up_module, "prepare", made.note("prepare", prepared))
    monkeypatch.setattr(up_module, "find_kept", made.note("look", kept))
    monkeypatch.setattr(up_module, "start_warm", made.note("warm", found))
    monkeypatch.setattr(up_module, "begin_again", made.note("begin again"))
    monkeypatch.setattr(up_module, "build_measured", made.note("cold", found))
    monkeypatch.setattr(up_module, "keep_for_reset", made.note("snapshot", True))
    monkeypatch.setattr(up_module, "keep", made.note("keep"))
    monkeypatch.setattr(up_module, "set_clocks", made.note("clocks"))
    monkeypatch.setattr(KeptLabs, "remove", made.note("give up"))
    monkeypatch.setattr(up_module, "say_how_to_go_on", lambda *_, **__: None)
    return made


def test_up_starts_from_what_is_kept(course: Course) -> None:
    up_module.up("active-passive")
    assert course.did == ["prepare", "look", "warm", "snapshot"]


def test_up_builds_and_keeps_where_nothing_is_kept(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive")
    assert course.did == ["prepare", "look", "cold", "snapshot", "keep"]


def test_a_cold_up_neither_takes_nor_keeps(course: Course) -> None:
    up_module.up("active-passive", cold=True)
    assert course.did == ["prepare", "cold", "snapshot"]


def test_without_a_snapshot_there_is_nothing_to_keep(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive", snapshot=False)
    assert course.did == ["prepare", "look", "cold"]


def test_where_no_snapshot_sets_the_clocks_of_what_is_kept_up_does(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    up_module.up("active-passive", snapshot=False)
    assert course.did == ["prepare", "look", "warm", "clocks"]
    course.did.clear()
    monkeypatch.setattr(up_module, "keep_for_reset", course.note("no room", False))
    up_module.up("active-passive")
    assert course.did == ["prepare", "look", "warm", "no room", "clocks"]


def test_a_warm_start_that_fails_says_so_and_the_lab_is_built(
    course: Course, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up_module, "start_warm", refuse)
    up_module.up("active-passive")
    assert course.did == [
        *("prepare", "look", "give up", "begin again"),
        *("prepare", "cold", "snapshot", "keep"),
    ]
    assert "the warm start failed" in capfd.readouterr().err


def test_a_warm_start_that_was_killed_is_begun_again(course: Course, place: Place) -> None:
    place.folder.warming.mkdir()
    up_module.up("active-passive")
    assert course.did == ["begin again", "prepare", "look", "warm", "snapshot"]


def test_a_lab_that_exists_is_not_kept(
    course: Course, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(place.folder.path)
    standing = replace(place.prepared(), exists=True, new=False)
    monkeypatch.setattr(up_module, "prepare", course.note("prepare", standing))
    monkeypatch.setattr(up_module, "review", course.note("review", Impact()))
    monkeypatch.setattr(up_module, "find_kept", course.note("look"))
    up_module.up("active-passive")
    assert course.did == ["prepare", "review", "look", "cold", "snapshot"]

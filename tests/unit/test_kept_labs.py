"""Labs in the cache: whole or not there, never more than they may take, the oldest goes first."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import cache as command
from core.errors import HalabError
from hypervisor.kept_labs import LIMIT, KeptLab, KeptLabs, limit_bytes, link_all

FACTS = {"the definition": "a", "halab": "b"}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def keep(name: str, content: bytes = b"x" * 8192, at: int = 0) -> KeptLab:
    """Keep a lab that was used last at a time."""
    kept_labs = KeptLabs()
    draft = kept_labs.begin_draft(name)
    (draft / "snapshot").mkdir()
    (draft / "snapshot" / "node1.memory").write_bytes(content)
    kept = kept_labs.publish(name, datetime.now(UTC), FACTS)
    os.utime(kept_labs.path(name) / "kept.json", (at, at))
    return kept


def names() -> list[str]:
    return [one.name for one in KeptLabs().all()]


def test_what_is_kept_is_found_again() -> None:
    kept = keep("web")

    assert KeptLabs().find("web") == kept
    assert KeptLabs().find("other") is None
    assert kept.size >= 8192
    assert kept.differences(FACTS) == []
    assert kept.differences({**FACTS, "halab": "c"}) == ["halab"]


def test_the_later_one_of_a_name_takes_the_place_of_the_earlier() -> None:
    keep("web")
    later = keep("web", b"later")

    assert KeptLabs().all() == [later]
    assert (KeptLabs().path("web") / "snapshot" / "node1.memory").read_bytes() == b"later"


def cut_off(folder: Path) -> None:
    (folder / "snapshot" / "node1.memory").write_bytes(b"")


def without_description(folder: Path) -> None:
    (folder / "kept.json").unlink()


def garbled(folder: Path) -> None:
    (folder / "kept.json").write_bytes(b"\xff{")


@pytest.mark.parametrize("damage", [cut_off, without_description, garbled])
def test_what_a_crash_damaged_is_not_used_and_goes(damage: Callable[[Path], None]) -> None:
    keep("web")
    keep("other")
    damage(KeptLabs().path("web"))

    assert KeptLabs().find("web") is None
    assert names() == ["other"]

    KeptLabs().trim(limit_bytes(), latest="other")
    assert not KeptLabs().path("web").exists()


def test_a_draft_is_no_kept_lab() -> None:
    KeptLabs().begin_draft("web")

    assert names() == []
    KeptLabs().drop_draft("web")
    assert list(KeptLabs().path("web").parent.glob(".web*")) == []


def test_the_one_that_was_used_longest_ago_goes_first() -> None:
    size = keep("a", at=10).size
    keep("b", at=20)
    keep("c", at=30)
    with KeptLabs().used("a") as folder:
        assert folder == KeptLabs().path("a")

    gone = KeptLabs().trim(2 * size, latest="c")

    assert [one.name for one in gone] == ["b"]
    assert names() == ["c", "a"]


def test_the_latest_goes_last() -> None:
    size = keep("a", at=10).size
    keep("b", at=20)

    KeptLabs().trim(size, latest="a")
    assert names() == ["a"]

    KeptLabs().trim(0, latest="a")
    assert names() == []


def test_a_full_disk_takes_kept_labs_and_not_the_one_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, name in enumerate(("a", "b", "c")):
        keep(name, at=at)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 - len(names())))

    gone = KeptLabs().make_room(98, tmp_path / "labs" / "not-yet-there", "a")

    assert [one.name for one in gone] == ["b"]
    assert names() == ["a", "c"]


def test_where_there_is_room_nothing_goes(tmp_path: Path) -> None:
    keep("a")
    assert KeptLabs().make_room(1, tmp_path, "b") == []
    assert names() == ["a"]


@pytest.mark.parametrize(("place", "wanted"), [("", 1 << 60), ("/proc/labs", 1)])
def test_nothing_goes_where_that_would_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, wanted: int
) -> None:
    keep("a")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))

    assert KeptLabs().make_room(wanted, tmp_path / place, "b") == []
    assert names() == ["a"]


def test_a_person_sets_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limit_bytes() == 20 << 30
    monkeypatch.setenv(LIMIT, "3")
    assert limit_bytes() == 3 << 30
    monkeypatch.setenv(LIMIT, "3 GiB")
    with pytest.raises(HalabError, match="0 keeps no lab"):
        limit_bytes()


def test_files_are_linked_and_not_copied(tmp_path: Path) -> None:
    source = tmp_path / "memory"
    source.write_bytes(b"GiBs")

    link_all({source: tmp_path / "kept" / "memory"})

    assert (tmp_path / "kept" / "memory").samefile(source)


def test_where_no_link_leads_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    source = tmp_path / "memory"
    source.write_bytes(b"GiBs")

    link_all({source: tmp_path / "kept" / "memory"})

    assert (tmp_path / "kept" / "memory").read_bytes() == b"GiBs"
    assert not (tmp_path / "kept" / "memory").samefile(source)


def test_the_command_shows_and_says_what_is_of_no_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("web")
    monkeypatch.setattr(command, "facts_of_halab", lambda: {"halab": "b"})
    command.cache()
    shown = capsys.readouterr().out
    assert "web" in shown and "no use" not in shown and LIMIT in shown

    monkeypatch.setattr(command, "facts_of_halab", lambda: {"halab": "newer"})
    command.cache()
    assert "changed since: halab" in capsys.readouterr().out


def test_the_command_removes_one_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        keep(name)

    command.cache("clean", "b")
    assert names() == ["a", "c"]
    command.cache("clean")
    assert names() == []
    command.cache("clean")
    command.cache()
    assert "no lab is kept for a warm start" in capsys.readouterr().out


def test_what_is_not_there_cannot_be_removed() -> None:
    keep("web")
    with pytest.raises(HalabError, match=r"no lab 'wbe' .*kept: web"):
        command.cache("clean", "wbe")
    with pytest.raises(HalabError, match="not known"):
        command.cache("clear")
    assert names() == ["web"]

"""Which node is updated when, and to what: from what apt printed and what nodes have noted.

The fixtures are what `apt-get --simulate --no-remove --with-new-pkgs upgrade` of apt 3.0 printed in
a Debian 13 chroot: one whose list of installed packages names old versions, with Debian's mirrors
(lines about some of the new packages were taken out), and one with a folder as its only source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from core.errors import HalabError
from updates.apt import Change, parse_simulation, security_names, wants_boot
from updates.note import Goal, Note, parse_note
from updates.planning import Found, Roles, plan

FIXTURES = Path(__file__).parent / "fixtures" / "updates"
UPGRADE = parse_simulation((FIXTURES / "upgrade.txt").read_text())

AGENTS = Change(name="resource-agents", old="1", new="2")
WEB = Change(name="nginx", old="5", new="6")
EXTRA = Change(name="libextra", old=None, new="1")


def node(
    name: str, *changes: Change, note: Note | None = None, has: Mapping[str, str] | None = None
) -> Found:
    return Found(name, note, changes, has or {})


def roles(dc: str | None = None, serving: Collection[str] = ()) -> Roles:
    return Roles(frozenset({"node1", "node2", "node3"}), frozenset(serving), dc)


def test_what_apt_would_install() -> None:
    assert [str(change) for change in UPGRADE] == [
        "libicu76 70-1 -> 76.1-4",
        "libpng16-16t64 1.6.40-1 -> 1.6.48-1+deb13u6",
        "linux-base (new) -> 4.12.1",
        "linux-image-6.12.118+deb13-cloud-amd64 (new) -> 6.12.118-1",
        "linux-image-cloud-amd64 6.12.100-1 -> 6.12.118-1",
        "mount (new) -> 2.41.5-0+deb13u1",
    ]


def test_security_is_told_by_the_archive_and_of_what_is_installed() -> None:
    assert security_names(UPGRADE) == ("libpng16-16t64", "linux-image-cloud-amd64")


def test_a_folder_is_no_security_archive() -> None:
    [change] = parse_simulation((FIXTURES / "folder.txt").read_text())
    assert str(change) == "resource-agents 1:4.16.0-3+deb13u2 -> 1:4.16.0-3+deb13u2+halab1"
    assert not change.security


def test_a_kernel_wants_a_boot() -> None:
    assert wants_boot(UPGRADE)
    assert not wants_boot([AGENTS, WEB])
    [turn] = plan([node("node1", *UPGRADE)], roles())
    assert turn.note.reboot
    assert any("reboot" in line for line in turn.lines())


def test_nothing_offered_is_nothing_to_do() -> None:
    assert plan([node("node1"), node("node2")], roles("node1")) == ()


@pytest.mark.parametrize("dc", ["node1", "node2", "node3"])
def test_the_coordinator_comes_last(dc: str) -> None:
    turns = plan([node(name, AGENTS) for name in ("node1", "node2", "node3")], roles(dc))
    assert [turn.node for turn in turns][-1] == dc
    assert len(turns) == 3


def test_a_node_that_has_it_is_left_alone_and_one_in_the_middle_comes_first() -> None:
    """The first update came through node1 and stopped at node3."""
    done = Note(changes=(AGENTS,), finished=True)
    left = Note(changes=(AGENTS,))
    turns = plan(
        [node("node1", note=done), node("node2", AGENTS), node("node3", note=left)], roles("node3")
    )
    assert [(turn.node, turn.resumes) for turn in turns] == [("node3", True), ("node2", False)]
    assert next(turns[0].lines()) == "node3, goes on where it was left:"


def test_going_on_with_what_is_offered_now_remembers_what_was() -> None:
    """The package that was installed first is broken; a person puts a third version there."""
    mended = Change(name="resource-agents", old="2", new="3")
    [turn] = plan(
        [node("node1", mended, WEB, note=Note(changes=(AGENTS,)), has={"resource-agents": "2"})],
        roles(),
    )
    assert turn.note.steps == (WEB, Change(name="resource-agents", old="1", new="3"))
    assert [str(step) for step in turn.note.back(reboot=False).steps] == [
        "nginx 6 -> 5",
        "resource-agents 3 -> 1",
    ]


def test_going_on_leaves_out_what_is_neither_there_nor_offered_any_more() -> None:
    """The mirror went on to another kernel, and a person has installed agents by hand."""
    kernel = Change(name="linux-image-1", old=None, new="1")
    meta = Change(name="linux-image", old="0", new="1")
    begun = Note(changes=(AGENTS, EXTRA, WEB, kernel, meta))
    has = {"resource-agents": "3", "libextra": "1", "nginx": "5", "linux-image": "0"}
    [turn] = plan(
        [node("node1", meta.model_copy(update={"new": "2"}), note=begun, has=has)], roles()
    )
    assert [str(step) for step in turn.note.steps] == [
        "libextra (new) -> 1",
        "linux-image 0 -> 2",
        "resource-agents 1 -> 3",
    ]


@pytest.mark.parametrize("dc", ["node1", "node2"])
def test_the_way_back_is_from_the_note_and_who_serves_is_the_last(dc: str) -> None:
    """What node2 was given fails where it starts; on node1 nobody has tried that yet."""
    done = Note(changes=(AGENTS, EXTRA), finished=True)
    left = Note(changes=(AGENTS,))
    found = [node("node1", note=left), node("node2", note=done), node("node3")]
    turns = plan(found, roles(dc, serving={"node1"}), back=True)
    assert [turn.node for turn in turns] == ["node2", "node1"]
    assert [[str(step) for step in turn.note.steps] for turn in turns] == [
        ["resource-agents 2 -> 1", "libextra 1 -> (removed)"],
        ["resource-agents 2 -> 1"],
    ]


@pytest.mark.parametrize("back", [True, False])
def test_a_node_that_is_away_is_the_first(*, back: bool) -> None:
    """While it is, no other can go."""
    left = Note(changes=(AGENTS,))
    found = [node("node1", note=left), node("node2", note=left)]
    for away in ("node1", "node2"):
        others = {"node1", "node2"} - {away}
        turns = plan(found, Roles(frozenset(others), frozenset(others), away), back=back)
        assert turns[0].node == away


def test_nobody_goes_forward_from_half_the_way_back() -> None:
    back = Note(changes=(AGENTS,)).back(reboot=False)
    with pytest.raises(HalabError, match="node1 was left on the way back") as caught:
        plan([node("node1", AGENTS, note=back)], roles())
    assert "--rollback" in str(caught.value.hint)
    [turn] = plan([node("node1", note=back)], roles(), back=True)
    assert (turn.resumes, turn.note.goal) == (True, Goal.OLD)


def test_a_note_is_read_as_it_was_written() -> None:
    note = Note(changes=UPGRADE, reboot=True).done()
    assert parse_note(note.model_dump_json(indent=1) + "\n", "node1") == note
    assert parse_note("\n", "node1") is None
    with pytest.raises(HalabError, match=r"node1: .* is no note") as caught:
        parse_note('{"changes"', "node1")
    assert "remove" in str(caught.value.hint)

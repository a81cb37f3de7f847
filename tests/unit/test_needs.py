"""Stories about a lab: what it does not have is left out and named, everything else is told."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from core.folders import PROJECT, LabFolder
from inventory.record import save
from parts.all import Parts
from tests.needs import WORDS, left_out
from tests.unit.sketched import (
    BOOKS,
    DISK,
    FILES,
    LABS,
    PAIR,
    SHOP,
    STORY,
    TABLES,
    TRIO,
    TWO,
    name_of,
    sketched,
)

BARE = sketched("bare", monitoring=False, firewall={"enabled": False})
"""The usual lab without what a definition can leave out."""


def collect(folder: Path, parts: Parts, *paths: str) -> tuple[list[str], dict[str, str]]:
    """Return the stories about a lab, and what each lacks that is not told of it."""
    save(LabFolder(folder).inventory, parts.inventory)
    words = ["-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *paths]
    done = subprocess.run(
        [sys.executable, "-P", *words],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env={"HALAB_LAB": str(folder), "PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^tests/\S+::\S.*(?<!:)$", done.stdout.partition("=====")[0], re.MULTILINE)
    left = re.findall(r"^(tests/\S+::[^:]+): needs (.*)$", done.stdout, re.MULTILINE)
    return told, dict(left)


def lacking(left: dict[str, str]) -> set[str]:
    return {word for words in left.values() for word in words.split(", ")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of all stories."""
    told, left = collect(tmp_path_factory.mktemp("lab"), STORY, "tests/state", "tests/failover")
    return {plain(story) for story in (*told, *left)}


def plain(story: str) -> str:
    """Return a story's name without whom it is told of."""
    return story.partition("[")[0]


PAIRED = ("odd", "bystander", "everywhere", "gfs2")
"""What labs lack whose two nodes take turns at every service."""


@pytest.mark.parametrize(
    ("parts", "lacks"),
    [
        (STORY, {*PAIRED, "shared-disk", "two-node", "nfs"}),
        (
            TRIO,
            {
                "bystander",
                "storage",
                "drbd",
                "shared-disk",
                "device",
                "two-node",
                "gfs2",
                "ledger",
                "nfs",
            },
        ),
        (BOOKS, {*PAIRED, "shared-disk", "two-node", "nginx", "nfs"}),
        (SHOP, {*PAIRED, "shared-disk", "two-node", "nfs"}),
        (DISK, {"bystander", "everywhere", "drbd", "device", "two-node", "gfs2", "nfs"}),
        (
            TABLES,
            {
                *("bystander", "storage", "drbd", "shared-disk", "device", "two-node", "gfs2"),
                *("nfs", "nginx", "scalable", "process"),
            },
        ),
        (TWO, {*PAIRED, "shared-disk", "device", "nfs"}),
        (FILES, {*PAIRED, "shared-disk", "two-node", "nginx", "process"}),
        (BARE, {*PAIRED, "shared-disk", "two-node", "monitoring", "firewall", "nfs"}),
        (PAIR, {"everywhere", "shared-disk", "device", "two-node", "gfs2", "nfs"}),
    ],
    ids=["story", "trio", "books", "shop", "disk", "tables", "two", "files", "bare", "pair"],
)
def test_only_what_a_lab_lacks_is_left_out_and_all_of_that_is_named(
    tmp_path: Path, whole: set[str], parts: Parts, lacks: set[str]
) -> None:
    told, left = collect(tmp_path, parts, "tests/state", "tests/failover")
    assert lacking(left) == lacks
    assert {plain(story) for story in told} | {plain(story) for story in left} == whole
    assert not {plain(story) for story in told} & {plain(story) for story in left}
    # A story for each of none is none.
    assert not [story for story in told if "NOTSET" in story]


def test_of_three_nodes_without_data_nothing_is_told_of_data(tmp_path: Path) -> None:
    _, left = collect(tmp_path, TRIO, "tests/state", "tests/failover")
    assert {story.partition("::")[0] for story in left} == {
        *("tests/state/test_membership.py", "tests/state/test_replication.py"),
        *("tests/state/test_shared_disk.py", "tests/state/test_service.py"),
        "tests/state/test_cluster_filesystem.py",
        *("tests/state/test_fencing.py", "tests/failover/test_two_node.py"),
        *("tests/state/test_nfs.py", "tests/failover/test_exports.py"),
        *("tests/failover/test_three_node.py", "tests/failover/test_dropped_write.py"),
        *("tests/failover/test_rejoin.py", "tests/failover/test_replication_lost.py"),
        *("tests/failover/test_host_lost.py", "tests/failover/test_transfer.py"),
        *("tests/failover/test_second_mount.py", "tests/failover/test_scaling.py"),
    }


def test_a_story_is_told_of_every_node_service_and_storage(tmp_path: Path) -> None:
    told, _ = collect(tmp_path, SHOP, "tests/state")
    names = {story.partition("::")[2] for story in told}
    for who in ("web", "books"):
        assert f"test_the_monitor_is_answered_at_every_address[{who}]" in names
    for storage in ("data", "ledger"):
        assert f"test_its_secret_is_readable_for_root_alone[{storage} on node1]" in names
    assert "test_debian_13[monitor]" in names


def test_a_word_that_nobody_knows_is_no_reason_to_leave_a_story_out() -> None:
    item = SimpleNamespace(
        nodeid="tests/state/test_x.py::test_y",
        iter_markers=lambda _: [pytest.mark.needs("dbrd").mark],
    )
    with pytest.raises(pytest.UsageError, match="test_y needs what nobody knows: dbrd"):
        left_out(STORY, [cast(pytest.Item, item)])


@pytest.mark.parametrize("parts", LABS, ids=name_of)
def test_words_are_about_parts(parts: Parts) -> None:
    known = {word for word, holds in WORDS.items() if holds(parts)}
    assert {"sbd", "firewall"} <= known
    assert ("monitoring" in known) == (parts.inventory.monitoring is not None)
    kinds = {each.settings.kind for each in parts.inventory.storage}
    assert {"drbd", "shared-disk", "gfs2"} & known == kinds
    assert ("storage" in known) == bool(kinds)
    assert len({"everywhere", "standby"} & known) == 1

"""The quorum device registers when corosync's membership rests, and not in the middle of a join."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parts.host import File, program
from parts.membership import corosync
from parts.quorum import device
from tests.unit.delivered import content, files
from tests.unit.provisioned_lab import everything, fresh, inventory, plan_of

ALONE = "gather_entered 1, node1 0"
LINK_UP = "gather_entered 1, node1 1"
JOINED = "gather_entered 2, node1 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put_program(tmp_path, "sleep", "exit 0")
    return tmp_path


def put_program(folder: Path, name: str, text: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def awaited(folder: Path, looks: list[str], *, rest: int = 4, most: int = 30) -> tuple[int, str]:
    """Let corosync answer like this, once a second; return how often it was asked, and the words.

    The last answer is given for ever; an empty one is none.
    """
    for number, look in enumerate(looks, 1):
        (folder / f"look-{number}").write_text(look)
    put_program(
        folder,
        "corosync-cmapctl",
        f"echo asked >>{folder}/asked\n"
        f'n=$(wc -l <{folder}/asked); echo "$n.33 0.00" >{folder}/uptime\n'
        f"[ $n -le {len(looks)} ] || n={len(looks)}\n"
        f"[ -s {folder}/look-$n ] && cat {folder}/look-$n",
    )
    (folder / "uptime").write_text("0.10 0.00\n")
    text = program("await_membership.sh").replace("/proc/uptime", str(folder / "uptime"))
    done = subprocess.run(
        ["/bin/sh", "-uc", text, "await-membership", str(rest), str(most), "a.key", "another.key"],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        timeout=20,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return len((folder / "asked").read_text().splitlines()), done.stdout


def test_a_node_that_stays_alone_waits_no_longer_than_it_has_to(folder: Path) -> None:
    assert awaited(folder, [ALONE]) == (1 + 4, "")


def test_every_step_of_a_join_makes_it_wait_again(folder: Path) -> None:
    looks = [ALONE, ALONE, ALONE, LINK_UP, LINK_UP, JOINED]
    assert awaited(folder, looks) == (len(looks) + 4, "")


def test_a_corosync_that_does_not_answer_does_not_rest(folder: Path) -> None:
    assert awaited(folder, [ALONE, "", "", "", "", "", ALONE]) == (7 + 4, "")


def test_a_membership_that_never_rests_is_waited_for_only_so_long(folder: Path) -> None:
    asked, said = awaited(folder, [str(n) for n in range(100)], most=12)
    assert asked == 1 + 12
    assert "has not rested for 4 s within 12 s" in said


def test_systemd_waits_before_every_start_of_the_device_and_long_enough() -> None:
    lab = inventory()
    waiting = files(lab)[device.AWAIT_MEMBERSHIP]
    assert isinstance(waiting, File) and waiting.mode == 0o755
    lines = content(device.DROP_IN, lab).splitlines()
    [wait] = [line for line in lines if line.startswith("ExecStartPre=")]
    timing = lab.timing
    path, rest, most, *keys = wait.removeprefix("ExecStartPre=").split()
    assert path == device.AWAIT_MEMBERSHIP
    assert (int(rest), int(most)) == (timing.membership_rest_s, timing.membership_wait_s)
    # Stock corosync names them so; a name that it does not know would never change.
    assert {"stats.srp.gather_entered", "stats.srp.operational_entered"} <= set(keys)
    assert {
        f"stats.knet.node{node.number}.link{link}.connected"
        for node in lab.nodes
        for link in corosync.LINKS
    } <= set(keys)
    [limit] = [line for line in lines if line.startswith("TimeoutStartSec=")]
    assert int(limit.partition("=")[2]) > timing.membership_wait_s


def test_nobody_waits_for_the_device_when_a_lab_is_built() -> None:
    lab = inventory()
    found, node = plan_of(lab, fresh(lab)), lab.nodes[1]
    steps = found.membership(node, everything(found, node))
    assert [step.command for step in steps] == [
        "systemctl start corosync",
        "systemctl start --no-block corosync-qdevice",
    ]

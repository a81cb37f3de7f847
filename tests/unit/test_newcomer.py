"""What a new node proves before it serves, and how the slot of one that left is given up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parts.host import program
from tests.unit.test_await_membership import put_program

SECTOR = 512


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose programs go before all others; a clock in it runs with each sleep."""
    (tmp_path / "uptime").write_text("0.10 0.00\n")
    clock = tmp_path / "uptime"
    put_program(tmp_path, "sleep", f'read -r t _ <{clock}; echo "$((${{t%.*}} + $1)).1 0" >{clock}')
    return tmp_path


def run(folder: Path, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    text = program(name).replace("/proc/uptime", str(folder / "uptime"))
    return subprocess.run(
        ["/bin/sh", "-euc", text, name, *words],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        timeout=20,
        capture_output=True,
        text=True,
        check=False,
    )


def waited_s(folder: Path) -> int:
    return int((folder / "uptime").read_text().partition(".")[0])


def test_links_are_awaited_until_all_are_there(folder: Path) -> None:
    put_program(
        folder,
        "corosync-cmapctl",
        f"echo x >>{folder}/asked\n"
        f'[ "$(wc -l <{folder}/asked)" -lt 3 ] && echo "$4 (u8) = 0" || echo "$4 (u8) = 1"',
    )
    done = run(folder, "await_links.sh", "30", "node1.link0", "node1.link1")

    assert (done.returncode, done.stderr) == (0, "")
    assert waited_s(folder) == 2


def test_a_link_that_stays_down_is_named(folder: Path) -> None:
    put_program(folder, "corosync-cmapctl", 'echo "$4 (u8) = 0"')
    done = run(folder, "await_links.sh", "5", "stats.knet.node1.link1.connected")

    assert done.returncode == 1
    assert done.stderr == "stats.knet.node1.link1.connected is not 1 within 5 s\n"


def member(online: str, pending: str) -> str:
    return (
        f'<node name="node4" id="4" online="{online}" standby="true" pending="{pending}" '
        'unclean="false" health="green"/>'
    )


def crm(folder: Path, *answers: str) -> Path:
    """Let the cluster show a node like this, one answer after the other; return what it is told."""
    for number, answer in enumerate(answers, 1):
        (folder / f"look-{number}").write_text(answer)
    put_program(
        folder,
        "crm_mon",
        f"echo x >>{folder}/asked; n=$(wc -l <{folder}/asked)\n"
        f"[ $n -le {len(answers)} ] || n={len(answers)}\ncat {folder}/look-$n",
    )
    put_program(folder, "crm_standby", f'echo "$*" >>{folder}/told')
    return folder / "told"


def test_a_new_node_goes_online_when_it_is_a_member_and_is_new_no_more(folder: Path) -> None:
    told = crm(folder, member("false", "false"), member("true", "true"), member("true", "false"))
    note = folder / "newcomer"
    note.write_text("lab\n")

    done = run(folder, "go_online.sh", "30", "node4", str(note))

    assert (done.returncode, done.stderr) == (0, "")
    assert told.read_text() == "--node node4 --delete\n"
    assert not note.exists()
    assert waited_s(folder) == 4


def test_a_new_node_that_is_no_member_stays_new_and_in_standby(folder: Path) -> None:
    told = crm(folder, member("true", "true"))
    note = folder / "newcomer"
    note.write_text("lab\n")

    done = run(folder, "go_online.sh", "6", "node4", str(note))

    assert (done.returncode, done.stderr) == (1, "node4 is no member of the cluster within 6 s\n")
    assert note.exists()
    assert not told.exists()


@pytest.mark.parametrize(("fourth", "told"), [("left", True), ("joined", False)])
def test_a_configuration_is_not_taken_over_beside_a_member_that_it_does_not_name(
    folder: Path, fourth: str, told: bool
) -> None:
    states = {"1": "joined", "2": "joined", "3": "joined", "4": fourth}
    lines = "\n".join(f"runtime.members.{n}.status (str) = {how}" for n, how in states.items())
    (folder / "members").write_text(f"{lines}\n")
    put_program(folder, "corosync-cmapctl", f"cat {folder}/members")
    put_program(folder, "corosync-cfgtool", f'echo "$*" >>{folder}/told')

    done = run(folder, "take_over_configuration.sh", "1", "2", "3")

    assert (folder / "told").exists() == told
    assert (done.returncode == 0) == told
    assert ("node 4 is a member" in done.stderr) != told


def fencing_disk(folder: Path) -> Path:
    """Return a file that looks like a disk on which three nodes have slots, 0, 1 and 4."""
    disk = folder / "disk"
    slots = "0\tnode1\tclear\t\n1\tnode10\tclear\t\n4\tnode4\treset\tnode1\n"
    (folder / "slots").write_text(slots)
    disk.write_bytes(b"".join(bytes([number + 1]) * SECTOR for number in range(16)))
    put_program(
        folder,
        "sbd",
        f'case $3 in dump) echo "Sector size        : 512" ;;\nlist) cat {folder}/slots ;;\nesac',
    )
    return disk


def test_a_slot_is_given_up_with_its_mailbox_and_no_other(folder: Path) -> None:
    disk = fencing_disk(folder)
    before = disk.read_bytes()

    done = run(folder, "release_slot.sh", str(disk), "node4")

    if "Invalid argument" in done.stderr:
        pytest.skip("files here cannot be written past the cache")
    assert (done.returncode, done.stderr) == (0, "")
    # The header is sector 0, then a slot and its mailbox for each number.
    start, end = 9 * SECTOR, 11 * SECTOR
    assert disk.read_bytes() == before[:start] + bytes(2 * SECTOR) + before[end:]


def test_a_node_without_a_slot_has_none_to_give_up(folder: Path) -> None:
    disk = fencing_disk(folder)
    before = disk.read_bytes()
    assert run(folder, "release_slot.sh", str(disk), "node").returncode == 0
    assert disk.read_bytes() == before

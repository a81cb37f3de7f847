"""What a new node proves before it serves, and how the slot of one that left is given up."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from parts.host import program, render
from parts.membership.corosync import QUORATE
from tests.unit.test_await_membership import put_program

SECTOR = 512

JOINED, ONLINE = "await.sh await_cluster.sh", "await.sh go_online.sh"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose programs go before all others; a clock in it runs with each sleep."""
    (tmp_path / "uptime").write_text("0.10 0.00\n")
    clock = tmp_path / "uptime"
    put_program(tmp_path, "sleep", f'read -r t _ <{clock}; echo "$((${{t%.*}} + $1)).1 0" >{clock}')
    return tmp_path


def run(folder: Path, names: str, *words: str) -> subprocess.CompletedProcess[str]:
    text = program(*names.split()).replace("/proc/uptime", str(folder / "uptime"))
    return subprocess.run(
        ["/bin/sh", "-euc", text, names, *words],
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
    done = run(folder, JOINED, "30", "true", "node1.link0", "node1.link1")

    assert (done.returncode, done.stderr) == (0, "")
    assert waited_s(folder) == 2


def test_a_link_that_stays_down_is_named(folder: Path) -> None:
    put_program(folder, "corosync-cmapctl", 'echo "$4 (u8) = 0"')
    done = run(folder, JOINED, "5", "true", "stats.knet.node1.link1.connected")

    assert done.returncode == 1
    assert done.stderr == "stats.knet.node1.link1.connected is not 1 within 5 s\n"


def quorums(folder: Path, *answers: str) -> None:
    """Let corosync say of its quorum what it says when asked so often, the last for ever."""
    cases = "".join(
        f"{number}) echo 'Quorate:          {answer}' ;;\n"
        for number, answer in enumerate(answers[:-1], 1)
    )
    put_program(folder, "corosync-cmapctl", 'echo "$4 (u8) = 1"')
    put_program(
        folder,
        "corosync-quorumtool",
        f"echo x >>{folder}/asked; case $(wc -l <{folder}/asked) in\n{cases}"
        f"*) echo 'Quorate:          {answers[-1]}' ;;\nesac",
    )


def test_a_node_that_is_connected_waits_for_a_quorum_with_the_others(folder: Path) -> None:
    quorums(folder, "No", "No", "No", "Yes")
    done = run(folder, JOINED, "30", QUORATE, "node1.link0")

    assert (done.returncode, done.stderr) == (0, "")
    assert waited_s(folder) == 3


def test_a_node_without_a_quorum_says_so(folder: Path) -> None:
    quorums(folder, "No")
    done = run(folder, JOINED, "5", QUORATE, "node1.link0")

    assert (done.returncode, done.stderr) == (1, "there is no quorum within 5 s\n")


@pytest.mark.parametrize(("answers", "waited"), [(("Yes",), 0), (("No", "No", "Yes"), 2)])
def test_pacemaker_of_a_new_node_starts_with_a_quorum_only_at_a_boot_as_well(
    folder: Path, answers: tuple[str, ...], waited: int
) -> None:
    quorums(folder, *answers)
    lines = render("newcomer.conf.j2", quorate=QUORATE).splitlines()
    assert "Environment=PCMK_node_start_state=standby" in lines
    [before] = [line for line in lines if line.startswith("ExecStartPre=")]
    # As systemd divides it (systemd.service(5)): nothing in it is expanded.
    assert not {"%", "$", "\\"} & set(before)
    subprocess.run(
        shlex.split(before.removeprefix("ExecStartPre=")),
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        timeout=20,
        check=True,
    )
    assert waited_s(folder) == waited


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


def noted(folder: Path, reload: str = "exit 0") -> tuple[Path, Path]:
    """Return the note of a new node and its setting; systemd answers to a reload like this."""
    put_program(
        folder, "systemctl", f'[ "$*" = daemon-reload ] && touch {folder}/reloaded; {reload}'
    )
    note, setting = folder / "newcomer", folder / "newcomer.conf"
    for file in (note, setting):
        file.write_text("lab\n")
    return note, setting


def test_a_node_stays_new_until_nothing_starts_it_as_one(folder: Path) -> None:
    crm(folder, member("true", "false"))
    note, setting = noted(folder, reload="exit 1")

    assert run(folder, ONLINE, "6", "node4", str(setting), str(note)).returncode == 1
    assert note.exists()
    noted(folder)
    assert run(folder, ONLINE, "6", "node4", str(setting), str(note)).returncode == 0
    assert not note.exists()


def test_a_new_node_goes_online_when_it_is_a_member_and_is_new_no_more(folder: Path) -> None:
    told = crm(folder, member("false", "false"), member("true", "true"), member("true", "false"))
    note, setting = noted(folder)

    done = run(folder, ONLINE, "30", "node4", str(setting), str(note))

    assert (done.returncode, done.stderr) == (0, "")
    assert told.read_text() == "--node node4 --delete\n"
    assert not note.exists() and not setting.exists()
    assert (folder / "reloaded").exists()
    assert waited_s(folder) == 4


def test_a_new_node_that_is_no_member_stays_new_and_in_standby(folder: Path) -> None:
    told = crm(folder, member("true", "true"))
    note, setting = noted(folder)

    done = run(folder, ONLINE, "6", "node4", str(setting), str(note))

    assert (done.returncode, done.stderr) == (1, "node4 is no member of the cluster within 6 s\n")
    assert note.exists() and setting.exists()
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

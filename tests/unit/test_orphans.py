"""What a killed halab left at work is ended; what belongs to a living one, or to nobody, is not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from core.processes import environment_of, is_alive
from core.wait import wait_until
from infra.orphans import DRIVER, LAB, PULUMI, driver_mark, end_orphans

Processes = list["subprocess.Popen[bytes]"]


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    return LabFolder(tmp_path / "demo")


@pytest.fixture
def processes() -> Iterator[Processes]:
    started: Processes = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def plugin(
    processes: Processes, lab: Path, driver: str | None, name: str = "pulumi-resource-libvirt"
) -> int:
    """Start something that looks like a Pulumi plugin at work on a lab."""
    environment = {LAB: str(lab), **({DRIVER: driver} if driver else {})}
    processes.append(subprocess.Popen([name, "60"], executable="/bin/sleep", env=environment))
    pid = processes[-1].pid
    # A program shows no environment for a moment after Popen has returned: the kernel closes the
    # pipe that Popen waits for before it sets the new program up.
    wait_until(
        lambda: environment_of(pid),
        lambda shown: LAB in shown,
        what="the plugin to show its environment",
        timeout=10,
        interval=0.01,
    )
    return pid


def dead_driver() -> str:
    """Return the mark of a halab that has ended."""
    with subprocess.Popen(["/bin/true"]) as ended:
        pass
    return f"{ended.pid}:1"


def hold_lock(folder: LabFolder, pid: int) -> Path:
    lock = folder.pulumi / ".pulumi" / "locks" / "organization" / "halab" / "demo" / "one.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": pid}))
    return lock


def test_plugins_of_a_killed_halab_are_ended(folder: LabFolder, processes: Processes) -> None:
    left = plugin(processes, folder.path, dead_driver())
    end_orphans(folder)
    assert not is_alive(left)


def test_a_number_that_was_given_out_again_is_no_driver(
    folder: LabFolder, processes: Processes
) -> None:
    number = driver_mark().partition(":")[0]
    left = plugin(processes, folder.path, f"{number}:1")
    end_orphans(folder)
    assert not is_alive(left)


def test_others_go_on(folder: LabFolder, processes: Processes) -> None:
    ours = plugin(processes, folder.path, driver_mark())
    by_hand = plugin(processes, folder.path, None)
    of_another_lab = plugin(processes, folder.path.with_name("other"), dead_driver())
    end_orphans(folder)
    assert all(map(is_alive, (ours, by_hand, of_another_lab)))


def test_a_lock_of_a_killed_halab_goes_with_its_pulumi(
    folder: LabFolder, processes: Processes
) -> None:
    left = plugin(processes, folder.path, dead_driver(), PULUMI)
    lock = hold_lock(folder, left)
    end_orphans(folder)
    assert not is_alive(left)
    assert not lock.exists()


def test_a_lock_from_before_a_reboot_belongs_to_nobody(
    folder: LabFolder, processes: Processes
) -> None:
    """Its number may be a stranger's by now, whom nobody shall be told to end."""
    stranger = plugin(processes, folder.path.with_name("elsewhere"), None, "editor")
    lock = hold_lock(folder, stranger)
    end_orphans(folder)
    assert is_alive(stranger)
    assert not lock.exists()


def test_a_person_at_work_is_not_disturbed(folder: LabFolder, processes: Processes) -> None:
    by_hand = plugin(processes, folder.path, None, PULUMI)
    lock = hold_lock(folder, by_hand)
    with pytest.raises(HalabError, match=rf"pulumi \(pid {by_hand}\)"):
        end_orphans(folder)
    assert is_alive(by_hand)
    assert lock.exists()

"""A disk that is slow kills nobody: clients alone notice, by how long a promise takes.

A real libvirtd, halab's private one, makes it slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from core.folders import LabFolder
from drills.catalogue import find
from drills.errand import WRITE_TIMEOUT
from drills.expectations import Expected
from drills.faults.base import Scene
from drills.faults.storage import SYNCED_WRITES_PER_S, WRITES_PER_S, disk_slowed
from drills.findings import Findings
from drills.judge import judge
from drills.power import Power
from drills.probes import Attempt
from drills.result import Answer
from drills.rulings.data import promptness_question
from drills.situation import Fate
from hypervisor.objects import Virsh
from hypervisor.private import PrivateHypervisor
from inventory.record import LabRecord
from parts.all import Parts
from tests.unit.healthy_lab import INVENTORY
from tests.unit.sample_findings import FAULT, FLAWLESS, write
from tests.unit.situations import expected
from tests.unit.sketched import STORY
from tests.unit.test_ownership import marked, with_libvirtd

QUESTION = "Did writes take longer than without the fault?"

MACHINE = """<domain type='qemu'><name>lab-node1</name>{mark}<memory unit='MiB'>16</memory>
<os><type arch='x86_64'>hvm</type></os><devices>{disks}</devices></domain>"""

DISK = """<disk type='file'><driver name='qemu' type='raw'/><source file='{file}'/>
<target dev='{device}' bus='virtio'/><serial>{serial}</serial></disk>"""


@pytest.fixture
def virsh(tmp_path: Path) -> Iterator[Virsh]:
    """A libvirt with a machine of two disks, whose processors stand still."""
    disks = []
    for device, serial in (("vda", "root"), ("vdb", "data")):
        file = tmp_path / serial
        file.write_bytes(bytes(2**20))
        disks.append(DISK.format(file=file, device=device, serial=serial))
    machine = tmp_path / "machine.xml"
    machine.write_text(MACHINE.format(mark=marked("ours"), disks="".join(disks)))
    hypervisor = PrivateHypervisor(LabFolder(tmp_path / "lab"))
    hypervisor.start()
    virsh = Virsh(hypervisor.uri)
    virsh(f"define {machine}; start lab-node1 --paused")
    yield virsh
    hypervisor.stop()


@with_libvirtd
def test_only_the_disk_that_is_meant_takes_few_writes_until_it_is_healed(virsh: Virsh) -> None:
    def limits() -> list[int]:
        texts = [virsh("blkdeviotune", "lab-node1", device) for device in ("vda", "vdb")]
        return [int(re.findall(r"write_iops_sec\s*: (\d+)", text)[0]) for text in texts]

    record = SimpleNamespace(
        uri=virsh.uri, domains={"node1": "lab-node1"}, network=None, mark="ours"
    )
    power = Power(cast(LabRecord, record))
    there = Scene(INVENTORY, power, INVENTORY.nodes[:1], {})
    for syncs, slow in ((True, SYNCED_WRITES_PER_S), (False, WRITES_PER_S)):
        fault = disk_slowed("data", syncs=syncs)
        fault.inject(there)
        assert limits() == [0, slow]
        fault.heal(there)
    fault.heal(there)
    assert limits() == [0, 0]

    # Whoever has no power, or another disk, has nothing to take back.
    disk_slowed("other", syncs=False).heal(there)
    virsh("destroy", "lab-node1")
    fault.heal(there)


def writes(number: int, begin: float, took: float, count: int) -> Iterable[Attempt]:
    """Return writes that follow one another and take so many seconds each."""
    for turn in range(count):
        begun = begin + turn * max(0.5, took)
        attempt = write(number + turn, begun + took)
        yield replace(attempt, begun=begun, ended=begun + took)


def answer(*attempts: Attempt) -> tuple[Answer, str]:
    slow = Expected(Fate.STAYS, 3.0, writes_slowed=True)
    found: Findings = replace(FLAWLESS, expected=slow, attempts=attempts, healed=FAULT + 30)
    [check] = [check for check in judge(found) if check.question == QUESTION]
    return check.answer, check.evidence


BEFORE = tuple(writes(1, FAULT - 2, 0.05, 4))
AFTERWARDS = tuple(writes(60, FAULT + 31, 0.07, 4))


def test_clients_waited_longer_and_it_shows() -> None:
    slow = writes(10, FAULT + 0.1, 0.8, 30)
    assert answer(*BEFORE, *slow, *AFTERWARDS) == (
        Answer.PASS,
        "one of 30 writes took 0.80 s, of 8 before and afterwards 0.06 s (medians)",
    )


def test_a_disk_that_nobody_noticed_was_not_slow() -> None:
    fast = writes(10, FAULT + 0.1, 0.06, 50)
    held_up = writes(60, FAULT + 27, 1.0, 2)
    assert answer(*BEFORE, *fast, *held_up, *AFTERWARDS)[0] is Answer.FAIL


def test_a_disk_that_is_too_slow_for_clients_fails_the_drill() -> None:
    """They give a write up, and its successor, for longer than anybody may have to wait."""
    given_up = (replace(each, ok=False) for each in writes(10, FAULT + 0.1, WRITE_TIMEOUT, 6))
    slow = Expected(Fate.STAYS, 3.0, writes_slowed=True)
    attempts = (*BEFORE, *given_up, *AFTERWARDS)
    found: Findings = replace(FLAWLESS, expected=slow, attempts=attempts, healed=FAULT + 30)
    [check] = [check for check in judge(found) if "between two writes" in check.question]
    assert (check.answer, check.evidence) == (Answer.FAIL, "the longest time was 31.5 s")


@pytest.mark.parametrize(("took", "verdict"), [(0.9, Answer.PASS), (1.1, Answer.FAIL)])
def test_a_disk_that_stays_slow_fails_every_drill(took: float, verdict: Answer) -> None:
    """No gap tells: the client gets each of its promises, and waits for each."""
    late = (*writes(10, FAULT + 41, 0.05, 10), *writes(20, FAULT + 60, took, 11))
    found: Findings = replace(FLAWLESS, attempts=(*BEFORE, *late))
    [check] = [each for each in judge(found) if "half of the last writes" in each.question]
    assert (check.question, check.answer) == (
        "Did half of the last writes take no longer than 1.0 s?",
        verdict,
    )
    assert check.evidence == f"one of the last 20 took {took:.2f} s (median)"


@pytest.mark.parametrize(("pace", "seconds"), [(1, 1.0), (4, 2.0), (5, 2.5), (12, 2.5)])
def test_a_client_sees_it_before_it_gives_up(pace: int, seconds: float) -> None:
    timing = INVENTORY.timing.model_copy(update={"pace": pace})
    part = Parts(INVENTORY.model_copy(update={"timing": timing})).first_service
    assert f"no longer than {seconds:.1f} s" in promptness_question(replace(FLAWLESS, part=part))
    assert seconds <= WRITE_TIMEOUT / 2


def test_one_address_of_several_is_enough_to_be_slow() -> None:
    swift = [replace(each, address="10.30.0.101") for each in writes(40, FAULT + 41, 0.05, 40)]
    slow = [*writes(100, FAULT + 41, 3.0, 20)]
    found: Findings = replace(FLAWLESS, attempts=(*swift, *slow))
    [check] = [each for each in judge(found) if "half of the last writes" in each.question]
    assert check.answer is Answer.FAIL
    assert check.evidence.endswith(f"took 3.00 s at {slow[0].address} (median)")


@pytest.mark.parametrize("attempts", [BEFORE, tuple(writes(10, FAULT + 1, 0.8, 9)), ()])
def test_who_did_not_write_then_and_now_cannot_tell(attempts: tuple[Attempt, ...]) -> None:
    assert answer(*attempts)[0] is Answer.UNKNOWN


@pytest.mark.parametrize("target", ["node1", "node2"])
def test_whichever_nodes_disk_it_is_nothing_moves_and_nobody_complains(target: str) -> None:
    found = expected(STORY, "slow-disk", target)
    assert (found.fate, found.writes_slowed, found.interrupted) == (Fate.STAYS, True, False)
    assert not (found.fenced or found.reasons or found.alarms or found.allowed_news)
    assert find("slow-disk", STORY).only is None

"""A disk that one node at a time may use, and somebody who wants it on a second one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drills.catalogue import find
from drills.expectations import but, unnoticed
from drills.faults.base import Fault, commands
from drills.faults.shared import let_go
from drills.result import Answer
from parts.all import Parts
from parts.storage.shared import AT_ONCE, SharedDisk
from tests.failover.conftest import Rehearse, require_pass

pytestmark = [pytest.mark.needs("shared-disk"), pytest.mark.thorough]


def test_lvm_keeps_who_knows_of_no_owner_away(rehearse: Rehearse) -> None:
    require_pass(rehearse("forced-activation"))


def _mounted_by_force(disk: SharedDisk) -> Fault:
    """Leave LVM out and map the disk as its owner has it; to read alone, its journal unread.

    What the first node writes stays as it is: the judge has to see the second user, not the ruin.
    """
    lvm, bare = "--foreign --noheadings --nosuffix --units s --options", disk.storage.disk
    return commands(
        f"size=$(lvs {lvm} lv_size {disk.group}/{disk.storage.name})\n"
        f"begin=$(pvs {lvm} pe_start {bare})\n"
        f'dmsetup create {disk.mapped} --table "0 $size linear {bare} $begin"\n'
        f"mount -o ro,noload {disk.device} {disk.storage.mount_point}",
        let_go(disk),
        f"findmnt --noheadings --output SOURCE,OPTIONS {disk.storage.mount_point}",
    )


def test_the_judge_sees_who_mounts_it_all_the_same(rehearse: Rehearse, parts: Parts) -> None:
    [disk, *_] = parts.shared_disks.values()
    result = rehearse(
        replace(
            find("forced-activation", parts),
            name="second-mount",
            fault=_mounted_by_force(disk),
            expects=but(unnoticed(), reasons=(AT_ONCE,)),
        )
    )
    answers = {check.question: check.answer for check in result.checks}
    assert result.answer is Answer.FAIL
    assert answers["Was the fault really there?"] is Answer.PASS
    assert answers["Was no shared disk in use on two nodes at once?"] is Answer.FAIL
    assert answers["Is every acknowledged write there, exactly once and in order?"] is Answer.PASS
    assert answers["Is the lab healthy again?"] is Answer.PASS

"""A machine's daemons: told by name, process and boot, so that a restart is a loss."""

from __future__ import annotations

import pytest

from drills.daemons import COMMAND, UNITS, lost, parse_daemons
from tests.unit.provisioned_lab import this_machine

PRINTED = """\
6c1f0a52-8a5c-4b6e-9b59-1f5d9b1f7a10
      1  61 -                               systemd
    402  61 sbd.service                     sbd
    404  61 sbd.service                     sbd
    431  61 corosync.service                corosync
    460  61 corosync-qdevice.service        corosync-qdevic
    480  61 pacemaker.service               pacemakerd
    483  61 pacemaker.service               pacemaker-sched
    702  61 pacemaker.service               nginx
"""


def test_daemons_are_told_from_all_other_processes() -> None:
    found = parse_daemons(PRINTED)
    assert sorted(name for name, _ in found) == [
        "corosync",
        "corosync-qdevice",
        "pacemaker-schedulerd",
        "pacemakerd",
        "sbd",
        "sbd",
    ]


@pytest.mark.parametrize(
    "change", [("    431  61 cor", "   1431  61 cor"), ("6c1f0a52", "7c1f0a52")]
)
def test_another_process_or_another_boot_is_a_loss(change: tuple[str, str]) -> None:
    before, after = parse_daemons(PRINTED), parse_daemons(PRINTED.replace(*change))
    assert "corosync" in lost(before, after)


def test_one_of_several_processes_counts() -> None:
    assert lost(
        parse_daemons(PRINTED),
        parse_daemons(PRINTED.replace("    404  61 sbd.service                     sbd\n", "")),
    ) == ("sbd",)


def test_what_comes_besides_is_no_loss() -> None:
    after = parse_daemons(PRINTED + "    900  61 sbd.service sbd\n")
    assert lost(parse_daemons(PRINTED), after) == ()


@pytest.mark.parametrize(
    "passing",
    ["    900  61 pacemaker.service sbd\n", "    900  3 pacemaker.service pacemaker-execd\n"],
)
def test_a_command_or_a_fork_with_a_daemons_name_is_none(passing: str) -> None:
    before = parse_daemons(PRINTED + passing)
    assert lost(before, parse_daemons(PRINTED)) == ()


def test_names_stay_apart_when_the_kernel_shortens_them() -> None:
    assert len({name[:15] for name in UNITS}) == len(UNITS)


@pytest.mark.parametrize("printed", ["", "boot only\n"])
def test_an_empty_answer_is_no_machine_without_daemons(printed: str) -> None:
    with pytest.raises(ValueError, match="no list"):
        parse_daemons(printed)


def test_a_real_machine_answers() -> None:
    assert parse_daemons(this_machine().run(COMMAND).stdout) is not None

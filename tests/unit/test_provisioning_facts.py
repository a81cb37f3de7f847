"""What a machine prints about itself is read right, whatever it lacks."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

import pytest

from core.errors import HalabError
from inventory.model import Machine
from labs.roles import MachineRole
from machines.remote import Remote, Result
from parts.all import Parts
from parts.facts import AWAY, parse_facts
from parts.fencing import sbd
from parts.fencing.sbd import LOOK, DiskTimeouts, header, parse_dump
from parts.storage.drbd import Sizes, parse_sizes
from provisioning.facts import look
from provisioning.files import run_script
from tests.unit.planned_lab import OFFERED, planned
from tests.unit.provisioned_lab import ThisMachine, fencing_disk, inventory, this_machine

FENCING_DISK = fencing_disk(5, 10)

NODE = f"""== system
debian 13
== hostname
node1
== packages
installed bash
not-installed corosync
config-files sbd
installed chrony
== units
Id=chrony.service
ActiveState=active
UnitFileState=enabled

Id=corosync.service
ActiveState=activating
UnitFileState=disabled

Id=pacemaker.service
ActiveState=failed
UnitFileState=enabled

Id=sbd.service
ActiveState=inactive
UnitFileState=
== note quorum-certificates
abc123
== note replication
demo

== corosync.conf
totem {{
    version: 2
}}

== look sizes r0
disk 536870912
device 1048472
filesystem 131059 6552 127000 8100 0 2
== look fencing disk
{FENCING_DISK}"""


def test_a_node_is_read() -> None:
    facts = parse_facts(NODE)
    assert facts.system == "debian 13"
    assert facts.hostname == "node1"
    assert facts.packages == {"bash", "chrony"}
    assert facts.unit("chrony.service").active and facts.unit("chrony.service").enabled
    assert facts.unit("corosync.service").active and not facts.unit("corosync.service").enabled
    assert facts.is_member
    assert not facts.unit("pacemaker.service").active
    assert not facts.cluster_runs
    assert parse_sizes(facts.looks["sizes r0"]) == Sizes(
        disk_kib=524288, device_kib=524236, filesystem_kib=524236
    )
    assert facts.notes == {"quorum-certificates": "abc123", "replication": "demo"}
    assert facts.corosync_conf == "totem {\n    version: 2\n}\n"


def put_program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a cluster, as far as its programs tell: whatever is missing ends nothing.

    It knows all units that it is asked for, and each of them is masked.
    """
    folder = tmp_path / "tools"
    folder.mkdir()
    put_program(
        folder,
        "systemctl",
        '[ "$1" = show ] || exit 3\nshift 3\nfor unit; do\n'
        "printf 'Id=%s\\nActiveState=active\\nUnitFileState=masked\\n\\n' \"$unit\"\ndone",
    )
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.usefixtures("tools")
def test_what_the_script_prints_is_read(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "replication").write_text("demo\n")
    (notes / "reserve.img").write_bytes(b"\0" * 100_000)
    setting = "/proc/sys/net/ipv4/ip_forward"
    looks = "echo '== look moon'\necho full\necho '== look sun'\n:"
    words = (str(notes), "node", "chrony.service", "bash", setting, looks)
    printed = run_script(this_machine(), "facts.sh", *words)
    assert len(printed) < 10_000
    facts = parse_facts(printed)
    assert facts.system and facts.hostname
    assert facts.notes == {"replication": "demo"}
    assert facts.kernel == {setting: Path(setting).read_text().strip()}
    assert set(facts.digests) == {"-"}
    assert facts.unit("chrony.service").masked and facts.unit("chrony.service").active
    assert facts.looks == {"moon": "full", "sun": ""}
    assert (facts.cib, facts.members) == ("", frozenset())


class Pretender(ThisMachine):
    """This machine, which says that it is one of a lab."""

    def __init__(self, machine: Machine, system: str = "debian 13") -> None:
        self.machine = machine
        self.name = machine.name
        self._system = system

    def run(self, command: str, **how: Any) -> Result:
        """Run shell text."""
        done = super().run(command, **how)
        pattern = r"(== system\n).*(\n\n?== hostname\n).*"
        told = rf"\g<1>{self._system}\g<2>{self.machine.name}"
        return Result(re.sub(pattern, told, done.stdout, count=1), done.stderr, done.status)

    @property
    def remote(self) -> Remote:
        """It under the type that provisioning expects."""
        return cast(Remote, self)


@pytest.mark.parametrize("name", OFFERED)
def test_a_machine_is_looked_at_as_all_parts_need_it(name: str, tools: Path) -> None:
    put_program(tools, "sbd", f"cat <<END\n{FENCING_DISK}END")
    put_program(tools, "dd", ":")
    lab = planned(name, accelerated=True)
    parts = Parts(lab)
    for machine in lab.machines:
        facts = look(parts, Pretender(machine).remote)
        needed = {
            unit
            for part in parts.on(machine.role)
            for unit in (
                *part.units(machine.role),
                *part.strangers(machine.role),
                *part.asked(machine.role),
            )
        }
        assert needed == set(facts.units)
        looks = {each for part in parts.on(machine.role) for each in part.looks(machine)}
        assert looks == set(facts.looks)
        if machine.role is MachineRole.NODE:
            assert header(facts) == DiskTimeouts(watchdog=5, msgwait=10)
        else:
            assert not looks


def test_a_fencing_disk_that_cannot_be_read_is_told_from_an_empty_one(tools: Path) -> None:
    put_program(tools, "sbd", "exit 1")
    lab = planned("active-passive", accelerated=True)
    for status, found in ((1, sbd.UNREADABLE), (0, "")):
        put_program(tools, "dd", f"exit {status}")
        facts = look(Parts(lab), Pretender(lab.nodes[0]).remote)
        assert facts.looks[LOOK].strip() == found
        assert header(facts) is None


@pytest.mark.usefixtures("tools")
def test_a_machine_that_halab_cannot_configure_is_said_in_a_sentence() -> None:
    lab = inventory()
    one, other, _ = lab.machines
    with pytest.raises(HalabError, match="runs debian 12, halab needs Debian 13"):
        look(Parts(lab), Pretender(one, "debian 12").remote)
    impostor = Pretender(other)
    impostor.name = "node1"
    with pytest.raises(HalabError, match="node1 in the inventory calls itself 'node2'"):
        look(Parts(lab), impostor.remote)


def test_membership_replication_and_configuration_of_a_running_node_are_read() -> None:
    line = " 0: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----"
    facts = parse_facts(
        f"{NODE}\n== digests\nabc  -\ndef  /etc/corosync/authkey\n"
        f"== look replication r0\n{line}\n"
        "== members\nruntime.members.1.status (str) = joined\n"
        "runtime.members.2.ip (str) = r(0) ip(10.20.1.2) \n"
        "runtime.members.2.status (str) = left\n"
        "== cib\n<cib/>\n"
    )
    assert facts.digests == {"-": "abc", "/etc/corosync/authkey": "def"}
    assert facts.looks["replication r0"] == line
    assert facts.members == {1}
    assert facts.cib == "<cib/>"


def test_a_unit_that_systemd_does_not_mention_is_neither_active_nor_enabled() -> None:
    assert parse_facts(NODE).unit("nginx.service") == AWAY


def test_a_bare_machine_is_read() -> None:
    facts = parse_facts(
        "== system\ndebian 13\n== hostname\nx\n== packages\n== units\n== corosync.conf\n\n"
    )
    assert not facts.packages and not facts.notes and not facts.looks
    assert facts.corosync_conf == "\n"
    assert header(facts) is None


def test_the_timeouts_in_the_fencing_disks_header_are_read() -> None:
    assert parse_dump(FENCING_DISK) == DiskTimeouts(watchdog=5, msgwait=10)
    assert parse_facts(NODE).looks[LOOK]
    assert header(parse_facts(NODE)) == DiskTimeouts(watchdog=5, msgwait=10)


def test_a_disk_without_a_header_has_no_timeouts() -> None:
    assert parse_dump("") is None
    assert (
        parse_dump("==Dumping header on disk /dev/x\n==Header on disk /dev/x NOT dumped\n") is None
    )


def test_a_device_that_is_not_primary_has_no_sizes() -> None:
    assert parse_sizes("") is None
    assert parse_sizes("disk 536870912\ndevice 1048472") is None

"""What a machine prints about itself is read right, whatever it lacks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisioning.facts import Replicated, Unit, parse_facts
from provisioning.files import run_script
from provisioning.sbd import DiskTimeouts, parse_dump
from tests.unit.provisioned_lab import FENCING_DISK, this_machine

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

== sizes
disk 536870912
device 1048472
filesystem 131059 6552 127000 8100 0 2
== fencing disk
{FENCING_DISK}"""


def test_a_node_is_read() -> None:
    facts = parse_facts(NODE)
    assert facts.system == "debian 13"
    assert facts.hostname == "node1"
    assert facts.packages == {"bash", "chrony"}
    assert facts.units[Unit.CHRONY].active and facts.units[Unit.CHRONY].enabled
    assert facts.units[Unit.COROSYNC].active and not facts.units[Unit.COROSYNC].enabled
    assert not facts.units[Unit.PACEMAKER].active
    assert not facts.cluster_runs
    assert facts.replicated == Replicated(disk_kib=524288, device_kib=524236, filesystem_kib=524236)
    assert facts.notes == {"quorum-certificates": "abc123", "replication": "demo"}
    assert facts.corosync_conf == "totem {\n    version: 2\n}\n"


def test_what_the_script_prints_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine without a cluster, as far as its programs tell: whatever is missing ends nothing.
    stub = tmp_path / "systemctl"
    stub.write_text(
        '#!/bin/sh\n[ "$1" = show ] || exit 3\n'
        "printf 'Id=chrony.service\\nActiveState=active\\nUnitFileState=masked\\n'\n"
    )
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "replication").write_text("demo\n")
    (notes / "reserve.img").write_bytes(b"\0" * 100_000)
    setting = "/proc/sys/net/ipv4/ip_forward"
    printed = run_script(
        this_machine(),
        "facts.sh",
        str(notes),
        "/dev/none",
        "/dev/none",
        "chrony.service",
        "bash",
        setting,
    )
    assert len(printed) < 10_000
    facts = parse_facts(printed)
    assert facts.system and facts.hostname
    assert facts.notes == {"replication": "demo"}
    assert facts.kernel == {setting: Path(setting).read_text().strip()}
    assert set(facts.digests) == {"-"}
    assert facts.units[Unit.CHRONY].masked and facts.units[Unit.CHRONY].active
    assert (facts.cib, facts.members, facts.replication) == ("", frozenset(), "")


def test_membership_replication_and_configuration_of_a_running_node_are_read() -> None:
    facts = parse_facts(
        f"{NODE}\n== digests\nabc  -\ndef  /etc/corosync/authkey\n"
        "== replication\n 0: cs:StandAlone ro:Secondary/Unknown ds:UpToDate/DUnknown   r-----\n"
        "== members\nruntime.members.1.status (str) = joined\n"
        "runtime.members.2.ip (str) = r(0) ip(10.20.1.2) \n"
        "runtime.members.2.status (str) = left\n"
        "== cib\n<cib/>\n"
    )
    assert facts.digests == {"-": "abc", "/etc/corosync/authkey": "def"}
    assert facts.replication.startswith("0: cs:StandAlone")
    assert facts.members == {1}
    assert facts.cib == "<cib/>"


def test_a_unit_that_systemd_does_not_mention_is_neither_active_nor_enabled() -> None:
    assert not parse_facts(NODE).units[Unit.NGINX].active


def test_a_bare_machine_is_read() -> None:
    facts = parse_facts(
        "== system\ndebian 13\n== hostname\nx\n== packages\n== units\n"
        "== corosync.conf\n\n== fencing disk\n"
    )
    assert not facts.packages and not facts.notes
    assert facts.corosync_conf == "\n"
    assert facts.fencing_disk == ""


def test_the_timeouts_in_the_fencing_disks_header_are_read() -> None:
    assert parse_dump(FENCING_DISK) == DiskTimeouts(watchdog=5, msgwait=10)
    assert parse_facts(NODE).fencing_disk
    assert parse_dump(parse_facts(NODE).fencing_disk) == DiskTimeouts(watchdog=5, msgwait=10)


def test_a_disk_without_a_header_has_no_timeouts() -> None:
    assert parse_dump("") is None
    assert (
        parse_dump("==Dumping header on disk /dev/x\n==Header on disk /dev/x NOT dumped\n") is None
    )

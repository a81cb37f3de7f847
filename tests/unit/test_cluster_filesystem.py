"""A filesystem that all nodes write at once: made once, mounted everywhere, with its locks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from core.errors import CommandError, HalabError
from drills.catalogue import catalogue
from labs.changes import compare
from labs.checking import check
from labs.effects import Effect
from labs.kernels import Kernel
from labs.model import Lab
from labs.ports import DLM_PORT, Protocol
from labs.roles import MachineRole, NetworkRole
from parts.all import Parts
from parts.budget import budget
from parts.constraints import Colocation, Order
from parts.storage import gfs2
from parts.storage.gfs2 import Gfs2
from parts.system.firewall import rules
from provisioning.steps import run_steps
from status.collect import describe
from status.problems import Alarm
from tests.unit.aws_labs import aws_lab
from tests.unit.broken_lab import broken, node_of, sentences
from tests.unit.clustered import agents
from tests.unit.composed_labs import kernel_in
from tests.unit.healthy_lab import healthy, lockspace_text
from tests.unit.provisioned_lab import fresh, plan_of, right, this_machine, words
from tests.unit.situations import expected
from tests.unit.sketched import COMMON, DISK, TRIO, sketched
from wire.dlm import Lockspace, parse_lockspaces

HEALTHY = healthy(COMMON)
PART = COMMON.cluster_filesystems["data"]
WEB = {"kind": "nginx", "runs": "everywhere", "storage": "data"}
MADE = "shared volume group and cluster filesystem made"


def lab(**tables: Any) -> Lab:
    written = {"services": {"web": WEB}, "storage": {"data": {"kind": "gfs2"}}, **tables}
    return check("my.toml", {"version": 1, "name": "demo", **written}, Lab)


class TestDefinition:
    def test_its_nodes_alone_get_the_full_kernel(self) -> None:
        assert lab().kernel(MachineRole.NODE) is Kernel.FULL
        assert lab().kernel(MachineRole.MONITOR) is Kernel.CLOUD
        assert kernel_in(COMMON.inventory) is Kernel.FULL
        assert kernel_in(DISK.inventory) is Kernel.CLOUD

    @pytest.mark.parametrize(
        ("tables", "said"),
        [
            (
                {"services": {"web": {**WEB, "runs": "one-node"}}},
                'storage of kind "gfs2" of a service that runs "everywhere"',
            ),
            (
                {"storage": {"data": {"kind": "gfs2", "size_mib": 128}}},
                'at least 192, with "gfs2"',
            ),
            (
                {
                    "services": {"web": WEB, "sql": {"kind": "postgresql", "storage": "rows"}},
                    "storage": {"data": {"kind": "gfs2"}, "rows": {"kind": "shared-disk"}},
                },
                'no other disk that nodes share, with "gfs2"',
            ),
            (
                {"storage": {"data": {"kind": "shared-disk"}}},
                'storage of a service that runs on "one-node"',
            ),
            (
                {"quorum": {"kind": "two-node"}},
                '"device" with storage that all nodes use at once',
            ),
            (
                {
                    "services": {"web": {**WEB, "storage": "snapshots"}},
                    "storage": {"snapshots": {"kind": "gfs2"}},
                },
                'a name that does not begin with "snapshot", with "gfs2"',
            ),
        ],
    )
    def test_what_it_does_not_go_with(self, tables: dict[str, Any], said: str) -> None:
        with pytest.raises(HalabError) as raised:
            lab(**tables)
        assert said in str(raised.value.detail)

    def test_it_goes_with_replicated_storage(self) -> None:
        services = {"web": WEB, "sql": {"kind": "postgresql", "storage": "rows"}}
        lab(services=services, storage={"data": {"kind": "gfs2"}, "rows": {"kind": "drbd"}})

    def test_aws_has_no_such_kernel(self) -> None:
        with pytest.raises(HalabError) as raised:
            aws_lab("cluster-filesystem")
        assert raised.value.message.endswith("1 problem")
        assert "storage of another kind, on AWS" in str(raised.value.detail)

    def test_it_keeps_its_size_and_nodes_may_come(self) -> None:
        larger = lab(storage={"data": {"kind": "gfs2", "size_mib": 1024}})
        (change,) = compare(lab(), larger)
        assert change.effect is Effect.REFUSED
        more = lab(nodes={"names": ["node1", "node2", "node3"]})
        found = {change.key: change.effect for change in compare(lab(), more)}
        assert found["nodes.names"] is Effect.JOINED


class TestCluster:
    def test_every_node_runs_four_things_in_order_and_then_the_service(self) -> None:
        (clone,) = PART.resources()
        assert [each.id for each in agents(clone)] == ["dlm", "lvmlockd", "volume", "filesystem"]
        assert COMMON.constraints()[:2] == (
            Colocation("web-everywhere", "mounts"),
            Order("mounts", "start", "web-everywhere"),
        )

    def test_a_node_where_one_of_them_fails_is_fenced(self) -> None:
        (clone,) = PART.resources()
        looks = [op for each in agents(clone) for op in each.operations if op.interval_s]
        assert len(looks) == 4
        assert all(look.element("x").get("on-fail") == "fence" for look in looks)

    def test_without_a_quorum_nothing_is_stopped_that_could_not_stop(self) -> None:
        def policy(parts: Parts) -> object:
            return parts.properties(10).values["no-quorum-policy"]

        assert (policy(COMMON), policy(TRIO)) == ("freeze", "stop")

    def test_the_lock_manager_is_let_in_on_both_links_by_nodes_alone(self) -> None:
        node = COMMON.inventory.nodes[0]
        let_in = [line for line in rules(COMMON.inventory, node).splitlines() if "sctp" in line]
        assert len(let_in) == 2
        assert all(f"sctp dport {DLM_PORT} accept" in line for line in let_in)
        networks = {
            opening.network
            for opening in COMMON.inventory.openings
            if opening.protocol is Protocol.SCTP
        }
        assert networks == {NetworkRole.CLUSTER_A, NetworkRole.CLUSTER_B}
        assert Protocol.SCTP not in {each.protocol for each in DISK.inventory.openings}


class TestProvisioning:
    def test_the_first_node_makes_it_when_it_is_a_member_and_once(self) -> None:
        machines = COMMON.inventory
        found = plan_of(machines, fresh(machines))
        told = [words(found.membership(node, frozenset())) for node in machines.nodes]
        assert [MADE in each for each in told] == [True, False, False]
        assert told[0].index(MADE) > told[0].index("membership started")
        found = plan_of(machines, right(machines))
        assert MADE not in words(found.membership(machines.nodes[0], frozenset()))

    def test_a_node_that_comes_brings_no_journal(self) -> None:
        machines = COMMON.inventory
        last = machines.nodes[-1]
        found = plan_of(machines, {**right(machines), last.name: fresh(machines)[last.name]})
        assert MADE not in words(found.membership(last, frozenset()))

    def test_a_kernel_without_it_is_told(self, tmp_path: Path, monkeypatch: Any) -> None:
        machines = COMMON.inventory
        found = plan_of(machines, fresh(machines)).found
        steps = PART.configure(machines.nodes[0], found, frozenset())
        (step,) = [each for each in steps if "loaded" in each.what]
        modprobe = tmp_path / "modprobe"
        modprobe.write_text("#!/bin/sh\nexit 1\n")
        modprobe.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with pytest.raises(CommandError, match="install linux-image-amd64"):
            run_steps(this_machine(), [step], timeout=20)

    def test_what_the_lock_manager_asks_for_is_tried_when_it_was_written(self) -> None:
        machines = COMMON.inventory
        node, found = machines.nodes[0], plan_of(machines, right(machines)).found
        (step,) = PART.configure(node, found, frozenset({gfs2.LIBRARY}))
        assert step.command == gfs2.CHECK
        assert 'CDLL("libstonithd.so.26")' in step.command


STUBS = {
    # What LVM and the filesystem's tools know stands in files below $STATE.
    "systemctl": ":",
    "systemd-run": ":",
    "modprobe": ":",
    "mountpoint": ":",
    "lvmlockctl": ":",
    "vgs": '[ -e "$STATE/group" ]',
    "pvs": '[ -e "$STATE/orphan" ] && echo "  disk"',
    "lvs": '[ -e "$STATE/volume" ]',
    "blkid": 'for disk; do :; done; cat "$STATE/on.${disk##*/}" 2>/dev/null',
    "vgcreate": ': >"$STATE/group"',
    "vgchange": ":",
    "lvcreate": ': >"$STATE/volume"',
    "lvchange": ":",
    "mkfs.gfs2": 'echo TYPE=gfs2 >"$STATE/on.data"; echo lock_nolock >"$STATE/locks"',
    "tunegfs2": 'case $1 in -l) cat "$STATE/locks" ;; *) echo lock_dlm >"$STATE/locks" ;; esac',
    "mount": '[ ! -e "$STATE/unlucky" ]',
    "umount": ":",
    "sync": ":",
}
WHOLE = ["vgcreate", "vgchange", "lvcreate", "lvchange", "mkfs.gfs2", "mount", "umount", "lvchange"]


class TestMaking:
    """The program that makes it, with all tools played by others."""

    @pytest.fixture
    def state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        tools, state = tmp_path / "tools", tmp_path / "state"
        tools.mkdir()
        state.mkdir()
        for name, text in STUBS.items():
            stub = tools / name
            stub.write_text(f'#!/bin/sh\necho "{name} $*" >>"$STATE/.log"\n{text}\n')
            stub.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
        monkeypatch.setenv("STATE", str(state))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        monkeypatch.setattr(gfs2, "NOTES", str(state / "notes"))
        monkeypatch.setattr(gfs2, "QUORATE", "true")
        return state

    def make(self, state: Path) -> list[str]:
        """Make it and return which tools changed something, in their order."""
        (state / ".log").unlink(missing_ok=True)
        part = Gfs2(COMMON.inventory, PART.storage, 'echo filled >"$STATE/filled"', sync=True)
        found = plan_of(COMMON.inventory, fresh(COMMON.inventory)).found
        (step,) = part.join(COMMON.inventory.nodes[0], found, frozenset())
        run_steps(this_machine(), [step], timeout=20)
        assert (state / "notes" / "volume").read_text() == "common\n"
        return [word for word in self.log(state) if word in WHOLE]

    def log(self, state: Path) -> list[str]:
        return [line.split()[0] for line in (state / ".log").read_text().splitlines()]

    def test_on_an_empty_disk(self, state: Path) -> None:
        assert self.make(state) == WHOLE
        text = (state / ".log").read_text()
        assert (
            "mkfs.gfs2 -O -q -K -p lock_nolock -t common:data -j 8 -J 8 /dev/halab_data/data"
            in (text.splitlines())
        )
        assert (state / "locks").read_text() == "lock_dlm\n"
        # An interruption before the note: what is there stays, and is not filled again.
        (state / "filled").unlink()
        assert self.make(state) == ["vgchange", "lvchange", "lvchange"]
        assert not (state / "filled").exists()

    def test_what_an_interruption_left_half_filled_is_filled(self, state: Path) -> None:
        (state / "unlucky").touch()
        with pytest.raises(CommandError):
            self.make(state)
        assert self.log(state)[-2:] == ["systemctl", "systemctl"]
        (state / "unlucky").unlink()
        assert self.make(state) == ["vgchange", "lvchange", "mount", "umount", "lvchange"]
        assert (state / "filled").exists()

    def test_a_physical_volume_in_no_group_is_nobodys(self, state: Path) -> None:
        (state / "orphan").touch()
        (state / "on.virtio-data").write_text("TYPE=LVM2_member\n")
        assert self.make(state)[0] == "vgcreate"

    def test_never_on_a_disk_that_holds_something(self, state: Path) -> None:
        (state / "on.virtio-data").write_text("TYPE=xfs\n")
        with pytest.raises(CommandError, match="not empty, it will not be overwritten: TYPE=xfs"):
            self.make(state)
        assert "vgcreate" not in self.log(state)

    def test_its_lock_managers_do_not_stay(self, state: Path) -> None:
        self.make(state)
        told = [line for line in (state / ".log").read_text().splitlines() if "system" in line]
        # It fences nobody who has yet to run one.
        assert told == [
            "systemd-run --quiet --collect --unit=halab-lock-manager.service "
            "--service-type=forking dlm_controld -s 0",
            "systemctl start lvmlockd.service",
            "systemctl stop lvmlockd.service",
            "systemctl stop halab-lock-manager.service",
        ]
        # Nor does a boot start them, as their packages would have it: only Pacemaker does.
        started = {word for line in told if " start " in line for word in line.split()[2:]}
        assert started <= set(PART.strangers(MachineRole.NODE))


class TestStatus:
    def test_a_healthy_lab_has_nothing_to_complain_of(self) -> None:
        assert sentences(HEALTHY, COMMON) == ()
        found = describe(COMMON, HEALTHY, None).shared_disks["data"]
        assert {(each.owner, each.active, each.mounted) for each in found.values()} == {
            ("", True, True)
        }

    def test_a_node_without_it_is_told(self) -> None:
        seen = broken("node2", seen=HEALTHY, mounts={})
        assert sentences(seen, COMMON) == ("node2 does not have /srv/data mounted",)

    def test_a_node_that_cannot_read_it_is_told(self) -> None:
        told = {**node_of(HEALTHY, "node2").told, "volumes": "  halab_data-data\n"}
        seen = broken("node2", seen=HEALTHY, told=told)
        assert sentences(seen, COMMON) == ("node2 cannot read the shared disk",)

    def test_locks_that_wait_are_told(self) -> None:
        told = {**node_of(HEALTHY, "node1").told}
        told[gfs2.LOCKS] = lockspace_text("data", (1, 2, 3), "fencing")
        seen = broken("node1", seen=HEALTHY, told=told)
        assert sentences(seen, COMMON) == ("locks of data on node1 wait for fencing",)


class TestDrills:
    def test_who_lives_waits_for_fencing_and_recovery_too(self) -> None:
        lost = expected(COMMON, "power-off", "node1")
        other = expected(TRIO, "power-off", "node1")
        steps = budget(COMMON.first_service)
        assert lost.outage_s == steps.total_s == other.outage_s + steps.promotion_s
        assert lost.spared_s == round(steps.total_s - steps.start_s, 1)
        assert other.spared_s is not None and other.spared_s < 4 < lost.spared_s
        assert not lost.verify

    @pytest.mark.parametrize("name", ["shared-disk-lost", "lock-manager-killed"])
    def test_what_only_fencing_mends_is_seen_first(self, name: str) -> None:
        lost = expected(COMMON, name, "node1")
        killed = expected(COMMON, "power-off", "node1")
        assert lost.fenced == lost.rebooted == {"node1"}
        assert lost.outage_s > killed.outage_s
        assert lost.spared_s is not None and killed.spared_s is not None
        assert lost.spared_s - killed.spared_s == pytest.approx(lost.outage_s - killed.outage_s)
        assert Alarm.FENCED in lost.alarms

    def test_faults_of_its_own(self) -> None:
        own = catalogue(COMMON).keys() - catalogue(TRIO).keys()
        assert own == {"shared-disk-lost", "lock-manager-killed"}

    def test_a_lab_of_two_nodes_has_them_as_well(self) -> None:
        pair = sketched("pair", services={"web": WEB}, storage={"data": {"kind": "gfs2"}})
        assert {"shared-disk-lost", "lock-manager-killed"} <= catalogue(pair).keys()


def test_what_the_lock_manager_prints_is_read() -> None:
    text = (
        "dlm lockspaces\n"
        + lockspace_text("data", (1, 2))
        + lockspace_text("lvm_global", (1,), "messages 1")
    )
    assert parse_lockspaces(text) == {
        "data": Lockspace(members=frozenset({1, 2}), waits=None),
        "lvm_global": Lockspace(members=frozenset({1}), waits="messages 1"),
    }
    assert parse_lockspaces("") == {}

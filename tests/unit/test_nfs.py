"""A file server: what it is told, what status says of it, and how much longer clients may wait."""

from __future__ import annotations

import configparser
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from drills.catalogue import catalogue, find
from drills.expectations import frozen_s, restart_s
from drills.faults.base import Scene
from drills.ledger import parse_entries
from drills.situation import Fate
from labs.roles import MachineRole, NetworkRole
from parts.all import Parts
from parts.cluster import Group
from parts.host import program
from parts.seen import Seen
from parts.services import nfs
from parts.services.folder import clear_entries, list_entries
from tests.unit.broken_lab import broken, node_of, sentences, the_reason
from tests.unit.definitions import problems
from tests.unit.delivered import content
from tests.unit.healthy_lab import healthy, served_text
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import plan_of, right, with_look, words
from tests.unit.situations import expected, situation
from tests.unit.sketched import BOOKS, FILES
from tests.unit.test_await_membership import put_program
from wire.nfs import command, parse_served

LAB = planned("nfs", accelerated=True)
PART = Parts(LAB).file_servers[0]
FILE_SERVER = FILES.file_servers[0]


class TestDefinition:
    def test_a_lab_has_one(self) -> None:
        two = {
            "files": {"kind": "nfs", "storage": "data"},
            "more": {"kind": "nfs", "storage": "rows", "port": 2050},
        }
        kept = {"data": {"kind": "drbd"}, "rows": {"kind": "drbd"}}
        found = problems(services=two, storage=kept)
        assert set(found) == {"services.more"}
        assert found["services.more"].allowed == 'one service of kind "nfs"'

    def test_it_serves_what_it_keeps(self) -> None:
        assert "services.files.storage" in problems(services={"files": {"kind": "nfs"}})

    def test_nothing_of_the_cluster_can_be_called_like_its_export(self) -> None:
        kept = {"export": {"kind": "nfs", "storage": "data"}}
        assert set(problems(services=kept, storage={"data": {"kind": "drbd"}}))


class TestCluster:
    def test_the_server_finds_its_data_and_who_finds_the_address_an_export(self) -> None:
        [group] = [each for each in Parts(LAB).resources() if isinstance(each, Group)]
        ids = [member.id for member in group.members]
        assert ids == ["filesystem", "files", "export", "address"]

    def test_the_records_of_clients_move_with_the_data(self) -> None:
        place = PART.folder.removesuffix("/export")
        assert settings()["nfsdcld"]["storagedir"].startswith(f"{place}/")
        assert settings()["mountd"]["state-directory-path"].startswith(f"{place}/")
        # Bound over /var/lib/nfs they could not be let go of: fsidd keeps a file open there.
        assert "nfs_shared_infodir" not in PART.primitive.parameters

    def test_locks_outlive_an_export(self) -> None:
        assert PART.export.parameters["unlock_on_stop"] == 0

    def test_the_monitor_alone_is_let_in_and_its_root_is_nobody(self) -> None:
        told = PART.export.parameters
        monitor = LAB.monitor.interfaces[NetworkRole.SERVICE].address.ip
        assert told["clientspec"] == str(monitor)
        assert "no_root_squash" not in str(told["options"])

    def test_it_syncs_what_it_promises(self) -> None:
        assert ",sync," in str(PART.export.parameters["options"])
        [data] = Parts(LAB).storage.values()
        assert data.members()[0].parameters["options"] == "noatime"


def settings() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read_string(content(nfs.CONFIGURATION, LAB))
    return found


class TestPlainImage:
    def test_the_script_that_misleads_the_agent_goes_out_of_the_way(self) -> None:
        node = LAB.nodes[0]
        (step,) = (
            each
            for each in with_look(LAB, node, nfs.SCRIPT_LOOK, "runs").steps(node, frozenset())
            if nfs.SCRIPT in each.command
        )
        assert step.command == f"chmod a-x {nfs.SCRIPT}"

    def test_where_an_image_has_done_so_nothing_is_done(self) -> None:
        node = LAB.nodes[0]
        steps = with_look(LAB, node, nfs.SCRIPT_LOOK, "").steps(node, frozenset())
        assert not [each for each in steps if nfs.SCRIPT in each.command]


class TestConfiguration:
    def test_nfs_4_is_spoken_alone_and_without_calls_to_clients(self) -> None:
        server = settings()["nfsd"]
        assert not server.getboolean("vers2") and not server.getboolean("vers3")
        assert not server.getboolean("vers4.0")
        assert server.getboolean("vers4.2")

    def test_both_nodes_are_one_server(self) -> None:
        texts = {content(nfs.CONFIGURATION, LAB, node) for node in LAB.nodes}
        assert len(texts) == 1
        assert settings()["nfsd"]["scope"] == LAB.lab

    def test_its_times_are_what_the_kernel_takes(self) -> None:
        # From 10 to 3600 seconds, and the lease no longer than the grace.
        lease, grace = (int(settings()["nfsd"][f"{name}-time"]) for name in ("lease", "grace"))
        assert 10 <= lease <= grace <= 3600

    def test_no_client_keeps_locks_to_itself(self) -> None:
        assert "ExecStartPre=/usr/sbin/sysctl --quiet fs.leases-enable=0\n" in content(
            nfs.DROP_IN, LAB
        )

    def test_a_running_one_is_restarted_by_the_cluster(self) -> None:
        found, node = plan_of(LAB, right(LAB)), LAB.nodes[0]
        changed = frozenset({nfs.CONFIGURATION})
        assert words(found.steps(node, frozenset())) == []
        assert words(found.steps(node, changed)) == ["file server took over its configuration"]

    def test_systemd_starts_no_daemon_again_that_would_take_the_server_along(self) -> None:
        units = [daemon.unit for daemon in PART.daemons(MachineRole.NODE)]
        assert units == [nfs.RECORDS_UNIT]

    def test_a_new_filesystem_holds_what_clients_and_server_need(self, tmp_path: Path) -> None:
        """Run with an `install` and a `chown` that care for no owner."""
        for name, text in (
            ("install", '#!/bin/sh\nshift 3\n[ "$1" = -o ] && shift 4\nexec mkdir -p "$@"\n'),
            ("chown", "#!/bin/sh\n"),
        ):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        data = tmp_path / "data"
        data.mkdir()
        script = f"set -eu; set -- {data}\n{PART.fill}"
        subprocess.run(["sh", "-c", script], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
        made = {str(path.relative_to(data)) for path in data.rglob("*")}
        assert made == {"nfs", "nfs/nfsdcld", "export", "export/ledger", "export/lock"}
        assert (data / "export" / "lock").stat().st_size == nfs.LOCKED_BYTES


class TestQuestion:
    def test_a_thread_has_to_answer_at_the_port(self) -> None:
        [address] = PART.service.addresses
        assert f"rpcinfo -a {address.ip}.8.1 -T tcp 100003 4 " in PART.question(address.ip)

    def test_it_is_called_as_clients_call_it(self) -> None:
        [address] = PART.service.addresses
        assert PART.url(address.ip) == "nfs://10.30.0.100/srv/data/export"
        assert PART.reached_at("127.0.0.1", 5000) == "nfs://127.0.0.1:5000/srv/data/export"


class TestServed:
    def test_what_a_kernel_says(self) -> None:
        found = parse_served(served_text(PART, threads=8))
        assert (found.threads, found.graceful) == (8, False)
        assert found.versions == nfs.VERSIONS
        assert found.exports == {(PART.folder, str(PART.client))}

    def test_a_node_without_a_server(self) -> None:
        found = parse_served("")
        assert (found.threads, found.versions, found.graceful) == (0, frozenset(), False)
        assert (found.exports, found.daemons) == (frozenset(), frozenset())

    def test_lines_that_say_nothing_are_none(self) -> None:
        text = served_text(PART, threads=8)
        assert parse_served("\n" + text.replace("\n", "\n \n") + "\n") == parse_served(text)

    def test_the_command_prints_what_is_read(self, tmp_path: Path) -> None:
        """Asked of a machine without a server, with a table of exports."""
        (tmp_path / "etab").write_text(f"{PART.folder}\t{PART.client}(rw,sync,fsid=1)\n")
        done = subprocess.run(
            ["sh", "-c", command(str(tmp_path / "etab"))], capture_output=True, text=True
        )
        assert parse_served(done.stdout).exports == {(PART.folder, str(PART.client))}
        assert done.stderr == ""


def seen(*, node: str = "node1", text: str = "") -> Seen:
    """Return the healthy lab in which a node says something else of what it serves."""
    usual = healthy(FILES)
    return broken(node, seen=usual, told={**node_of(usual, node).told, nfs.READING: text})


class TestStatus:
    def test_a_healthy_one(self) -> None:
        assert sentences(healthy(FILES), FILES) == ()

    def test_a_kernel_that_serves_nobody(self) -> None:
        text = served_text(FILE_SERVER, threads=0)
        assert sentences(seen(text=text), FILES) == ("no node has an NFS server",)

    def test_two_that_serve(self) -> None:
        told = sentences(seen(node="node2", text=served_text(FILE_SERVER)), FILES)
        assert told == ("more than one node has an NFS server: node1, node2",)

    @pytest.mark.parametrize(
        ("before", "after", "sentence"),
        [
            ("10.30.0.9(", "10.30.0.4(", "node1 does not export /srv/data/export to 10.30.0.9"),
            ("10.30.0.9(", "*(", "node1 exports /srv/data/export to *, which nobody asked for"),
            (":-3 ", ":+3 ", "node1 speaks NFS 3, and not only 4.1 and 4.2"),
            ("-4.0", "+4.0", "node1 speaks NFS 4.0, and not only 4.1 and 4.2"),
            ("daemon nfsdcld\n", "", "nfsdcld does not run on node1: a client that comes for"),
            (":Y", ":N", "node1 waits for NFS clients of before to claim their locks again"),
        ],
    )
    def test_what_is_not_as_it_shall_be(self, before: str, after: str, sentence: str) -> None:
        text = served_text(FILE_SERVER)
        assert before in text
        told = sentences(seen(text=text.replace(before, after)), FILES)
        assert any(each.startswith(sentence) for each in told), told

    def test_who_could_mount_no_more_is_told_what_helps(self) -> None:
        text = served_text(FILE_SERVER).replace("daemon rpc.mountd\n", "")
        found = the_reason(seen(text=text), "rpc.mountd does not run on node1", FILES)
        assert found.remedy is not None
        assert found.remedy.paste("files") == (
            "./halab ssh files node1 -- systemctl start nfs-mountd.service"
        )


class TestTime:
    def test_clients_may_wait_for_the_grace_and_for_their_own_pause(self) -> None:
        found = situation(FILES).budget
        assert found.pause_s == nfs.GRACE_S + nfs.RECONNECT_S == 16
        without = replace(found, pause_s=0.0)
        assert found.total_s == without.total_s + 16
        assert found.move_s == without.move_s + 16

    def test_no_clock_runs_slower_in_emulation(self) -> None:
        slow = Parts(planned("nfs", accelerated=False)).file_servers[0]
        assert slow.pause_s == PART.pause_s

    def test_a_restart_makes_them_wait_as_well(self) -> None:
        found = situation(FILES)
        assert restart_s(found) > found.budget.start_s + found.budget.pause_s

    def test_nobody_waits_so_where_nothing_starts(self) -> None:
        assert frozen_s(situation(FILES), {"node2"}) == frozen_s(situation(BOOKS), {"node2"})


class TestDrills:
    def test_it_has_no_first_process_and_faults_of_its_own(self) -> None:
        own = {"export-removed", "export-daemons-killed"}
        assert catalogue(FILES).keys() - catalogue(BOOKS).keys() == own
        assert catalogue(BOOKS).keys() - catalogue(FILES).keys() == {"service-master-killed"}

    def test_threads_hear_no_signal_and_are_told_to_end(self) -> None:
        assert ordered("service-killed") == ["rpc.nfsd 0"]

    def test_an_export_that_is_taken_back_comes_again_where_it_was(self) -> None:
        client, folder = FILE_SERVER.client, FILE_SERVER.folder
        assert ordered("export-removed") == [f"exportfs -u {client}:{folder}"]
        found = expected(FILES, "export-removed", "node1")
        assert (found.fate, found.interrupted) == (Fate.STAYS, True)
        # What proves it is that the export has failed, and not the server.
        assert "--resource export " in find("export-removed", FILES).by_hand + " "

    def test_what_nobody_watches_status_names(self) -> None:
        found = expected(FILES, "export-daemons-killed", "node1")
        assert found.reasons == (r"^rpc\.mountd does not run on",)
        assert not found.interrupted


def ordered(name: str) -> list[str]:
    """Return the commands by which a fault is made."""
    told: list[str] = []

    def run_on(_: object, text: str, **__: object) -> str:
        told.append(text)
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drills.faults.base.run_on", run_on)
        scene = cast(Scene, SimpleNamespace(targets=(FILES.inventory.nodes[0],)))
        find(name, FILES).fault.inject(scene)
    return told


class TestLedger:
    def test_what_goes_to_another_lab_is_what_clients_see(self) -> None:
        assert (
            f"--exclude=./lock --exclude=./.halab-import --directory {PART.folder} ." in PART.dump
        )
        assert PART.load.endswith(f"replace_files.sh {PART.folder} .halab-import lock lost+found")

    def test_a_run_is_listed_and_cleared_and_no_other(self, tmp_path: Path) -> None:
        for name in ("run-1", "run-2", "other-1"):
            (tmp_path / name).write_text(name)

        def told(text: str) -> str:
            return subprocess.run(
                ["sh", "-c", text], capture_output=True, text=True, check=True
            ).stdout

        entries = parse_entries(told(list_entries(str(tmp_path), "run")))
        assert sorted(each.name for each in entries) == ["run-1", "run-2"]
        told(clear_entries(str(tmp_path), "run"))
        assert [path.name for path in tmp_path.iterdir()] == ["other-1"]


class TestRecords:
    """The kernel keeps its records of clients with nfsdcld, or the server is not up."""

    def start(
        self, tmp_path: Path, connects_at: int
    ) -> tuple[subprocess.CompletedProcess[str], int]:
        """Start a server whose daemon connects at the so-manieth start."""
        starts, fds = tmp_path / "starts", tmp_path / "7" / "fd"
        fds.mkdir(parents=True)
        starts.write_text("")
        put_program(tmp_path, "pidof", "echo 7")
        put_program(
            tmp_path,
            "rpc.nfsd",
            f'[ "$*" = 0 ] || echo x >>{starts}\n'
            f'[ "$(wc -l <{starts})" -lt {connects_at} ] || ln -sf /run/nfsd/cld {fds}/8',
        )
        text = program("keep_records.sh").replace("/proc/", f"{tmp_path}/")
        if not connects_at:
            (fds / "8").symlink_to("/run/rpc_pipefs/nfsd/cld")
        done = subprocess.run(
            ["/bin/sh", "-euc", text],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            timeout=20,
            capture_output=True,
            text=True,
            check=False,
        )
        return done, len(starts.read_text().splitlines())

    def test_a_daemon_that_is_connected_is_left_alone(self, tmp_path: Path) -> None:
        done, starts = self.start(tmp_path, 0)
        assert (done.returncode, starts) == (0, 0)

    def test_a_late_one_has_the_server_started_again(self, tmp_path: Path) -> None:
        done, starts = self.start(tmp_path, 3)
        assert (done.returncode, starts) == (0, 3)

    def test_one_that_never_connects_is_no_server(self, tmp_path: Path) -> None:
        done, _ = self.start(tmp_path, 99)
        assert done.returncode == 1
        assert "does not keep its records" in done.stderr

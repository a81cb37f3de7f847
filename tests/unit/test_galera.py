"""A database that is written at every node: its definition, its servers, what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from drills.catalogue import find
from drills.expectations import restart_s, return_s, stall_s
from drills.situation import Fate
from labs.changes import compare
from labs.effects import Effect
from labs.model import Lab
from labs.ports import Peer
from labs.roles import NetworkRole
from parts.budget import budget
from parts.constraints import Colocation, Order
from parts.host import program
from parts.seen import Seen
from parts.services import galera
from parts.services.galera import Galera
from status.collect import describe
from tests.unit.broken_lab import broken, node_of, seen_by_cluster, sentences, view_of
from tests.unit.definitions import problems, the_problem
from tests.unit.delivered import content, resources
from tests.unit.healthy_lab import healthy, server_text
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import plan_of, right, with_look, words
from tests.unit.situations import expected, situation
from tests.unit.sketched import TABLES, TRIO
from wire.galera import Server, parse_server
from wire.pacemaker import Role

FIXTURES = Path(__file__).parent / "fixtures" / "galera"
LAB = planned("galera", accelerated=True)
THREE = {"names": ["node1", "node2", "node3"]}
SERVICE = {"books": {"kind": "galera"}}

PART = TABLES.services["tables"]
assert isinstance(PART, Galera)


def configuration(number: int = 1) -> dict[str, str]:
    """Return the settings of one node's server."""
    text = content(galera.CONFIGURATION, LAB, LAB.nodes[number - 1])
    return dict(re.findall(r"^(\w+) = (.*)$", text, re.MULTILINE))


def parameters() -> dict[str, str]:
    """Return what the agent is told."""
    pairs = resources(LAB).findall(".//primitive[@type='galera']/instance_attributes/nvpair")
    return {str(pair.get("name")): str(pair.get("value")) for pair in pairs}


class TestDefinition:
    def test_three_nodes_are_enough(self) -> None:
        lab = Lab.model_validate(
            {"version": 1, "name": "demo", "nodes": THREE, "services": SERVICE}
        )
        assert (lab.services[0].settings.port, lab.quorum) == (3306, "majority")

    @pytest.mark.parametrize("count", [2, 4, 6])
    def test_half_of_the_servers_would_be_no_majority(self, count: int) -> None:
        names = [f"node{number}" for number in range(1, count + 1)]
        found = the_problem(nodes={"names": names}, services=SERVICE)
        assert (found.key, found.value) == ("nodes.names", f"{count} names")
        assert found.allowed == 'an odd number of names, at least 3, with "galera"'

    def test_it_runs_everywhere_and_has_an_address_at_every_node(self) -> None:
        assert PART.service.everywhere
        assert set(TABLES.inventory.homes(PART.service).values()) == {"node1", "node2", "node3"}

    @pytest.mark.parametrize(
        ("keys", "key"),
        [
            ({"runs": "one-node"}, "services.books.runs"),
            ({"storage": "data"}, "services.books.storage"),
            ({"port": 4567}, "services.books.port"),
            ({"address": "10.30.0.100"}, "services.books.address"),
        ],
    )
    def test_what_it_cannot_be_given(self, keys: dict[str, Any], key: str) -> None:
        assert set(problems(nodes=THREE, services={"books": {"kind": "galera", **keys}})) == {key}

    def test_a_port_between_its_servers_is_nobody_elses(self) -> None:
        web = {"kind": "nginx", "runs": "everywhere", "port": 4444}
        found = problems(nodes=THREE, services={**SERVICE, "web": web})
        assert found["services.web.port"].hint.startswith("Galera, whole copies listens there")

    def test_a_second_one_would_want_the_same_ports(self) -> None:
        two = {**SERVICE, "more": {"kind": "galera", "port": 3307}}
        assert set(problems(nodes=THREE, services=two)) == {"services.more"}

    @pytest.mark.parametrize(
        ("tables", "keys"),
        [
            (
                {"nodes": {"names": [*THREE["names"], "node4", "node5"]}},
                {"nodes.names", "services.books.addresses"},
            ),
            ({"services": {"books": {"kind": "galera", "port": 3307}}}, {"services.books.port"}),
        ],
    )
    def test_a_lab_that_exists_keeps_its_servers(
        self, tables: dict[str, Any], keys: set[str]
    ) -> None:
        before = {"version": 1, "name": "demo", "nodes": THREE, "services": SERVICE}
        found = compare(Lab.model_validate(before), Lab.model_validate({**before, **tables}))
        assert {change.key for change in found} == keys
        [refused] = [change for change in found if change.effect is Effect.REFUSED]
        assert "its servers" in refused.reason or "servers learn of each other" in refused.reason

    def test_nodes_of_other_labs_come_and_go(self) -> None:
        before = {"version": 1, "name": "demo", "nodes": THREE}
        web = {"web": {"kind": "nginx", "runs": "everywhere"}}
        more = {"names": [*THREE["names"], "node4", "node5"]}
        one = Lab.model_validate({**before, "services": web})
        other = Lab.model_validate({**before, "services": web, "nodes": more})
        assert {change.effect for change in compare(one, other)} == {
            Effect.JOINED,
            Effect.EXTENDED,
        }


class TestCluster:
    def test_an_address_is_where_a_server_is_promoted_and_comes_after_that(self) -> None:
        clone, address = PART.service.group, "address-1"
        found = TABLES.addresses["tables"].constraints()
        # Without influence: what an address wants is nothing to who is promoted.
        assert Colocation(address, clone, "Promoted", influence=False) in found
        assert Order(clone, "promote", address) in found
        # A web server just runs.
        web = TRIO.addresses["web"].constraints()
        assert Order(TRIO.services["web"].service.group, "start", address) in web

    def test_all_servers_are_promoted(self) -> None:
        meta = PART.clone_meta
        assert (meta["promotable"], meta["promoted-max"]) == ("true", 3)

    def test_the_agent_knows_every_node_by_its_address_on_both_links(self) -> None:
        addresses = [str(n.interfaces[NetworkRole.REPLICATION].address.ip) for n in LAB.nodes]
        told = parameters()
        assert told["wsrep_cluster_address"] == f"gcomm://{','.join(addresses)}"
        assert told["cluster_host_map"] == ";".join(
            f"{node.name}:{address}" for node, address in zip(LAB.nodes, addresses, strict=True)
        )

    def test_the_agent_starts_no_program_that_starts_servers_again(self) -> None:
        assert parameters()["binary"] == galera.START
        started = program("start_mariadb.sh").splitlines()
        assert not [line for line in started if "mysqld_safe" in line and line[0] != "#"]

    def test_servers_find_each_other_and_nobody_else_does(self) -> None:
        found = {
            each.port: each.peers
            for each in LAB.openings
            if each.network is NetworkRole.REPLICATION and each.port is not None
        }
        assert found == dict.fromkeys((4444, 4567, 4568), (Peer.NODE,))


class TestServer:
    def test_it_listens_to_servers_on_the_path_that_both_links_carry(self) -> None:
        own = str(LAB.nodes[1].interfaces[NetworkRole.REPLICATION].address.ip)
        told = configuration(2)
        assert told["wsrep_node_address"] == own
        assert told["wsrep_sst_receive_address"] == f"{own}:4444"
        assert f"gmcast.listen_addr=tcp://{own}:4567" in told["wsrep_provider_options"]
        assert f"ist.recv_addr={own}:4568" in told["wsrep_provider_options"]

    def test_it_is_told_of_the_others_as_the_agent_is(self) -> None:
        """Without it MariaDB 11.8 refuses to start where copies are made by rsync."""
        assert configuration()["wsrep_cluster_address"] == parameters()["wsrep_cluster_address"]

    def test_what_is_acknowledged_is_on_its_own_disk_too(self) -> None:
        told = configuration()
        assert told["innodb_flush_log_at_trx_commit"] == "1"
        assert "pc.recovery=no" in told["wsrep_provider_options"]

    def test_nothing_but_the_room_of_its_own_is_written(self) -> None:
        assert configuration()["tmpdir"] == "/dev/shm"
        for name in ("datadir", "log"):
            assert parameters()[name].startswith(f"{galera.ROOM}/")
        unit = content(galera.ROOM_SERVICE, LAB)
        assert "Before=pacemaker.service\n" in unit
        assert f"ExecStart={galera.MAKE_ROOM} {galera.ROOM} 512\n" in unit

    def test_a_node_without_a_database_is_given_an_empty_one(self) -> None:
        node = LAB.nodes[2]
        found = with_look(LAB, node, galera.LOOK, "")
        assert words(found.membership(node, frozenset())) == ["empty database made"]
        [step] = found.membership(node, frozenset())
        monitor = LAB.monitor.interfaces[NetworkRole.SERVICE].address.ip
        first = step.command.splitlines()[0]
        assert first == f"set -- {galera.DATA} {galera.CONFIGURATION} halab halab {monitor}"

    def test_nobody_but_the_monitor_comes_in(self) -> None:
        users = re.findall(r"^CREATE USER (\S+);$", program("make_galera.sh"), re.MULTILINE)
        assert users == ["$user@'$client'"]

    def test_one_whose_file_changed_is_started_anew_on_its_node_alone(self) -> None:
        node, written = LAB.nodes[1], frozenset({galera.CONFIGURATION})
        found = plan_of(LAB, right(LAB))
        assert words(found.steps(node, frozenset())) == []
        [step] = found.steps(node, written)
        assert "crm_resource --restart --resource database-everywhere --node node2" in step.command

    @pytest.mark.parametrize(
        ("asked", "started"),
        [
            (
                ("--datadir=/d",),
                "--datadir=/d --wsrep-start-position=75f9bdfb-e9d0-11f1-960b-f30500aa66c4:5\n",
            ),
            (("--datadir=/d", "--wsrep-recover", "--log-error=/l"), ""),
        ],
        ids=["a start", "the agent's question"],
    )
    def test_it_is_started_with_how_far_it_had_come(
        self, tmp_path: Path, asked: tuple[str, ...], started: str
    ) -> None:
        """The line is one that MariaDB 11.8.9 wrote after its server was killed."""
        server = tmp_path / "mariadbd"
        server.write_text(
            "#!/bin/sh\n"
            f'case " $* " in *" --wsrep-recover "*) echo "$*" >>{tmp_path}/asked\n'
            'echo "2026-11-26 19:35:53 0 [Note] WSREP: Recovered position: '
            '75f9bdfb-e9d0-11f1-960b-f30500aa66c4:5" >&2 ;;\n'
            f'*) echo "$*" >{tmp_path}/started ;; esac\n'
        )
        server.chmod(0o755)
        text = program("start_mariadb.sh").replace("/usr/sbin/mariadbd", str(server))
        subprocess.run(["/bin/sh", "-c", text, "start", *asked], check=True, capture_output=True)
        place = tmp_path / "started"
        assert (place.read_text() if place.exists() else "") == started
        assert len((tmp_path / "asked").read_text().splitlines()) == 1


class TestClients:
    def test_the_monitor_asks_for_what_a_server_without_a_majority_refuses(self) -> None:
        """SELECT 1 is answered by MariaDB 11.8.9 all the same; a table is not (error 1047)."""
        [first, *_] = PART.service.addresses
        question = PART.question(first.ip)
        assert "'SELECT 1 FROM ledger LIMIT 0'" in question
        assert "--skip-ssl" in question and f"--host={first.ip}" in question

    def test_its_url_is_mariadbs(self) -> None:
        status = describe(TABLES, healthy(TABLES), None)
        urls = [endpoint.url for endpoint in status.service("tables").endpoints]
        assert urls == [f"mysql://halab@10.30.0.{n}:3306/halab" for n in (100, 101, 102)]

    def test_a_ledger_is_read_when_all_of_it_has_arrived(self) -> None:
        assert PART.keeps_writes and PART.storage is None
        read = PART.list_ledger("0a1b")
        assert read.count("SET SESSION wsrep_sync_wait = 1; SELECT ") == 2
        assert " && echo && " in read

    def test_what_is_exported_from_one_node_is_imported_at_one(self) -> None:
        assert PART.dump.startswith("mariadb-dump ") and PART.dump.endswith(" halab | gzip")
        # Tables that came after the export go too.
        assert PART.load.startswith("{ echo 'DROP DATABASE halab; CREATE DATABASE halab; ")
        assert "gunzip; } | mariadb " in PART.load


class TestDrills:
    def test_the_loss_of_a_node_costs_its_own_address_as_long_as_a_web_servers(self) -> None:
        assert budget(PART).total_s == budget(TRIO.first_service).total_s
        found = expected(TABLES, "power-off", "node2")
        assert (found.fate, found.fenced) == (Fate.VISITS, frozenset({"node2"}))
        assert found.spared_s == stall_s(TABLES.inventory.timing)
        assert not found.verify and not found.writes_refused

    @pytest.mark.parametrize("name", ["service-killed", "resource-failed"])
    def test_who_dies_alone_is_visited_elsewhere_until_it_has_what_it_missed(
        self, name: str
    ) -> None:
        here = situation(TABLES, "node2")
        found = expected(TABLES, name, "node2")
        assert (found.fate, found.brief, found.fenced) == (Fate.VISITS, True, frozenset())
        assert (found.outage_s, found.return_s) == (restart_s(here), return_s(here))
        # A web server is started where it was.
        assert expected(TRIO, name, "node2").fate is Fate.STAYS

    def test_it_is_killed_by_the_number_that_it_writes(self) -> None:
        assert galera.PID_FILE in PART.process.end
        assert parameters()["pid"] == galera.PID_FILE

    def test_a_cut_leaves_those_alive_that_are_most(self) -> None:
        assert expected(TABLES, "partition", "node3").fenced == {"node3"}

    def test_a_full_root_disk_is_nothing_to_it(self) -> None:
        assert find("root-filesystem-full", TABLES)


class TestReadings:
    def test_what_a_server_says_that_is_together_with_two(self) -> None:
        """Captured from MariaDB 11.8.9 with Galera 26.4.23, as are the next."""
        text = (FIXTURES / "synced.txt").read_text()
        assert parse_server(text) == Server(component="Primary", size=3, state="Synced")

    def test_what_the_last_of_three_says(self) -> None:
        text = (FIXTURES / "alone.txt").read_text()
        assert parse_server(text) == Server(component="non-Primary", size=1, state="Initialized")

    @pytest.mark.parametrize("text", ["", "ERROR 2002 (HY000): Can't connect\n", "a\tb\n"])
    def test_a_server_that_does_not_answer(self, text: str) -> None:
        assert parse_server(text) is None

    def seen(self, node: str, text: str) -> Seen:
        seen = healthy(TABLES)
        heard = {**node_of(seen, node).told, galera.READING: text}
        return broken(node, seen=seen, told=heard)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (server_text(3), ()),
            (server_text(2), ("tables on node2 is together with 2 of 3",)),
            (server_text(3, state="Joined"), ("tables on node2 is Joined, not Synced",)),
            (
                server_text(1, "non-Primary", "Initialized"),
                ("tables on node2 is not where most servers are, and refuses clients",),
            ),
            ("", ("tables on node2 does not tell how it is",)),
        ],
    )
    def test_what_status_says_of_it(self, text: str, said: tuple[str, ...]) -> None:
        assert sentences(self.seen("node2", text), TABLES) == said

    def test_a_server_that_waits_for_who_may_begin(self) -> None:
        seen = healthy(TABLES)
        instances = tuple(
            each.replace(role=Role.UNPROMOTED) if (each.id, each.node) == ("tables", "node3")
            else each
            for each in view_of(seen).instances
        )  # fmt: skip
        said = sentences(seen_by_cluster(seen=seen, instances=instances), TABLES)
        assert said[0] == "resource tables is not promoted on node3"


@pytest.mark.parametrize(("mounted", "status"), [(True, 0), (False, 1)])
def test_data_that_are_there_are_never_made_anew(
    tmp_path: Path, mounted: bool, status: int
) -> None:
    """Somebody looked before their filesystem was there."""
    promised = tmp_path / "room" / "data" / "mysql" / "promised"
    promised.parent.mkdir(parents=True)
    promised.write_text("promised")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("mountpoint", "true" if mounted else "false"), ("install", "exit 9")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    words = [str(promised.parent.parent), "x.cnf", "halab", "halab", "10.30.0.9"]
    done = subprocess.run(
        ["sh", "-euc", program("make_galera.sh"), "sh", *words],
        env={"PATH": f"{tools}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, promised.read_text()) == (status, "promised")
    assert ("is not mounted" in done.stderr) != mounted

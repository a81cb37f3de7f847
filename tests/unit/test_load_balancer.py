"""A load balancer before web servers: what it is told, and what it says of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from drills.catalogue import find
from drills.expectations import restart_s, stall_s
from drills.situation import Fate
from inventory.model import Inventory
from labs.ports import Peer
from labs.roles import NetworkRole
from parts.cluster import Group
from parts.host import File
from parts.seen import Seen
from parts.services import haproxy
from status.collect import describe
from status.problems import Alarm
from status.reading import node_script, parse_node
from tests.unit.broken_lab import broken, node_of, seen_by_cluster, sentences, view_of
from tests.unit.definitions import problems
from tests.unit.delivered import content, files, resources
from tests.unit.healthy_lab import FIXTURES, healthy, servers_text
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import plan_of, right, words
from tests.unit.situations import expected, situation
from tests.unit.sketched import FRONT, sketched
from wire.haproxy import parse_servers
from wire.pacemaker import Member

LAB = planned("load-balancer", accelerated=True)
EMULATED = planned("load-balancer", accelerated=False)

WEB = {"kind": "nginx", "runs": "everywhere", "port": 8080}
BEFORE_WEB = {"kind": "haproxy", "runs": "everywhere", "to": "web"}


def told(lab: Inventory = LAB) -> str:
    return content(haproxy.CONFIGURATION, lab)


class TestDefinition:
    @pytest.mark.parametrize(
        ("services", "value"),
        [
            ({"front": BEFORE_WEB}, '"web"'),
            ({"front": BEFORE_WEB, "web": {"kind": "nginx", "port": 81}}, '"web"'),
            ({"front": {**BEFORE_WEB, "to": "front"}}, '"front"'),
        ],
        ids=["nobody", "a server on one node", "itself"],
    )
    def test_requests_are_passed_to_servers_on_every_node(
        self, services: dict[str, Any], value: str
    ) -> None:
        found = problems(services=services)
        assert set(found) == {"services.front.to"}
        assert found["services.front.to"].value == value
        assert 'runs "everywhere"' in found["services.front.to"].allowed

    def test_one_balancer_takes_the_only_unit_that_there_is(self) -> None:
        two = {"front": BEFORE_WEB, "back": {**BEFORE_WEB, "port": 81}, "web": WEB}
        assert set(problems(services=two)) == {"services.back"}

    def test_it_keeps_no_data(self) -> None:
        services = {"front": {**BEFORE_WEB, "storage": "data"}, "web": WEB}
        found = problems(services=services)
        assert found["services.front.storage"].allowed.startswith("nothing")

    def test_its_statistics_have_a_port(self) -> None:
        found = problems(services={"front": BEFORE_WEB, "web": {**WEB, "port": 8404}})
        assert found["services.web.port"].hint.startswith("HAProxy, for its statistics,")

    def test_both_want_a_port_of_their_own(self) -> None:
        found = problems(services={"front": BEFORE_WEB, "web": {**WEB, "port": 80}})
        assert found["services.web.port"].hint.startswith("services.front.port is the same")


class TestBehind:
    """The web servers: clients find them through the balancer, and by nothing else."""

    def test_they_have_no_addresses_of_their_own(self) -> None:
        front, web = FRONT.inventory.services
        assert [str(address.ip) for address in front.addresses] == [
            f"10.30.0.{number}" for number in (100, 101, 102)
        ]
        assert web.addresses == ()
        assert set(FRONT.users) == set(front.address_ids)

    def test_addresses_that_somebody_gives_them(self) -> None:
        web = {**WEB, "addresses": ["10.30.0.10", "10.30.0.11"]}
        found = problems(services={"front": BEFORE_WEB, "web": web})
        assert set(found) == {"services.web.addresses"}
        assert "[services.front]" in found["services.web.addresses"].hint

    def test_a_small_network_has_room_for_them(self) -> None:
        names = [f"node{number}" for number in range(1, 7)]
        small = sketched(
            "small",
            nodes={"names": names},
            services={"front": BEFORE_WEB, "web": WEB},
            networks={"service": "10.30.0.0/27"},
        )
        assert small.inventory.has_one_address is False

    def test_their_port_is_open_to_nodes_alone(self) -> None:
        found = {each.port: each.peers for each in LAB.openings if each.purpose.startswith("serv")}
        assert found == {80: (Peer.ANYBODY,), 8080: (Peer.NODE,)}

    def test_status_says_where_they_run_and_asks_them_nothing(self) -> None:
        status = describe(FRONT, healthy(FRONT), None)
        assert status.service("web").nodes == ("node1", "node2", "node3")
        assert status.service("web").endpoints == ()
        assert status.healthy and status.answers

    def test_monitoring_asks_at_the_balancers_addresses(self) -> None:
        assert len(FRONT.services["front"].checks) == 3
        assert FRONT.services["web"].checks == ()

    @pytest.mark.parametrize("name", ["service-killed", "service-master-killed", "resource-failed"])
    def test_clients_do_not_notice_that_one_of_them_fails(self, name: str) -> None:
        drill = find(f"web-{name}", FRONT)
        assert drill.about(FRONT).service.name == "front"
        found = expected(FRONT, f"web-{name}", "node2")
        assert (found.fate, found.interrupted) == (Fate.STAYS, False)
        assert found.outage_s == found.spared_s == stall_s(FRONT.inventory.timing)
        assert found.alarms == {Alarm.RESOURCE_FAILED}
        # Pacemaker has looked by then, and the proof is that it counts a failure.
        assert drill.hold_s > FRONT.services["web"].timeouts.monitor_every_s

    def test_a_balancer_that_dies_is_noticed_at_its_own_address(self) -> None:
        found = expected(FRONT, "service-killed", "node2")
        assert (found.interrupted, found.outage_s) == (True, restart_s(situation(FRONT)))

    def test_drills_are_about_what_clients_find_wherever_it_stands(self) -> None:
        turned = sketched("turned", services={"web": WEB, "front": BEFORE_WEB})
        assert turned.first_service.service.name == "front"
        assert find("power-off", turned).about(turned).service.name == "front"
        assert find("service-killed", turned).service == "front"

    def test_a_balancer_on_one_node_moves_with_its_address(self) -> None:
        front = {"kind": "haproxy", "to": "web"}
        alone = sketched("alone", services={"front": front, "web": WEB})
        [group] = [each for each in alone.resources() if isinstance(each, Group)]
        assert [member.id for member in group.members] == ["front", "address"]
        assert alone.inventory.has_one_address
        [check] = [check for part in alone.services.values() for check in part.checks]
        assert check.answers == "last(//web.test.fail[Service])=0"


class TestConfiguration:
    def test_every_node_has_a_server_at_its_own_address(self) -> None:
        servers = re.findall(r"^    server (\S+) (\S+):(\d+)$", told(), re.MULTILINE)
        assert servers == [
            (node.name, str(node.interfaces[NetworkRole.SERVICE].address.ip), "8080")
            for node in LAB.nodes
        ]

    def test_servers_are_asked_for_the_page_that_they_have_for_that(self) -> None:
        assert "option httpchk GET /ping\n" in told()
        assert "location = /ping {" in content("/etc/nginx/web.halab.conf", LAB)

    def test_slow_machines_are_given_more_time(self) -> None:
        slower = 250 * EMULATED.timing.pace
        for lab, times in ((LAB, ("1s", "250ms")), (EMULATED, ("2s", f"{slower}ms"))):
            assert f"check inter {times[0]} " in told(lab)
            assert f"timeout connect {times[1]}\n" in told(lab)

    def test_only_its_own_node_sees_the_statistics(self) -> None:
        page = told().partition("frontend halab-statistics\n")[2]
        assert re.findall(r"bind (\S+)", page) == ["127.0.0.1:8404"]
        assert "stats" not in told().partition("frontend halab-statistics\n")[0]

    def test_what_it_would_refuse_replaces_nothing(self) -> None:
        file = files(LAB)[haproxy.CONFIGURATION]
        assert isinstance(file, File)
        assert file.check == '/usr/sbin/haproxy -c -f "$1"'

    def test_a_running_one_takes_over_what_changed(self) -> None:
        node, written = LAB.nodes[0], frozenset({haproxy.CONFIGURATION})
        found = plan_of(LAB, right(LAB))
        assert words(found.steps(node, frozenset())) == []
        assert words(found.steps(node, written)) == ["load balancer took over its configuration"]

    def test_pacemaker_runs_the_packages_unit_on_every_node(self) -> None:
        found = resources(LAB).find(".//clone[@id='front-everywhere']/primitive")
        assert found is not None
        assert (found.get("class"), found.get("type")) == ("systemd", "haproxy")
        assert found.get("provider") is None


class TestServers:
    def test_a_page_of_haproxy_3_0(self) -> None:
        """Captured from three servers: one refuses connections, one has failed a single check."""
        text = (FIXTURES.parent / "haproxy-statistics.csv").read_text()
        assert parse_servers(text, "web") == {"node1": True, "node2": False, "node3": True}
        assert parse_servers(text, "other") == {}
        assert parse_servers("", "web") == {}

    def test_the_page_arrives_as_it_was_printed(self, tmp_path: Path) -> None:
        """A whole look at a node that has curl alone, with HAProxy's page behind it."""
        page = FIXTURES.parent / "haproxy-statistics.csv"
        curl = tmp_path / "curl"
        curl.write_text(f"#!/bin/sh\nexec /bin/cat {page}\n")
        curl.chmod(0o755)
        looked = subprocess.run(
            ["/bin/sh", "-c", node_script(FRONT)],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": str(tmp_path)},
        )
        text = parse_node(FRONT, looked.stdout).told[haproxy.READING]
        assert parse_servers(text, "web") == {"node1": True, "node2": False, "node3": True}

    def test_another_page_tells_of_no_server(self) -> None:
        assert parse_servers("<html>\n<body>503</body>\n", "web") == {}

    def seen(self, node: str, text: str, seen: Seen | None = None) -> Seen:
        seen = seen or healthy(FRONT)
        heard = {**node_of(seen, node).told, haproxy.READING: text}
        return broken(node, seen=seen, told=heard)

    def test_one_that_it_gets_no_answer_from(self) -> None:
        text = servers_text({"node1": "UP", "node2": "UP 1/2", "node3": "DOWN"})
        assert sentences(self.seen("node1", text), FRONT) == (
            "front on node1 gets no answer from web on node3",
        )

    def test_one_that_does_not_run_is_told_once(self) -> None:
        seen = self.seen("node1", servers_text({"node1": "UP", "node2": "UP", "node3": "DOWN"}))
        instances = tuple(
            each for each in view_of(seen).instances if (each.id, each.node) != ("web", "node3")
        )
        seen = seen_by_cluster(seen=seen, instances=instances)
        assert sentences(seen, FRONT) == ("resource web is not started on node3",)

    def test_one_on_a_node_that_is_going_to_rest(self) -> None:
        seen = self.seen("node1", servers_text({"node1": "UP", "node2": "UP", "node3": "DOWN"}))
        resting = Member("node3", True, True, False, False, False)
        members = tuple(resting if each.name == "node3" else each for each in view_of(seen).members)
        assert sentences(seen_by_cluster(seen=seen, members=members), FRONT) == (
            "node3 is in standby",
        )

    def test_a_balancer_that_tells_nothing(self) -> None:
        found = sentences(self.seen("node2", ""), FRONT)
        assert found == tuple(
            f"front on node2 gets no answer from web on {node}"
            for node in ("node1", "node2", "node3")
        )

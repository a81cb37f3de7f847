"""A cluster on AWS: what fences, where clients find a service, and how machines reach others."""

from __future__ import annotations

import re
import subprocess
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from core.errors import HalabError
from drills.catalogue import catalogue
from infra.planning import sketch
from inventory.cloud import Cloud
from inventory.model import Inventory, Machine
from labs import cloud_timing
from labs.roles import MachineRole, NetworkRole
from labs.tables.cloud import LAB_TAG
from labs.timing import Timing
from parts.all import Parts
from parts.budget import budget
from parts.cluster import Clone, Primitive
from parts.constraints import Preference
from parts.fencing import base as fencing
from parts.fencing import sbd
from parts.membership.corosync import CONFIGURATION as COROSYNC
from parts.system import cloud, routes, time
from provisioning import packages
from tests.unit.aws_labs import NAMES, aws_lab
from tests.unit.clustered import agents
from tests.unit.composed_labs import primitives
from tests.unit.delivered import content, files
from tests.unit.planned_lab import planned
from tests.unit.provisioned_lab import fresh, plan_of, right, with_look, with_unit

LAB = sketch(aws_lab())
PARTS = Parts(LAB)
TWO = sketch(aws_lab("two-node"))
LOCAL = planned("active-passive", accelerated=True)

AGENTS = {
    "stonith:fence_halab_aws": {"region", "filter", "power_timeout"},
    "ocf:heartbeat:aws-vpc-move-ip": {
        *("ip", "interface", "routing_table", "lookup_type", "region", "auth_type", "monapi"),
    },
}
"""Parameters of the agents' own, from the metadata of fence-agents and resource-agents 4.16."""


BEYOND_AWS = {
    *("reset", "root-filesystem-full", "hang", "freeze", "stall", "slow-disk"),
    *("link-a-down", "link-b-down", "links-down", "service-cable-lost"),
}
"""Drills with a reset button, processors that stop, a watchdog, a slow disk or a cable."""


def placed(**changes: Any) -> Inventory:
    """Return the lab, with another place in the cloud."""
    return LAB.model_copy(update={"cloud": LAB.own_cloud.model_copy(update=changes)})


def resource(name: str, lab: Inventory = LAB) -> Primitive:
    (found,) = (each for each in primitives(lab) if each.id == name)
    return found


def timeout(name: str, operation: str) -> int:
    (found,) = (each for each in resource(name).operations if each.name == operation)
    return found.timeout_s


@pytest.mark.parametrize("agent", AGENTS)
def test_agents_are_told_what_they_know(agent: str) -> None:
    (found,) = (each for each in primitives(LAB) if each.agent == agent)

    own = {name for name in found.parameters if not name.startswith("pcmk_")}

    assert own == AGENTS[agent]


class TestFencing:
    def test_every_node_can_have_any_node_stopped_by_its_instance(self) -> None:
        lab = placed(instances={"node1": "i-0a", "node2": "i-0b"})

        (found,) = (each for each in Parts(lab).resources() if each.id == fencing.CLONE)

        assert isinstance(found, Clone)
        (agent,) = agents(found)
        assert agent.parameters["pcmk_host_map"] == "node1:i-0a;node2:i-0b"
        assert agent.parameters["region"] == "eu-central-1"

    def test_it_lists_the_instances_of_the_lab_and_nobody_elses(self) -> None:
        assert resource("fencing").parameters["filter"] == f"tag:{LAB_TAG}={LAB.lab}"

    def test_of_two_that_fence_each_other_the_later_one_asks_about_itself_first(self) -> None:
        assert "skip_race_check" not in resource("fencing").parameters

        for timing in (TWO.timing, Timing(**{**TWO.timing.model_dump(), "token_ms": 9000})):
            seen_later_s = timing.token_ms / 1000
            shot_s = timing.slow_start_s + cloud_timing.SHOT_S
            assert timing.priority_delay_s >= seen_later_s + timing.decision_s + shot_s

    def test_nobody_gives_up_while_aws_still_works(self) -> None:
        parameters, properties = resource("fencing").parameters, PARTS.fencing.properties()

        assert parameters["pcmk_reboot_timeout"] == f"{cloud_timing.REBOOT_TIMEOUT_S}s"
        # An attempt is given up after a fifth more; DRBD's handler waits for all of it.
        whole = int(str(properties["stonith-timeout"]).removesuffix("s"))
        assert whole >= 1.2 * cloud_timing.REBOOT_TIMEOUT_S + LAB.timing.death_s
        assert timeout("drbd", "promote") > LAB.timing.fence_handler_s > whole

    def test_an_instance_that_somebody_else_is_stopping_outlasts_no_ten_attempts(self) -> None:
        attempts = 10 * int(resource("fencing").parameters["pcmk_reboot_retries"])

        assert attempts >= cloud_timing.MOST_LOOKS

    def test_a_new_node_has_to_be_among_those_that_aws_names(self) -> None:
        node = LAB.nodes[1]

        (step,) = PARTS.fencing.welcome(node, plan_of(LAB, fresh(LAB)).found)

        assert "--filter=tag:halab-lab=active-passive" in step.command
        assert step.command.endswith("| grep -q '^i-node2,'")

    def test_nothing_of_the_disk_that_fences_elsewhere_is_there(self) -> None:
        wanted = packages.wanted(PARTS, MachineRole.NODE)
        units = {unit for part in PARTS.every for unit in part.units(MachineRole.NODE)}

        assert "fence-agents-aws" in wanted
        assert not {"sbd", "fence-agents-sbd"} & set(wanted)
        assert sbd.UNIT not in units
        assert sbd.CONFIGURATION not in files(LAB)
        # It would say nothing but that it is not there.
        assert '"disk": null' in content("/etc/systemd/system/halab-cluster-status.service", LAB)

    def test_no_drill_breaks_what_is_not_there(self) -> None:
        gone = catalogue(Parts(LOCAL)).keys() - catalogue(PARTS).keys()

        # To be fenced is to be started: nobody stays away.
        undone = {"rejoin", "stale-first"}
        assert gone - BEYOND_AWS == {"sbd-killed", "sbd-stopped", "fencing-disk-lost"} | undone

    def test_nor_what_nobody_can_do_to_an_instance(self) -> None:
        offered = catalogue(PARTS).keys()

        assert not BEYOND_AWS & offered
        assert {"power-off", "blackout", "data-disk-lost", "partition"} <= offered


class TestAddress:
    def test_a_route_of_the_service_networks_table_leads_to_the_interface_that_has_it(self) -> None:
        found = resource("address", placed(route_table="rtb-7")).parameters

        assert (found["ip"], found["routing_table"]) == ("10.30.0.100", "rtb-7")
        # An instance has four interfaces, and one of them is right.
        assert (found["interface"], found["lookup_type"]) == ("svc", "NetworkInterfaceId")

    def test_a_monitor_does_not_take_silence_of_aws_for_an_address_that_is_gone(self) -> None:
        assert resource("address").parameters["monapi"] == "false"

    def test_who_asks_aws_is_there_and_who_looks_at_the_cable(self) -> None:
        wanted = packages.wanted(PARTS, MachineRole.NODE)

        # What looks at the cable refuses to start without arping, though nobody is asked by ARP.
        assert {"awscli", "iputils-arping"} <= {*wanted}

    def test_an_address_for_each_node_goes_where_its_home_is(self) -> None:
        everywhere = sketch(aws_lab("active-active"))
        numbers = [resource(f"address-{n}", everywhere) for n in (1, 2, 3)]

        assert {each.agent for each in numbers} == {"ocf:heartbeat:aws-vpc-move-ip"}
        wishes = Parts(everywhere).addresses["web"].constraints()
        homes = {each.rsc: each.node for each in wishes if isinstance(each, Preference)}
        assert homes == {f"address-{n}": f"node{n}" for n in (1, 2, 3)}

    def test_operations_outlast_what_the_agent_asks_of_aws(self) -> None:
        part = PARTS.addresses["web"]

        assert part.start_pace_s < timeout("address", "start")


class TestBudget:
    def test_it_allows_for_aws_and_is_otherwise_what_it_is_elsewhere(self) -> None:
        here, there = budget(PARTS.first_service), budget(Parts(LOCAL).first_service)

        stopped_s = cloud_timing.STOP_S + cloud_timing.START_S
        assert here.fencing_s == stopped_s + cloud_timing.SHOT_S + LAB.timing.slow_start_s
        assert here.start_s - there.start_s == 9.0 - 1.5
        same = ("detection_s", "decision_s", "promotion_s", "probe_s")
        assert [getattr(here, step) for step in same] == [getattr(there, step) for step in same]


class TestAccess:
    def test_agents_find_the_region_and_have_no_keys(self) -> None:
        text = content(cloud.CONFIGURATION, LAB)

        assert "region = eu-central-1\n" in text
        assert "endpoint_url" not in text and "key" not in text

    def test_a_server_in_awss_stead_is_asked_instead(self) -> None:
        text = content(cloud.CONFIGURATION, placed(endpoint="http://10.10.0.9:5000"))

        assert "endpoint_url = http://10.10.0.9:5000\n" in text

    def test_the_monitor_asks_for_nothing(self) -> None:
        assert cloud.CONFIGURATION not in files(LAB, LAB.monitor)

    @pytest.mark.parametrize(
        ("known", "said"),
        [
            (None, "does not say where there"),
            (
                Cloud(region="x", instances={"node1": "i-1"}, route_table="r"),
                "no instance for node2",
            ),
        ],
    )
    def test_an_inventory_that_does_not_say_where_the_lab_is(
        self, known: Cloud | None, said: str
    ) -> None:
        with pytest.raises(HalabError, match=said) as caught:
            Parts(LAB.model_copy(update={"cloud": known})).resources()

        assert "docs/provisioning.md" in str(caught.value.hint)

    def test_requests_to_aws_bear_a_time_that_aws_believes(self) -> None:
        # It refuses what is minutes away from its own.
        assert "server 169.254.169.123 " in content(time.CONFIGURATION, LAB, LAB.monitor)
        assert "169.254.169.123" not in content(time.CONFIGURATION, LAB)
        assert "169.254.169.123" not in content(time.CONFIGURATION, LOCAL, LOCAL.monitor)


def routed(machine: Machine, lab: Inventory) -> dict[str, IPv4Network]:
    """Return where a machine sends what goes beyond its own subnets, by the interface."""
    text = content(routes.UNIT_FILE, lab, machine)
    found = re.findall(
        r"^ExecStart=/usr/bin/ip route replace (\S+) via (\S+) dev (\S+) ", text, re.M
    )
    for _, router, name in found:
        (nic,) = {each for each in machine.interfaces.values() if each.name == name}
        assert IPv4Address(router) in nic.address.network
    return {name: IPv4Network(network) for network, _, name in found}


class TestZones:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_machine_reaches_all_others_by_the_interface_of_their_network(
        self, name: str
    ) -> None:
        lab = sketch(aws_lab(name))

        for machine in lab.machines:
            ways = routed(machine, lab)
            for other in lab.machines:
                for role in machine.interfaces.keys() & other.interfaces.keys():
                    address = other.interfaces[role].address.ip
                    assert address in ways[machine.interfaces[role].name]
                    assert [name for name, way in ways.items() if address in way] == [
                        machine.interfaces[role].name
                    ]

    def test_floating_addresses_are_on_the_way_as_well(self) -> None:
        ways = routed(LAB.monitor, LAB)

        assert IPv4Address("10.30.0.100") in ways["svc"]

    def test_corosync_knows_each_node_by_an_address_of_its_own_zone(self) -> None:
        text = content(COROSYNC, LAB)

        assert re.findall(r"ring0_addr: (\S+)", text) == ["10.20.1.4", "10.20.1.21"]
        assert "bindnetaddr" not in text

    def test_replication_uses_the_second_link_as_there_is_no_network_of_its_own(self) -> None:
        text = content("/etc/drbd.d/r0.res", LAB)

        links = [node.interfaces[NetworkRole.CLUSTER_B].address.ip for node in LAB.nodes]
        assert re.findall(r"address (\S+):7788;", text) == [str(address) for address in links]

    def test_disks_are_found_where_they_were_attached(self) -> None:
        assert [each.disk for each in sketch(aws_lab("mirror")).storage] == ["/dev/sdf", "/dev/sdg"]

    def test_clocks_of_all_zones_are_answered(self) -> None:
        assert "allow 10.10.0.0/24\n" in content(time.CONFIGURATION, LAB, LAB.monitor)

    def test_routes_are_set_where_they_are_missing_and_left_where_they_are(self) -> None:
        node = LAB.nodes[0]
        steps = plan_of(LAB, right(LAB)).steps(node, frozenset())
        assert not steps

        stopped = fresh(LAB)[node.name].unit(routes.UNIT)
        (step,) = with_unit(LAB, node, routes.UNIT, stopped).steps(node, frozenset())

        assert step.what == "routes to other zones set"

    def test_networks_that_are_one_subnet_need_none(self) -> None:
        assert routes.UNIT_FILE not in files(LOCAL)
        assert not {nic.router for each in LOCAL.machines for nic in each.interfaces.values()} - {
            None
        }


class TestVolumes:
    """Debian's image has no rules for volumes: they come while the disks are there already."""

    def test_those_without_a_name_get_it_before_anything_uses_them(self) -> None:
        node = LAB.nodes[0]

        nameless = with_look(LAB, node, cloud.NAMELESS, "/dev/sdf")

        (step,) = (each for each in nameless.steps(node, frozenset()) if "volumes" in each.what)
        assert step.command == f"{cloud.TRIGGER}\ntest -b /dev/sdf\n"

    def test_nothing_is_done_where_all_have_theirs(self) -> None:
        node = LAB.nodes[0]
        steps = with_look(LAB, node, cloud.NAMELESS, "").steps(node, frozenset())
        assert not [each for each in steps if "volumes" in each.what]

    def test_only_machines_with_volumes_are_asked_for_any(self) -> None:
        access = cloud.CloudAccess(LAB, LAB.own_cloud)

        def printed(machine: Machine) -> str:
            text = access.looks(machine)[cloud.NAMELESS]
            return subprocess.run(["sh", "-c", text], capture_output=True, text=True).stdout

        assert printed(LAB.nodes[0]) == "/dev/sdf\n"
        assert printed(LAB.monitor) == ""

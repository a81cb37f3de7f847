"""The same labs on AWS: what its provider is asked for, without any provider."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs

from infra.access import GROUPS, group_name, rules
from infra.aws import AwsPlatform
from infra.aws_tags import MARK, UNTIL
from infra.cluster import Cluster
from infra.first_boot import naming
from infra.planning import sketch
from inventory.record import CloudRecord
from labs.addressing import machines
from labs.model import Lab
from labs.ports import SSH_PORT
from labs.roles import CABLED, NETWORKS_OF, MachineRole, NetworkRole
from labs.tables.aws import Aws
from labs.tables.cloud import LAB_TAG, block
from tests.infra.conftest import Recorder
from tests.unit.aws_labs import NAMES, PLATFORM, aws_lab

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG test"
WORLD = "0.0.0.0/0"
END = datetime(2026, 11, 27, 18, tzinfo=UTC)

TAGLESS = {
    *("Provider", "Route", "RouteTableAssociation", "VpcIpv4CidrBlockAssociation"),
    *("NetworkInterfaceAttachment", "VolumeAttachment", "RolePolicy"),
}
"""What AWS has no tags for."""


class AwsRecorder(Recorder):
    """Knows besides which image is Debian's."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        made, told = super().new_resource(args)
        return made, {**told, **self.known_then(args)}

    def known_then(self, args: MockResourceArgs) -> dict[str, Any]:
        """Return what AWS makes up: a story can tell it from the name."""
        machine = args.name.partition("-")[0]
        return {
            "NetworkInterface": {"macAddress": f"mac of {args.name}"},
            "Eip": {"publicIp": f"{machine}.example.net"},
            "Resource": {"public": "ssh-ed25519 AAAA" + machine},
        }.get(args.typ.rpartition(":")[2], {})

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token == "aws:ec2/getAmi:getAmi"
        assert args.args["owners"] == ["136693071363"]
        return {"id": "ami-debian", "filters": []}, []

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: inputs
            for (found, name), inputs in self.resources.items()
            if found.startswith("aws:") and found.endswith(f":{kind}")
        }


@pytest.fixture(scope="module", params=NAMES)
def lab(request: pytest.FixtureRequest) -> Lab:
    return aws_lab(request.param)


@pytest.fixture(scope="module")
def built(lab: Lab) -> AwsRecorder:
    recorder = AwsRecorder()
    pulumi.runtime.set_mocks(recorder, preview=False)

    def program() -> None:
        assert isinstance(lab.platform, Aws)
        record = CloudRecord(
            source=lab.name, region="eu-central-1", mark="mark", machines=(), until=END
        )
        Cluster(lab, AwsPlatform(lab, lab.platform, record, KEY), KEY)

    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return recorder


def test_every_machine_is_an_instance_of_its_type(lab: Lab, built: AwsRecorder) -> None:
    found = {name: each["instanceType"] for name, each in built.of("Instance").items()}

    assert found == {
        plan.name: "t3.xlarge" if plan.role is MachineRole.NODE else "t3.small"
        for plan in machines(lab)
    }


def test_every_interface_has_a_free_address_of_its_own_subnet(built: AwsRecorder) -> None:
    subnets = {f"id of {name}": each for name, each in built.of("Subnet").items()}
    seen = set()

    for each in built.of("NetworkInterface").values():
        (address,) = map(IPv4Address, each["privateIps"])
        subnet = IPv4Network(subnets[each["subnetId"]]["cidrBlock"])
        assert address in list(subnet)[4:-1]
        assert address not in seen
        seen.add(address)


def test_every_subnet_is_in_a_block_of_the_cloud(lab: Lab, built: AwsRecorder) -> None:
    (cloud,) = built.of("Vpc").values()
    more = [each["cidrBlock"] for each in built.of("VpcIpv4CidrBlockAssociation").values()]
    blocks = [IPv4Network(each) for each in (cloud["cidrBlock"], *more)]

    # A cloud has one block and, without asking for more, four others.
    assert len(blocks) <= 5
    for each in built.of("Subnet").values():
        assert [one for one in blocks if IPv4Network(each["cidrBlock"]).subnet_of(one)]


def test_interfaces_and_disks_of_a_machine_are_in_one_zone(lab: Lab, built: AwsRecorder) -> None:
    subnets = {f"id of {name}": each for name, each in built.of("Subnet").items()}
    volumes = {f"id of {name}": each for name, each in built.of("Volume").items()}
    attachments = built.of("VolumeAttachment").values()

    for plan in machines(lab):
        nics = [
            each
            for name, each in built.of("NetworkInterface").items()
            if name.startswith(f"{plan.name}-")
        ]
        disks = [each for each in attachments if each["instanceId"] == f"id of {plan.name}"]
        zones = {subnets[nic["subnetId"]]["availabilityZone"] for nic in nics}
        zones |= {volumes[disk["volumeId"]]["availabilityZone"] for disk in disks}
        assert len(zones) == 1
        assert len(nics) == (4 if plan.role is MachineRole.NODE else 2)


def test_a_shared_disk_is_made_for_many(lab: Lab, built: AwsRecorder) -> None:
    shared = {each.name for each in lab.storage if not each.replicated}

    found = {name: each for name, each in built.of("Volume").items() if name in shared}

    assert set(found) == shared
    for name, each in found.items():
        assert (each["type"], each["multiAttachEnabled"]) == ("io2", True)
        attached = [
            one
            for one in built.of("VolumeAttachment").values()
            if one["volumeId"] == f"id of {name}"
        ]
        assert len(attached) == len(lab.nodes.names)


def test_disks_are_attached_where_the_cluster_looks_for_them(lab: Lab, built: AwsRecorder) -> None:
    looked_for = {each.name: each.disk for each in sketch(lab).storage}

    for name, each in built.of("VolumeAttachment").items():
        _, _, storage = name.partition("-")
        assert each["deviceName"] == looked_for[storage]


def test_groups_let_in_the_table_of_ports_and_nothing_else(lab: Lab, built: AwsRecorder) -> None:
    wanted = {
        (
            f"id of {group_name(rule.group)}",
            rule.protocol.value,
            rule.first,
            rule.last,
            str(rule.source)
            if isinstance(rule.source, IPv4Network)
            else f"id of {group_name(rule.source)}",
        )
        for rule in rules(lab, sketch(lab).openings, IPv4Network(PLATFORM["management_from"]))
    }

    found = {
        (
            each["securityGroupId"],
            each["ipProtocol"],
            each["fromPort"],
            each["toPort"],
            each.get("cidrIpv4") or each["referencedSecurityGroupId"],
        )
        for each in built.of("SecurityGroupIngressRule").values()
    }

    assert found == wanted
    assert len(built.of("SecurityGroupIngressRule")) == len(wanted)
    assert all("ingress" not in each for each in built.of("SecurityGroup").values())


def test_nothing_is_open_to_the_world(built: AwsRecorder) -> None:
    sources = {each.get("cidrIpv4") for each in built.of("SecurityGroupIngressRule").values()}
    ssh = [
        each.get("cidrIpv4")
        for each in built.of("SecurityGroupIngressRule").values()
        if each["fromPort"] == SSH_PORT
    ]

    assert WORLD not in sources
    assert set(ssh) == {None, PLATFORM["management_from"]}


def test_every_interface_is_in_the_group_of_its_role_and_network(
    lab: Lab, built: AwsRecorder
) -> None:
    roles = {plan.name: plan.role for plan in machines(lab)}

    for name, each in built.of("NetworkInterface").items():
        machine, _, network = name.partition("-")
        group = group_name((roles[machine], NetworkRole(network)))
        assert each["securityGroups"] == [f"id of {group}"]
    assert len(built.of("SecurityGroup")) == len(GROUPS)


def test_only_where_addresses_float_may_what_is_not_the_interface_s_own_pass(
    lab: Lab, built: AwsRecorder
) -> None:
    floating = {
        name for name, each in built.of("NetworkInterface").items() if not each["sourceDestCheck"]
    }

    assert floating == {f"{name}-service" for name in lab.nodes.names}


def test_a_route_leads_to_each_floating_address_which_is_outside_the_cloud(
    lab: Lab, built: AwsRecorder
) -> None:
    wanted = {f"{each}/32" for service in lab.services for each in service.addresses}

    routes = [each for each in built.of("Route").values() if "networkInterfaceId" in each]

    assert {each["destinationCidrBlock"] for each in routes} == wanted
    assert {each["routeTableId"] for each in routes} == {"id of service"}
    inside = block(lab.networks.service)
    assert not [each for each in wanted if IPv4Network(each).subnet_of(inside)]


def test_the_way_out_is_over_management_alone(built: AwsRecorder) -> None:
    outward = [each for each in built.of("Route").values() if "gatewayId" in each]

    assert [each["routeTableId"] for each in outward] == ["id of management"]


def test_everything_bears_the_lab_s_mark(lab: Lab, built: AwsRecorder) -> None:
    for (kind, name), inputs in built.resources.items():
        if kind.startswith("aws:") and kind.rpartition(":")[2] not in TAGLESS:
            tags = inputs["tags"]
            assert (tags[LAB_TAG], tags[MARK]) == (lab.name, "mark"), (kind, name)
    for each in built.of("Instance").values():
        assert "tags" not in each["rootBlockDevice"]


def test_instances_tell_their_rights_to_nobody_who_only_asks(built: AwsRecorder) -> None:
    for each in built.of("Instance").values():
        assert each["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "instanceMetadataTags": "enabled",
        }
        assert each["instanceInitiatedShutdownBehavior"] == "stop"
        assert each["tags"][UNTIL] == "2026-11-27T18:00:00Z"


def test_nodes_have_the_role_of_the_cluster_and_the_monitor_has_none(
    lab: Lab, built: AwsRecorder
) -> None:
    with_rights = {
        name for name, each in built.of("Instance").items() if each.get("iamInstanceProfile")
    }

    assert with_rights == set(lab.nodes.names)


def test_the_role_changes_nothing_but_what_is_the_lab_s(lab: Lab, built: AwsRecorder) -> None:
    (policy,) = built.of("RolePolicy").values()
    for statement in json.loads(policy["policy"])["Statement"]:
        changes = [each for each in statement["Action"] if not each.startswith("ec2:Describe")]
        if changes:
            assert statement["Condition"]["StringEquals"] == {
                f"aws:ResourceTag/{LAB_TAG}": lab.name
            }
            assert statement["Resource"] != "*"


def test_a_key_of_the_lab_opens_machines_and_no_private_key_travels(built: AwsRecorder) -> None:
    (key,) = built.of("KeyPair").values()

    assert key["publicKey"] == KEY
    assert "PRIVATE KEY" not in str(built.resources)


def test_machines_are_told_their_own_name_and_those_of_their_interfaces(
    lab: Lab, built: AwsRecorder
) -> None:
    for plan in machines(lab):
        told = json.loads(built.of("Instance")[plan.name]["userData"].partition("\n")[2])
        networks = [role for role in NETWORKS_OF[plan.role] if role in CABLED]
        macs: dict[NetworkRole, str] = {}
        for role in networks:
            macs[role] = f"mac of {plan.name}-{role.value}"

        assert told["hostname"] == plan.name
        assert told["bootcmd"][0][-1] == naming(lab, plan, macs)


def test_the_host_key_of_every_machine_is_read_where_it_shows_it(
    lab: Lab, built: AwsRecorder
) -> None:
    read = {
        name: inputs["instance"]
        for (kind, name), inputs in built.resources.items()
        if kind == "pulumi-python:dynamic:Resource"
    }

    assert read == {plan.name: f"id of {plan.name}" for plan in machines(lab)}

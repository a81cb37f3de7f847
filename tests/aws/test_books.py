"""What the server's books say after requests, and the gaps of moto's that are mended for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from threading import Thread
from typing import Any, cast
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.aws_tags import UNTIL, ending
from infra.programs import switch_off

REGION = "eu-central-1"


class Asked:
    """An empty account, and what its books say."""

    def __init__(self, endpoint: str) -> None:
        self.ec2: Any = boto3.client("ec2", region_name=REGION, endpoint_url=endpoint)
        cloud = self.ec2.create_vpc(CidrBlock="10.10.0.0/26")["Vpc"]["VpcId"]
        made = self.ec2.create_subnet(VpcId=cloud, CidrBlock="10.10.0.0/28")
        self.subnet = made["Subnet"]["SubnetId"]
        made = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=cloud)
        self.group = made["GroupId"]
        self.table = self.ec2.create_route_table(VpcId=cloud)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)

    def interface(self, address: str) -> str:
        made = self.ec2.create_network_interface(
            SubnetId=self.subnet, PrivateIpAddress=address, Groups=[self.group]
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def instance(self, interface: str) -> str:
        made = self.ec2.run_instances(
            ImageId="ami-1",
            MinCount=1,
            MaxCount=1,
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
        )
        return str(made["Instances"][0]["InstanceId"])

    def launched(self, instance: str) -> datetime:
        found = self.ec2.describe_instances(InstanceIds=[instance])
        return cast(datetime, found["Reservations"][0]["Instances"][0]["LaunchTime"])

    def wanted(self) -> Any:
        from moto.ec2.models import ec2_backends

        from rehearsal.books import read

        return read(ec2_backends["123456789012"][REGION])


@pytest.fixture(scope="module")
def own_server() -> str:
    """A server in this process, where its books can be read."""
    from rehearsal.mends import mend
    from rehearsal.serving import application, serve

    mend()
    return f"http://127.0.0.1:{serve(application(), '127.0.0.1', 0)}"


@pytest.fixture
def asked(own_server: str) -> Asked:
    with urlopen(Request(f"{own_server}/moto-api/reset", method="POST")):
        return Asked(own_server)


def test_the_books_say_which_guests_there_shall_be(asked: Asked) -> None:
    interface = asked.interface("10.10.0.4")
    instance = asked.instance(interface)
    asked.ec2.create_route(
        RouteTableId=asked.table,
        DestinationCidrBlock="10.13.0.100/32",
        NetworkInterfaceId=interface,
    )
    address = asked.ec2.allocate_address(Domain="vpc")
    asked.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
    volume = asked.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=2)["VolumeId"]
    asked.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdf")

    wanted = asked.wanted()

    (guest,) = wanted.guests
    port = guest.ports[0]
    assert (guest.id, port.id, port.address) == (instance, interface, IPv4Address("10.10.0.4"))
    assert port.public == IPv4Address(address["PublicIp"])
    assert port.groups == (asked.group,)
    assert wanted.routes[asked.table] == {IPv4Network("10.13.0.100/32"): interface}
    assert [(each.id, each.attached) for each in wanted.volumes] == [
        (volume, {instance: "/dev/sdf"})
    ]
    (subnet,) = [each for each in wanted.subnets if each.id == asked.subnet]
    assert subnet.table == asked.table


def test_an_interface_is_in_one_instance_and_free_after_its_end(asked: Asked) -> None:
    interface = asked.interface("10.10.0.4")
    instance = asked.instance(interface)
    with pytest.raises(ClientError, match="InUse"):
        asked.instance(interface)

    asked.ec2.terminate_instances(InstanceIds=[instance])

    assert asked.wanted().guests == ()
    assert asked.instance(interface) != instance


def test_an_instance_that_was_off_runs_since_it_was_started_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    monkeypatch.setattr("rehearsal.mends.utcnow", lambda: later)
    name = asked.instance(asked.interface("10.10.0.8"))
    first = asked.launched(name)

    asked.ec2.start_instances(InstanceIds=[name])
    assert asked.launched(name) == first

    asked.ec2.stop_instances(InstanceIds=[name], Force=True)
    asked.ec2.start_instances(InstanceIds=[name])
    assert asked.launched(name) > first


def test_a_shared_volume_is_in_all_instances_that_have_it(asked: Asked) -> None:
    first = asked.instance(asked.interface("10.10.0.4"))
    second = asked.instance(asked.interface("10.10.0.5"))
    volume = asked.ec2.create_volume(
        AvailabilityZone=f"{REGION}a", Size=4, VolumeType="io2", Iops=100, MultiAttachEnabled=True
    )["VolumeId"]
    for instance in (first, second):
        asked.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
    (shared,) = asked.wanted().volumes
    assert set(shared.attached) == {first, second}

    asked.ec2.terminate_instances(InstanceIds=[second])

    (shared,) = asked.wanted().volumes
    assert set(shared.attached) == {first}
    asked.ec2.detach_volume(VolumeId=volume)
    (shared,) = asked.wanted().volumes
    assert shared.attached == {}


@pytest.mark.parametrize("from_group", [True, False])
def test_a_rule_says_what_it_is_for_whomever_it_lets_in(asked: Asked, from_group: bool) -> None:
    said = {"Description": "the cluster's first link"}
    source = (
        {"UserIdGroupPairs": [{"GroupId": asked.group, **said}]}
        if from_group
        else {"IpRanges": [{"CidrIp": "10.10.0.0/26", **said}]}
    )
    made = asked.ec2.authorize_security_group_ingress(
        GroupId=asked.group,
        IpPermissions=[{"IpProtocol": "udp", "FromPort": 5405, "ToPort": 5405, **source}],
    )["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    (shown,) = asked.ec2.describe_security_group_rules(SecurityGroupRuleIds=[made])[
        "SecurityGroupRules"
    ]
    assert shown["Description"] == "the cluster's first link"


def test_an_instance_learns_from_its_tags_when_to_switch_itself_off(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.ec2.models import ec2_backends
    from werkzeug.serving import make_server

    from rehearsal.metadata import service

    made = asked.ec2.run_instances(
        ImageId="ami-1",
        MinCount=1,
        MaxCount=1,
        MetadataOptions={"InstanceMetadataTags": "enabled"},
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": asked.interface("10.10.0.4")}],
    )["Instances"][0]["InstanceId"]
    instance = ec2_backends["123456789012"][REGION].get_instance(made)
    server = make_server("127.0.0.1", 0, service(lambda _: instance), threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(switch_off, "SERVICE", f"http://127.0.0.1:{server.server_port}/latest")
    assert switch_off.end(UNTIL) is None

    end = datetime(2026, 11, 27, 18, tzinfo=UTC)
    tags = [{"Key": key, "Value": value} for key, value in ending(end).items()]
    asked.ec2.create_tags(Resources=[made], Tags=tags)

    assert switch_off.end(UNTIL) == end


def test_a_volume_of_one_is_not_given_to_another(asked: Asked) -> None:
    first = asked.instance(asked.interface("10.10.0.4"))
    second = asked.instance(asked.interface("10.10.0.5"))
    volume = asked.ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=2)["VolumeId"]
    asked.ec2.attach_volume(VolumeId=volume, InstanceId=first, Device="/dev/sdf")

    with pytest.raises(ClientError, match="VolumeInUse"):
        asked.ec2.attach_volume(VolumeId=volume, InstanceId=second, Device="/dev/sdf")

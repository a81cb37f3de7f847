"""What carries a lab's mark is found, kind by kind, and removed; nothing else is touched."""

from __future__ import annotations

from typing import Any

import pytest

from core.wait import WaitTimeout
from infra import aws_removal
from infra.aws_account import Account as Asked
from infra.aws_objects import KINDS, find
from infra.aws_tags import tags_of
from infra.permissions import policy, trust
from tests.aws.conftest import REGION, Account


def words(lab: str, mark: str, name: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags_of(lab, mark, name).items()]


def furnish(account: Account, lab: str, mark: str) -> None:
    """Make one of everything that a lab consists of, as its program does."""
    ec2, iam = account.ec2, account.iam

    def tagged(kind: str, name: str) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": words(lab, mark, name)}]}

    cloud = ec2.create_vpc(CidrBlock="10.10.0.0/26", **tagged("vpc", "cloud"))["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway(**tagged("internet-gateway", "gateway"))
    gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=cloud)
    subnet = ec2.create_subnet(VpcId=cloud, CidrBlock="10.10.0.0/28", **tagged("subnet", "a"))
    subnet_id = subnet["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=cloud, **tagged("route-table", "table"))
    table_id = table["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet_id)
    groups = [
        ec2.create_security_group(
            GroupName=name, Description=name, VpcId=cloud, **tagged("security-group", name)
        )["GroupId"]
        for name in (f"{lab}-one", f"{lab}-other")
    ]
    for mine, other in (groups, reversed(groups)):
        rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        rule["UserIdGroupPairs"] = [{"GroupId": other}]
        ec2.authorize_security_group_ingress(GroupId=mine, IpPermissions=[rule])
    interface = ec2.create_network_interface(
        SubnetId=subnet_id, Groups=groups[:1], **tagged("network-interface", "node1-service")
    )
    interface_id = interface["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_key_pair(KeyName=f"{lab}-key", **tagged("key-pair", "key"))
    spread = tagged("placement-group", "spread")
    ec2.create_placement_group(GroupName=f"{lab}-spread", Strategy="spread", **spread)
    (image,) = ec2.describe_images(Owners=["136693071363"])["Images"]
    ec2.run_instances(
        ImageId=image["ImageId"],
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.xlarge",
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interface_id}],
        **tagged("instance", "node1"),
    )
    ec2.create_volume(Size=1, AvailabilityZone=f"{REGION}a", **tagged("volume", "node1-data"))
    address = ec2.allocate_address(Domain="vpc", **tagged("elastic-ip", "node1"))
    ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface_id)
    name = f"halab-{lab}-node"
    tags = words(lab, mark, "node")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(), Tags=tags)
    iam.put_role_policy(RoleName=name, PolicyName="cluster", PolicyDocument=policy(lab))
    iam.create_instance_profile(InstanceProfileName=name, Tags=tags)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


@pytest.fixture
def asked(endpoint: str) -> Asked:
    return Asked(REGION, endpoint)


def test_every_kind_is_found_and_goes_and_a_namesake_s_stays(
    account: Account, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_removal, "INTERVAL_S", 0.1)
    furnish(account, "mine", "our mark")
    furnish(account, "other", "their mark")
    before = {str(each) for each in find(asked) if each.mark == "their mark"}
    assert {each.kind for each in find(asked) if each.mark == "our mark"} == set(KINDS)
    said: list[str] = []

    aws_removal.remove(asked, "our mark", said.append)

    assert aws_removal.of(asked, "our mark") == []
    assert {str(each) for each in find(asked)} == before
    assert "removing the VPC halab-mine-cloud" in said
    aws_removal.remove(asked, "their mark", said.append)
    # What has no tags went with what it belonged to.
    assert account.contents() == {}


def test_what_aws_keeps_is_named_with_its_reason(
    account: Account, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_removal, "INTERVAL_S", 0.1)
    furnish(account, "stuck", "stuck")
    (cloud,) = [each for each in find(asked) if each.kind.name == "VPC"]
    strange = account.ec2.create_subnet(VpcId=cloud.id, CidrBlock="10.10.0.32/28")

    with monkeypatch.context() as impatient, pytest.raises(WaitTimeout) as kept:
        impatient.setattr(aws_removal, "PATIENCE_S", 0.5)
        aws_removal.remove(asked, "stuck", lambda _: None)

    assert f"VPC halab-stuck-cloud ({cloud.id}): AWS ({REGION}) refused" in str(kept.value.detail)
    assert "DependencyViolation" in str(kept.value.detail)
    account.ec2.delete_subnet(SubnetId=strange["Subnet"]["SubnetId"])
    aws_removal.remove(asked, "stuck", lambda _: None)
    assert account.contents() == {}

"""What AWS has to allow whoever runs halab, a person or CI, and what for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from labs.instances import Region
from labs.tables.cloud import LAB_TAG

OURS: dict[str, Any] = {"Null": {f"aws:ResourceTag/{LAB_TAG}": "false"}}
"""What bears halab's tag, of whichever lab."""

OWN_NAMES = tuple(f"arn:aws:iam::*:{kind}/halab-*" for kind in ("role", "instance-profile"))
"""Names are all that a limit on roles can go by before they are there."""


@dataclass(frozen=True)
class Right:
    """A statement of the policy: its name, what for, and actions by their service."""

    name: str
    why: str
    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def statement(self) -> dict[str, Any]:
        """It in AWS's words."""
        # IAM is in no region.
        here = {"StringEquals": {"aws:RequestedRegion": list(get_args(Region))}}
        condition = {**(here if self.service == "ec2" else {}), **self.condition}
        return {
            "Sid": self.name,
            "Effect": "Allow",
            "Action": [f"{self.service}:{action}" for action in self.actions],
            "Resource": list(self.resources),
            **({"Condition": condition} if condition else {}),
        }


RIGHTS = (
    Right(
        "Look",
        "`up` compares, `list`, `status` and `audit` look, `down` proves that nothing stays. AWS "
        "cannot limit looking to what is the lab's",
        "ec2",
        (
            *("DescribeAddresses", "DescribeAddressesAttribute", "DescribeImages"),
            *("DescribeInstanceAttribute", "DescribeInstanceCreditSpecifications"),
            *("DescribeInstanceTypeOfferings", "DescribeInstanceTypes", "DescribeInstances"),
            "DescribeInternetGateways",
            *("DescribeKeyPairs", "DescribeNetworkAcls", "DescribeNetworkInterfaces"),
            *("DescribePlacementGroups", "DescribeRouteTables", "DescribeSecurityGroupRules"),
            *("DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVolumes"),
            *("DescribeVpcAttribute", "DescribeVpcs", "GetInstanceUefiData"),
        ),
    ),
    Right(
        "Make",
        "`up` makes networks, groups and their rules, addresses, volumes and machines",
        "ec2",
        (
            *("AllocateAddress", "AssociateAddress", "AssociateRouteTable"),
            *("AssociateVpcCidrBlock", "AttachInternetGateway", "AttachNetworkInterface"),
            *("AttachVolume", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"),
            *("CreateInternetGateway", "CreateNetworkInterface", "CreatePlacementGroup"),
            *("CreateRoute", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet"),
            *("CreateVolume", "CreateVpc", "ImportKeyPair", "ModifyNetworkInterfaceAttribute"),
            *("ModifyVpcAttribute", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"),
            "RunInstances",
        ),
    ),
    Right(
        "Mark",
        "what is made gets halab's tags as it is made",
        "ec2",
        ("CreateTags",),
        condition={"Null": {"ec2:CreateAction": "false"}},
    ),
    Right(
        "Use",
        "host keys are read from the console, machines that are off are started, `--hours` moves "
        "an end, drills cut power and tear out disks",
        "ec2",
        (
            *("CreateTags", "DetachVolume", "GetConsoleOutput", "ModifyInstanceAttribute"),
            *("StartInstances", "StopInstances"),
        ),
        condition=OURS,
    ),
    Right(
        "Change",
        "`up` after a change of the definition: instance types, sizes of volumes, open ports, tags",
        "ec2",
        (
            *("DeleteTags", "ModifyInstanceMetadataOptions", "ModifySecurityGroupRules"),
            *("ModifyVolume", "ReplaceRoute"),
        ),
        condition=OURS,
    ),
    Right(
        "ChangeLook",
        "a volume that grows is looked at until it has grown",
        "ec2",
        ("DescribeVolumesModifications",),
    ),
    Right(
        "Remove",
        "`down`, and `up` of what a killed run left",
        "ec2",
        (
            *("DeleteInternetGateway", "DeleteKeyPair", "DeleteNetworkInterface"),
            *("DeletePlacementGroup", "DeleteRoute", "DeleteRouteTable", "DeleteSecurityGroup"),
            *("DeleteSubnet", "DeleteVolume", "DeleteVpc", "DetachInternetGateway"),
            *("DetachNetworkInterface", "DisassociateAddress", "DisassociateRouteTable"),
            *("DisassociateVpcCidrBlock", "ReleaseAddress", "TerminateInstances"),
        ),
        condition=OURS,
    ),
    Right(
        "FindRights",
        "`audit` and `down` find the role of nodes by its name, which only lists tell",
        "iam",
        ("ListInstanceProfiles", "ListRoles"),
    ),
    Right(
        "NodesRights",
        "nodes have a role, by which they fence each other and move addresses",
        "iam",
        (
            *("AddRoleToInstanceProfile", "CreateInstanceProfile", "CreateRole"),
            *("DeleteInstanceProfile", "DeleteRole", "DeleteRolePolicy", "GetInstanceProfile"),
            *("GetRole", "GetRolePolicy", "ListAttachedRolePolicies"),
            *("ListInstanceProfilesForRole", "ListRolePolicies", "PutRolePolicy"),
            "RemoveRoleFromInstanceProfile",
        ),
        OWN_NAMES,
    ),
    Right(
        "MarkRights",
        "that role is made with halab's tags, which AWS asks this for",
        "iam",
        ("TagInstanceProfile", "TagRole"),
        OWN_NAMES,
    ),
    Right(
        "GiveRights",
        "an instance is started with that role; no program asks for it by this name",
        "iam",
        ("PassRole",),
        OWN_NAMES[:1],
        {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    ),
)
"""In the order of a lab's life. The provider asks besides who one is, which AWS always tells."""


def policy() -> str:
    """Return the policy, as IAM's console and command line take it."""
    statements = [right.statement for right in RIGHTS]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"

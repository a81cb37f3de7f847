"""What there is on AWS of halab's labs: every kind of object, by its own service's lists.

AWS has one list of everything with a tag, which lacks addresses, key pairs and placement groups. So
each service is asked for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from infra.aws_account import Refused
from infra.aws_tags import MARK
from labs.tables.cloud import LAB_TAG

NAME = "Name"
"""The tag that AWS's console shows."""
PREFIX = "halab-"
"""How names begin of roles, which no list of AWS's has by their tags."""

GONE = "NoSuchEntity"
"""IAM's word for what is not there (its API reference, GetRole)."""


class Asked(Protocol):
    """An account (`aws_account.Account`)."""

    region: str

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        """Make one request."""

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        """List what there is."""


@dataclass(frozen=True)
class Found:
    """An object: `details` is what AWS says of it; `lab` and `mark` are its tags."""

    kind: Kind = field(repr=False, compare=False)
    id: str
    name: str
    lab: str
    mark: str
    details: Mapping[str, Any] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.kind.name} {self.name} ({self.id})"


Delete = Callable[[Asked, Found], None]


@dataclass(frozen=True)
class Kind:
    """A kind of object: how it is called, listed and deleted; `id` is the key of its identity.

    `listed` is a request and where its answer has the objects.
    """

    name: str
    listed: tuple[str, str]
    id: str
    delete: Delete
    tags: str = "Tags"
    regional: bool = True

    def find(self, account: Asked) -> Iterator[Found]:
        """Return the objects of this kind that carry halab's tag; raises like `Account.ask`."""
        marked = [{"Name": "tag-key", "Values": [LAB_TAG]}]
        for each in account.every("ec2", *self.listed, Filters=marked):
            yield self._found(each, each.get(self.tags) or ())

    def _found(self, details: Mapping[str, Any], listed: Any) -> Found:
        tags = {tag["Key"]: tag["Value"] for tag in listed}
        name = tags.get(NAME) or details[self.id]
        return Found(self, details[self.id], name, tags[LAB_TAG], tags.get(MARK, ""), details)


@dataclass(frozen=True)
class Right(Kind):
    """A kind that belongs to the account: its tags, like a list's, are asked for one by one."""

    regional: bool = False
    tags_of: tuple[str, str] = ("", "")

    def find(self, account: Asked) -> Iterator[Found]:
        """Return the objects of this kind that carry halab's tag; raises like `Account.ask`."""
        for each in account.every("iam", *self.listed):
            name = each[self.id]
            if name.startswith(PREFIX):
                tags = self._tags(account, name)
                if any(tag["Key"] == LAB_TAG for tag in tags):
                    yield self._found(each, tags)

    def _tags(self, account: Asked, name: str) -> list[Any]:
        """Return the tags of what was listed; none of what was deleted since then."""
        try:
            return list(account.every("iam", *self.tags_of, **{self.id: name}))
        except Refused as refused:
            if refused.code != GONE:
                raise
            return []


def find(account: Asked) -> list[Found]:
    """Return everything that carries halab's tag, in the order in which it can be deleted.

    Raises like `Account.ask`: an empty list means that nothing is there.
    """
    return [found for kind in KINDS for found in kind.find(account)]


def _simply(operation: str, word: str) -> Delete:
    """Return how a kind is deleted by one request that names it."""

    def delete(account: Asked, found: Found) -> None:
        account.ask("ec2", operation, **{word: found.details[word]})

    return delete


def _terminate(account: Asked, found: Found) -> None:
    account.ask("ec2", "terminate_instances", InstanceIds=[found.id])


def _release(account: Asked, found: Found) -> None:
    if association := found.details.get("AssociationId"):
        account.ask("ec2", "disassociate_address", AssociationId=association)
    account.ask("ec2", "release_address", AllocationId=found.id)


def _delete_group(account: Asked, found: Found) -> None:
    # Groups name each other in their rules, and AWS keeps what is named.
    its = [{"Name": "group-id", "Values": [found.id]}]
    expression = "SecurityGroupRules[?!IsEgress].SecurityGroupRuleId"
    rules = list(account.every("ec2", "describe_security_group_rules", expression, Filters=its))
    if rules:
        account.ask(
            "ec2", "revoke_security_group_ingress", GroupId=found.id, SecurityGroupRuleIds=rules
        )
    account.ask("ec2", "delete_security_group", GroupId=found.id)


def _delete_table(account: Asked, found: Found) -> None:
    for association in found.details.get("Associations", ()):
        account.ask(
            "ec2",
            "disassociate_route_table",
            AssociationId=association["RouteTableAssociationId"],
        )
    account.ask("ec2", "delete_route_table", RouteTableId=found.id)


def _delete_gateway(account: Asked, found: Found) -> None:
    for attachment in found.details.get("Attachments", ()):
        account.ask(
            "ec2",
            "detach_internet_gateway",
            InternetGatewayId=found.id,
            VpcId=attachment["VpcId"],
        )
    account.ask("ec2", "delete_internet_gateway", InternetGatewayId=found.id)


def _delete_profile(account: Asked, found: Found) -> None:
    for role in found.details.get("Roles", ()):
        account.ask(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=found.id,
            RoleName=role["RoleName"],
        )
    account.ask("iam", "delete_instance_profile", InstanceProfileName=found.id)


def _delete_role(account: Asked, found: Found) -> None:
    for policy in account.every("iam", "list_role_policies", "PolicyNames[]", RoleName=found.id):
        account.ask("iam", "delete_role_policy", RoleName=found.id, PolicyName=policy)
    account.ask("iam", "delete_role", RoleName=found.id)


KINDS = (
    Kind(
        "instance",
        # AWS lists for an hour what is terminated.
        ("describe_instances", "Reservations[].Instances[] | [?State.Name != 'terminated']"),
        "InstanceId",
        _terminate,
    ),
    Kind("address", ("describe_addresses", "Addresses[]"), "AllocationId", _release),
    Kind(
        "network interface",
        ("describe_network_interfaces", "NetworkInterfaces[]"),
        "NetworkInterfaceId",
        _simply("delete_network_interface", "NetworkInterfaceId"),
        tags="TagSet",
    ),
    Kind(
        "volume",
        ("describe_volumes", "Volumes[]"),
        "VolumeId",
        _simply("delete_volume", "VolumeId"),
    ),
    Kind(
        "security group",
        ("describe_security_groups", "SecurityGroups[]"),
        "GroupId",
        _delete_group,
    ),
    Kind(
        "route table",
        ("describe_route_tables", "RouteTables[]"),
        "RouteTableId",
        _delete_table,
    ),
    Kind(
        "subnet",
        ("describe_subnets", "Subnets[]"),
        "SubnetId",
        _simply("delete_subnet", "SubnetId"),
    ),
    Kind(
        "internet gateway",
        ("describe_internet_gateways", "InternetGateways[]"),
        "InternetGatewayId",
        _delete_gateway,
    ),
    Kind("VPC", ("describe_vpcs", "Vpcs[]"), "VpcId", _simply("delete_vpc", "VpcId")),
    Kind(
        "key pair",
        ("describe_key_pairs", "KeyPairs[]"),
        "KeyPairId",
        _simply("delete_key_pair", "KeyName"),
    ),
    Kind(
        "placement group",
        ("describe_placement_groups", "PlacementGroups[]"),
        "GroupId",
        _simply("delete_placement_group", "GroupName"),
    ),
    Right(
        "instance profile",
        ("list_instance_profiles", "InstanceProfiles[]"),
        "InstanceProfileName",
        _delete_profile,
        tags_of=("get_instance_profile", "InstanceProfile.Tags[]"),
    ),
    Right(
        "role",
        ("list_roles", "Roles[]"),
        "RoleName",
        _delete_role,
        tags_of=("get_role", "Role.Tags[]"),
    ),
)
"""What `infra.aws` makes and what can have tags, in the order in which it can be deleted. Routes,
rules and attachments go with what they belong to."""

"""Machines on AWS. No other module knows pulumi_aws, and only a lab on AWS loads this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network

import pulumi
import pulumi_aws as aws

from infra.access import GROUPS, Group, Rule, group_name, rules
from infra.aws_tags import ending, name_of, tags_of
from infra.cluster import MachineArgs, NetworkArgs
from infra.console_key import ConsoleKey
from infra.first_boot import user_data
from infra.permissions import policy, trust
from infra.planning import sketch
from inventory.record import CloudRecord
from labs.addressing import MachinePlan, interfaces, machines
from labs.instances import MIN_IO2_GIB, ROOT_GIB, SHARED_IOPS, gib
from labs.model import Lab
from labs.roles import CABLED, NETWORKS_OF, MachineRole, NetworkRole
from labs.tables.aws import Aws
from labs.tables.cloud import block, zone_subnet

EVERYWHERE = "0.0.0.0/0"
DEBIAN_OWNER = "136693071363"
"""The account that publishes Debian's images (https://wiki.debian.org/Cloud/AmazonEC2Image)."""
DEBIAN_IMAGES = "debian-13-amd64-*"

STAND_IN_SERVICES = ("ec2", "iam", "sts")


@dataclass(frozen=True)
class Instance:
    """What AWS tells of a machine once it is there: the program's outputs, not yet values."""

    id: pulumi.Output[str]
    public: pulumi.Output[str]
    host_key: pulumi.Output[str]


class AwsPlatform:
    """Makes networks, disks and machines in one region."""

    fencing_disks: Mapping[str, int] = {}

    def __init__(self, lab: Lab, platform: Aws, record: CloudRecord, authorized_key: str) -> None:
        self._lab, self._platform, self._record = lab, platform, record
        self.instances: dict[str, Instance] = {}
        self._zones = platform.zone_names(lab)
        endpoints = [dict.fromkeys(STAND_IN_SERVICES, record.endpoint)]
        self._provider = aws.Provider(
            "aws",
            region=platform.region,
            endpoints=endpoints if record.endpoint else None,
        )
        own = self._options()
        self._vpc = aws.ec2.Vpc(
            "cloud",
            cidr_block=str(block(lab.networks.management)),
            enable_dns_hostnames=True,
            tags=self._tags("cloud"),
            opts=own,
        )
        self._gateway = aws.ec2.InternetGateway(
            "gateway", vpc_id=self._vpc.id, tags=self._tags("gateway"), opts=own
        )
        self._image = aws.ec2.get_ami_output(
            most_recent=True,
            owners=[DEBIAN_OWNER],
            filters=[{"name": "name", "values": [DEBIAN_IMAGES]}],
            opts=pulumi.InvokeOutputOptions(provider=self._provider),
        )
        self._key = aws.ec2.KeyPair(
            "key",
            key_name=self._name("key"),
            public_key=authorized_key.strip(),
            tags=self._tags("key"),
            opts=own,
        )
        self._spread = aws.ec2.PlacementGroup(
            "spread",
            name=self._name("spread"),
            strategy="spread",
            tags=self._tags("spread"),
            opts=own,
        )
        self._groups = {group: self._group(group) for group in GROUPS}
        self._planned = sketch(lab)
        for rule in rules(lab, self._planned.openings, platform.management_from):
            self._let_in(rule)
        self._tables: dict[NetworkRole, aws.ec2.RouteTable] = {}
        self._subnets: dict[tuple[NetworkRole, int], aws.ec2.Subnet] = {}

    @property
    def route_table(self) -> pulumi.Output[str]:
        """The table that leads to floating addresses; it is there once all networks are made."""
        made: pulumi.Output[str] = self._tables[NetworkRole.SERVICE].id
        return made

    def network(self, args: NetworkArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make a subnet in each zone where a machine needs it, and a route table for them."""
        role, own = args.role, self._options(parent)
        table = aws.ec2.RouteTable(
            role.value, vpc_id=self._vpc.id, tags=self._tags(role.value), opts=own
        )
        self._tables[role] = table
        depends: list[pulumi.Resource] = []
        if role is NetworkRole.MANAGEMENT:
            aws.ec2.Route(
                "outside",
                route_table_id=table.id,
                destination_cidr_block=EVERYWHERE,
                gateway_id=self._gateway.id,
                opts=own,
            )
        else:
            depends.append(
                aws.ec2.VpcIpv4CidrBlockAssociation(
                    role.value, vpc_id=self._vpc.id, cidr_block=str(block(args.subnet)), opts=own
                )
            )
        for zone in self._zones_of(role):
            name = f"{role.value}-{self._zones[zone]}"
            subnet = aws.ec2.Subnet(
                name,
                vpc_id=self._vpc.id,
                cidr_block=str(zone_subnet(args.subnet, zone)),
                availability_zone=self._zones[zone],
                tags=self._tags(name),
                opts=self._options(parent, depends),
            )
            aws.ec2.RouteTableAssociation(
                name, subnet_id=subnet.id, route_table_id=table.id, opts=own
            )
            self._subnets[role, zone] = subnet
        made: pulumi.Output[str] = table.id
        return made

    def shared_disk(self, name: str, size_mib: int, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make a volume that several instances of its zone can be attached to."""
        first, *_ = machines(self._lab)
        made: pulumi.Output[str] = aws.ebs.Volume(
            name,
            availability_zone=self._zone(first),
            size=gib(size_mib, MIN_IO2_GIB),
            type="io2",
            iops=SHARED_IOPS,
            multi_attach_enabled=True,
            tags=self._tags(name),
            opts=self._options(parent),
        ).id
        return made

    def machine(self, args: MachineArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Start an instance with its interfaces, disks and public address; read its host key."""
        plan, own = args.plan, self._options(parent)
        nics = {
            role: self._interface(plan, role, parent)
            for role in NETWORKS_OF[plan.role]
            if role in CABLED
        }
        first, *others = nics
        node = plan.role is MachineRole.NODE
        instance = aws.ec2.Instance(
            plan.name,
            ami=self._image.id,
            instance_type=self._platform.instance_type(plan.role),
            key_name=self._key.key_name,
            iam_instance_profile=self._profile.name if node else None,
            placement_group=self._spread.name if node else None,
            primary_network_interface={"network_interface_id": nics[first].id},
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                # By these it learns when to switch itself off.
                "instance_metadata_tags": "enabled",
            },
            # It keeps its disks, and `up` can start it again.
            instance_initiated_shutdown_behavior="stop",
            # Without tags: the provider sets them later, by a request that names nothing of a lab.
            # A policy that lets this through lets through any. The disk goes with its instance.
            root_block_device={"volume_size": ROOT_GIB, "volume_type": "gp3"},
            user_data=pulumi.Output.all(
                **{role.value: nic.mac_address for role, nic in nics.items()}
            ).apply(
                lambda macs: user_data(
                    self._lab, plan, {NetworkRole(role): mac for role, mac in macs.items()}
                )
            ),
            tags={**self._tags(plan.name), **ending(self._record.until)},
            # A newer image is no reason to make a machine anew, and what only its first boot reads
            # none to stop it.
            opts=pulumi.ResourceOptions.merge(
                own, pulumi.ResourceOptions(ignore_changes=["ami", "user_data"])
            ),
        )
        for index, role in enumerate(others, start=1):
            aws.ec2.NetworkInterfaceAttachment(
                f"{plan.name}-{role.value}",
                instance_id=instance.id,
                network_interface_id=nics[role].id,
                device_index=index,
                opts=own,
            )
        self._attach(args, instance, own)
        address = aws.ec2.Eip(
            plan.name,
            domain="vpc",
            network_interface=nics[first].id,
            tags=self._tags(plan.name),
            opts=self._options(parent, [instance, self._gateway]),
        )
        if node:
            self._route(plan, nics[NetworkRole.SERVICE], self._options(parent, [instance]))
        key = ConsoleKey(
            plan.name,
            instance=instance.id,
            region=self._platform.region,
            endpoint=self._record.endpoint,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self.instances[plan.name] = Instance(instance.id, address.public_ip, key.public)
        made: pulumi.Output[str] = instance.id
        return made

    @cached_property
    def _profile(self) -> aws.iam.InstanceProfile:
        """What lets nodes fence each other and move addresses; the monitor has no such right."""
        own, name = self._options(), self._name("node")
        role = aws.iam.Role(
            "node", name=name, assume_role_policy=trust(), tags=self._tags("node"), opts=own
        )
        aws.iam.RolePolicy(
            "node", name="cluster", role=role.id, policy=policy(self._lab.name), opts=own
        )
        return aws.iam.InstanceProfile(
            "node", name=name, role=role.name, tags=self._tags("node"), opts=own
        )

    def _interface(
        self, plan: MachinePlan, role: NetworkRole, parent: pulumi.Resource
    ) -> aws.ec2.NetworkInterface:
        name = f"{plan.name}-{role.value}"
        zone = self._platform.zone_number(plan.number, self._lab)
        floats = plan.role is MachineRole.NODE and role is NetworkRole.SERVICE
        return aws.ec2.NetworkInterface(
            name,
            subnet_id=self._subnets[role, zone].id,
            private_ips=[str(interfaces(self._lab, plan)[role].address.ip)],
            security_groups=[self._groups[plan.role, role].id],
            # Else AWS drops what is sent to a floating address, which is not the interface's own.
            source_dest_check=not floats,
            tags=self._tags(name),
            opts=self._options(parent),
        )

    def _attach(
        self, args: MachineArgs, instance: aws.ec2.Instance, own: pulumi.ResourceOptions
    ) -> None:
        plan = args.plan
        volumes: dict[str, pulumi.Input[str]] = {}
        for storage, size_mib in plan.data_disks.items():
            name = f"{plan.name}-{storage}"
            volumes[storage] = aws.ebs.Volume(
                name,
                availability_zone=self._zone(plan),
                size=gib(size_mib),
                type="gp3",
                tags=self._tags(name),
                opts=own,
            ).id
        volumes |= args.shared_disks
        for storage, volume in volumes.items():
            aws.ec2.VolumeAttachment(
                f"{plan.name}-{storage}",
                device_name=self._platform.disk(storage, self._lab),
                instance_id=instance.id,
                volume_id=volume,
                opts=own,
            )

    def _route(
        self, plan: MachinePlan, nic: aws.ec2.NetworkInterface, own: pulumi.ResourceOptions
    ) -> None:
        """Lead to this node, to begin with, the floating addresses that it is the first to have."""
        for address in self._first_at(plan):
            aws.ec2.Route(
                f"to-{address}",
                route_table_id=self._tables[NetworkRole.SERVICE].id,
                destination_cidr_block=f"{address}/32",
                network_interface_id=nic.id,
                # The cluster moves it.
                opts=pulumi.ResourceOptions.merge(
                    own, pulumi.ResourceOptions(ignore_changes=["networkInterfaceId"])
                ),
            )

    def _first_at(self, plan: MachinePlan) -> list[IPv4Address]:
        planned, found = self._planned, []
        for service in planned.services:
            places = (
                planned.homes(service)
                if service.everywhere
                else {each.ip: planned.seats[service.name] for each in service.addresses}
            )
            found += [address for address, name in places.items() if name == plan.name]
        return found

    def _group(self, group: Group) -> aws.ec2.SecurityGroup:
        name, own = group_name(group), self._options()
        made = aws.ec2.SecurityGroup(
            name,
            name=self._name(name),
            description=f"halab: the {group[0].value} on {group[1].value}",
            vpc_id=self._vpc.id,
            tags=self._tags(name),
            opts=own,
        )
        # As in halab's own firewall, machines may begin to talk to everybody.
        aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=made.id,
            ip_protocol="-1",
            cidr_ipv4=EVERYWHERE,
            tags=self._tags(name),
            opts=own,
        )
        return made

    def _let_in(self, rule: Rule) -> None:
        source = rule.source
        group = None if isinstance(source, IPv4Network) else self._groups[source].id
        aws.vpc.SecurityGroupIngressRule(
            rule.name,
            security_group_id=self._groups[rule.group].id,
            ip_protocol=rule.protocol.value,
            from_port=rule.first,
            to_port=rule.last,
            referenced_security_group_id=group,
            cidr_ipv4=str(source) if isinstance(source, IPv4Network) else None,
            description=rule.purpose,
            tags=self._tags(rule.name),
            opts=self._options(),
        )

    def _zones_of(self, network: NetworkRole) -> list[int]:
        """Return the zones in which some machine is on this network."""
        numbers = {
            self._platform.zone_number(plan.number, self._lab)
            for plan in machines(self._lab)
            if network in NETWORKS_OF[plan.role]
        }
        return sorted(numbers)

    def _zone(self, plan: MachinePlan) -> str:
        return self._zones[self._platform.zone_number(plan.number, self._lab)]

    def _name(self, name: str) -> str:
        return name_of(self._lab.name, name)

    def _tags(self, name: str) -> dict[str, str]:
        return tags_of(self._lab.name, self._record.mark, name)

    def _options(
        self, parent: pulumi.Resource | None = None, depends_on: list[pulumi.Resource] | None = None
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=parent, provider=self._provider, depends_on=depends_on or []
        )

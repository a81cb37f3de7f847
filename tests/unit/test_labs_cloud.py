"""A lab in AWS's networks: where it lies there, and what AWS would refuse, said before it can."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from infra.planning import sketch
from labs.addressing import interfaces, machines
from labs.checking import DefinitionError, Problem, check
from labs.instances import DISKS, TYPES, Region, estimate
from labs.model import Lab
from labs.roles import CABLED, MachineRole, NetworkRole
from labs.tables.aws import Aws
from labs.tables.cloud import RESERVED, block, zone_subnet
from tests.unit.aws_labs import NAMES, aws_lab, tables

EIGHT = [f"node{number}" for number in range(1, 9)]
EVERYWHERE = {"web": {"kind": "nginx", "runs": "everywhere"}}


def eight(**platform: Any) -> dict[str, Any]:
    """Return a definition with as many nodes as halab numbers."""
    definition = tables(**platform) | {"nodes": {"names": EIGHT}, "services": EVERYWHERE}
    del definition["service"]
    return definition


def problems(definition: dict[str, Any]) -> dict[str, Problem]:
    with pytest.raises(DefinitionError) as caught:
        check("my.toml", definition, Lab)
    return {problem.key: problem for problem in caught.value.problems}


def platform_of(lab: Lab) -> Aws:
    assert isinstance(lab.platform, Aws)
    return lab.platform


def zones(lab: Lab) -> list[str]:
    platform = platform_of(lab)
    names = platform.zone_names(lab)
    return [names[platform.zone_number(plan.number, lab)] for plan in machines(lab)]


def test_two_nodes_and_the_quorum_device_stand_in_three_zones() -> None:
    assert zones(aws_lab()) == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]


def test_three_nodes_are_their_own_majority_in_three_zones() -> None:
    assert zones(aws_lab("active-active"))[:3] == [
        "eu-central-1a",
        "eu-central-1b",
        "eu-central-1c",
    ]


def test_nodes_that_share_a_disk_stand_in_its_zone_and_the_monitor_in_another() -> None:
    assert zones(aws_lab("shared-disk")) == ["eu-central-1a", "eu-central-1a", "eu-central-1b"]


def test_zones_that_somebody_chose() -> None:
    assert zones(aws_lab(zones=["eu-central-1c"])) == ["eu-central-1c"] * 3
    assert zones(aws_lab(zones=["eu-central-1c", "eu-central-1a"])) == [
        "eu-central-1c",
        "eu-central-1c",
        "eu-central-1a",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_machine_has_an_address_that_aws_gives_away(name: str) -> None:
    lab = aws_lab(name)
    platform, seen = platform_of(lab), set()

    for plan in machines(lab):
        for role, nic in interfaces(lab, plan).items():
            if role in CABLED:
                own = zone_subnet(lab.networks.subnet(role), platform.zone_number(plan.number, lab))
                usable = list(own)[RESERVED + 1 : -1]
                assert nic.address.network == own
                assert nic.address.ip in usable
                assert nic.address.ip not in seen
                seen.add(nic.address.ip)


def test_eight_nodes_find_room_in_the_smallest_subnets() -> None:
    definition = eight()
    lab = check("my.toml", definition, Lab)

    last = machines(lab)[-1]

    address = interfaces(lab, last)[NetworkRole.MANAGEMENT].address
    assert str(address) == "10.10.0.44/28"
    assert address.ip != address.network.broadcast_address


@pytest.mark.parametrize("name", NAMES)
def test_floating_addresses_are_outside_the_cloud_so_that_routes_can_lead_to_them(
    name: str,
) -> None:
    lab = aws_lab(name)

    for service in lab.services:
        assert not [each for each in service.addresses if each in block(lab.networks.service)]


def test_a_floating_address_inside_the_cloud_is_refused() -> None:
    found = problems(tables() | {"service": {"address": "10.30.0.40"}})

    assert (
        found["service.address"].allowed == "an address of 10.30.0.0/24 that is not in 10.30.0.0/26"
    )


def test_a_floating_address_that_a_machine_has_on_aws() -> None:
    found = problems(tables() | {"service": {"address": "10.30.0.21"}})

    assert "machine number 2" in found["service.address"].hint


@pytest.mark.parametrize(
    ("platform", "key", "said"),
    [
        ({"region": "mars"}, "platform.region", "no default"),
        ({"zones": ["us-east-1a"]}, "platform.zones[0]", 'as "eu-central-1a"'),
        ({"zones": ["eu-central-1a"] * 2}, "platform.zones[1]", "leave it out"),
        ({"zones": [f"eu-central-1{x}" for x in "abcde"]}, "platform.zones", "between 4 zones"),
        ({"management_from": "0.0.0.0/0"}, "platform.management_from", "not for everybody"),
        ({"management_from": 7}, "platform.management_from", "written as a string"),
        ({"node_type": "t3.small"}, "platform.node_type", "t3.small takes 3"),
        ({"node_type": "z9.tiny"}, "platform.node_type", "knows limits and prices of t3.small"),
        ({"endpoint": "http://example.org"}, "platform.endpoint", "AWS itself"),
        ({"endpoint": "http://127.0.0.1:65536"}, "platform.endpoint", "AWS itself"),
        ({"max_usd_per_day": 1}, "platform.max_usd_per_day", "smaller instance types"),
        ({"uri": "qemu:///system"}, "platform.uri", "another kind of [platform]"),
    ],
)
def test_what_aws_would_refuse_or_nobody_wants(
    platform: dict[str, Any], key: str, said: str
) -> None:
    found = problems(tables(**platform))

    assert list(found) == [key]
    assert said in found[key].hint


@pytest.mark.parametrize(
    ("rest", "key", "said"),
    [
        ({"nodes": {"cpus": 2}}, "nodes.cpus", "platform.node_type says it"),
        ({"monitor": {"memory_mib": 4096}}, "monitor.memory_mib", "platform.monitor_type says it"),
        ({"networks": {"cluster-a": "10.20.0.0/20"}}, "networks.cluster-a", "divided into /28"),
        ({"timing": {"watchdog_s": 6}}, "timing.watchdog_s", "instances have neither"),
        ({"timing": {"msgwait_s": 20}}, "timing.msgwait_s", "instances have neither"),
        ({"timing": {"stonith_timeout_s": 67}}, "timing.stonith_timeout_s", "may take minutes"),
        ({"networks": {"service": "192.168.7.0/24"}}, "networks.service", "one private space"),
    ],
)
def test_what_a_lab_cannot_have_on_aws(rest: dict[str, Any], key: str, said: str) -> None:
    definition = tables() | {"service": {}} | rest

    found = problems(definition)

    assert list(found) == [key]
    assert said in found[key].hint


def test_a_shared_disk_is_in_one_zone() -> None:
    found = problems(tables("shared-disk", zones=[f"eu-central-1{letter}" for letter in "abc"]))

    assert "in one zone" in found["platform.zones"].hint


def test_eight_nodes_cannot_all_be_on_hardware_of_their_own_in_one_zone() -> None:
    definition = eight(zones=["eu-central-1a"])

    assert "no more" in problems(definition)["nodes.names"].hint


def test_a_platform_without_a_kind_is_libvirt() -> None:
    lab = check("my.toml", {"version": 1, "name": "lab", "platform": {"pace": "kvm"}}, Lab)

    assert (lab.platform.kind, lab.platform.costs(lab)) == ("libvirt", None)


def test_an_estimate_adds_up_machines_disks_and_addresses() -> None:
    lab = aws_lab()

    costs = lab.platform.costs(lab)

    # Two t3.xlarge and a t3.small; three system disks of 8 GiB, two of data; three addresses.
    by_hand = 2 * 0.192 + 0.024 + 26 * 0.0952 / 730 + 3 * 0.005
    assert costs is not None
    assert costs.usd_per_hour == pytest.approx(by_hand)
    assert str(costs).startswith("about 0.43 USD an hour, 10.2")


def test_what_is_off_costs_its_disks_and_addresses_alone() -> None:
    lab = aws_lab()

    costs = lab.platform.costs(lab)

    assert costs is not None
    standing = 26 * 0.0952 / 730 + 3 * 0.005
    assert costs.while_running([]) == pytest.approx(standing)
    assert costs.while_running(["node2", "monitor"]) == pytest.approx(standing + 0.192 + 0.024)


def test_a_shared_disk_is_paid_for_with_its_operations() -> None:
    alone = estimate("us-east-1", {}, 0, [4], 0)

    assert alone.usd_per_hour == pytest.approx((4 * 0.125 + 100 * 0.065) / 730)


def test_a_limit_that_holds() -> None:
    assert aws_lab(max_usd_per_day=20)


def test_every_region_has_all_prices() -> None:
    regions = set(get_args(Region))

    assert set(DISKS) == regions
    assert all(set(kind.usd_per_hour) == regions for kind in TYPES.values())


def test_what_fences_on_aws_is_aws() -> None:
    chosen = check("my.toml", tables() | {"fencing": {"kind": "fence-aws"}}, Lab)
    assert sketch(chosen) == sketch(aws_lab())

    found = problems(tables() | {"fencing": {"kind": "sbd"}, "timing": {"watchdog_s": 6}})

    assert list(found) == ["fencing.kind", "timing.watchdog_s"]
    assert found["fencing.kind"].value == '"sbd" (on "aws")'
    assert found["fencing.kind"].allowed == '"fence-aws"'


@pytest.mark.parametrize(
    ("timing", "seconds"),
    [({}, 583), ({"profile": "slow-host"}, 587), ({"stonith_timeout_s": 900}, 900)],
)
def test_fencing_has_the_time_that_aws_may_take(timing: dict[str, Any], seconds: int) -> None:
    lab = check("my.toml", tables() | {"timing": timing}, Lab)

    assert lab.timing(True).stonith_timeout_s == seconds


def test_each_role_has_its_instance_type() -> None:
    platform = platform_of(aws_lab(node_type="c6i.xlarge", monitor_type="t3.medium"))

    assert [platform.instance_type(role) for role in MachineRole] == ["c6i.xlarge", "t3.medium"]

"""A lab in a cloud: from what was made there to its inventory, and the record of where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from infra.planning import Made, plan_cloud_inventory
from inventory.mark import mark_of
from inventory.model import Inventory
from inventory.record import CloudRecord, load_any, load_cloud_record, load_record, save
from labs.addressing import machines
from labs.roles import NetworkRole
from tests.unit.aws_labs import aws_lab

LAB = aws_lab("active-passive")
MADE = {
    plan.name: Made(f"i-{plan.name}", f"198.51.100.{plan.number}", f"ssh-ed25519 AAAA{plan.name}")
    for plan in machines(LAB)
}


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    return LabFolder(tmp_path / "state/halab/labs/cloudy")


def record_of(folder: LabFolder, **more: Any) -> CloudRecord:
    told = {"source": "cloudy.toml", "region": "eu-central-1", "mark": mark_of(folder)}
    return CloudRecord.model_validate({**told, "machines": tuple(MADE), **more})


def planned(folder: LabFolder, **more: Any) -> Inventory:
    return plan_cloud_inventory(LAB, record_of(folder, **more), folder, MADE, "rtb-1")


def test_machines_are_reached_at_their_public_addresses_and_show_their_own_keys(
    folder: LabFolder,
) -> None:
    ssh = planned(folder).machine("node1").ssh

    assert (ssh.host, ssh.user, ssh.proxy_command) == ("198.51.100.1", "root", None)
    assert ssh.host_key == "ssh-ed25519 AAAAnode1"
    assert (ssh.key_file, ssh.known_hosts) == (folder.ssh_key, folder.known_hosts)


def test_among_themselves_they_have_the_addresses_of_the_definition(folder: LabFolder) -> None:
    nics = planned(folder).machine("node2").interfaces

    assert str(nics[NetworkRole.MANAGEMENT].address) == "10.10.0.21/28"
    assert nics[NetworkRole.REPLICATION] == nics[NetworkRole.CLUSTER_B]


def test_nodes_know_which_instances_they_are_and_which_table_leads_to_addresses(
    folder: LabFolder,
) -> None:
    cloud = planned(folder).own_cloud

    assert cloud.instances == {"node1": "i-node1", "node2": "i-node2"}
    assert (cloud.region, cloud.route_table, cloud.endpoint) == ("eu-central-1", "rtb-1", None)


def test_who_answers_in_aws_s_stead_is_elsewhere_for_machines(folder: LabFolder) -> None:
    through, inside = "nsenter %h", "http://169.254.169.254:8000"
    here = "http://127.0.0.1:5000"
    found = planned(folder, endpoint=here, seen_from_machines=inside, proxy_command=through)

    assert found.own_cloud.endpoint == inside
    assert found.machine("monitor").ssh.proxy_command == through


def test_a_record_is_read_as_what_it_is(folder: LabFolder) -> None:
    save(folder.record, record_of(folder))

    assert load_any(folder) == load_cloud_record(folder) == record_of(folder)
    assert load_any(folder).platform == "AWS (eu-central-1)"


def test_what_needs_a_hypervisor_is_refused_in_a_sentence(folder: LabFolder) -> None:
    save(folder.record, record_of(folder))

    with pytest.raises(HalabError) as refused:
        load_record(folder)
    assert "stands on AWS (eu-central-1)" in refused.value.message
    assert "docs/aws.md" in str(refused.value.hint)


def test_the_record_in_a_copied_folder_is_another_lab_s(folder: LabFolder) -> None:
    save(folder.record, record_of(folder, mark="somebody else's"))

    with pytest.raises(HalabError, match="is of another lab, whose mark on AWS"):
        load_any(folder)


def test_machines_that_come_and_go_are_the_lab_s_once_each(folder: LabFolder) -> None:
    found = record_of(folder).of_machines(("node1", "monitor", "node1"))
    assert found.machines == ("node1", "monitor")

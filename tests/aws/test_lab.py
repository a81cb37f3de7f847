"""The whole program: what AWS tells of its machines becomes the inventory of their software."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from core.files import write_file
from core.folders import LabFolder
from infra.aws_lab import declare
from infra.ssh_key import ensure_ssh_key
from inventory.mark import mark_of
from inventory.model import Inventory
from inventory.record import CloudRecord, load_any, save
from labs.roles import NetworkRole
from tests.aws.test_graph import AwsRecorder
from tests.unit.aws_labs import aws_lab


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    """A lab that `up` has begun."""
    made = LabFolder(tmp_path / "state/halab/labs/cloudy")
    ensure_ssh_key(made)
    write_file(made.definition, "")
    record = CloudRecord(source="cloudy", region="eu-central-1", mark=mark_of(made), machines=())
    save(made.record, record)
    return made


def test_software_gets_ids_addresses_and_host_keys_of_the_machines_that_are_made(
    folder: LabFolder,
) -> None:
    recorder, lab = AwsRecorder(), aws_lab("active-passive")
    pulumi.runtime.set_mocks(recorder, preview=False)

    def program() -> None:
        declare(lab, folder)

    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]

    inputs = recorder.resources["pulumi-python:dynamic:Resource", "software"]
    inventory = Inventory.model_validate_json(inputs["inventory"])
    node1 = inventory.machine("node1")
    assert node1.ssh.host == "node1.example.net"
    assert node1.ssh.host_key == "ssh-ed25519 AAAAnode1"
    assert str(node1.interfaces[NetworkRole.SERVICE].address.ip) == "10.30.0.4"
    assert inventory.own_cloud.instances == {"node1": "id of node1", "node2": "id of node2"}
    assert inventory.own_cloud.route_table == "id of service"
    assert load_any(folder) == load_any(folder).of_machines(("node1", "node2", "monitor"))
    # No file with a host key is kept: machines have theirs to themselves.
    assert not [path for path in inputs["files"]["value"] if "host_keys" in path]

"""What the stories about the real provider share: a server in AWS's stead, and a lab's stack."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from core.command import run, start
from core.folders import PROJECT, LabFolder
from infra.engine import Engine
from infra.orphans import DRIVER, driver_mark
from infra.ssh_key import ensure_ssh_key
from inventory.mark import mark_of
from inventory.record import CloudRecord, save

REGION = "eu-central-1"

PATIENCE_S = 1800
"""Seconds for one run of Pulumi; on an idle machine it takes one or two minutes."""

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}

DEFINITION = """\
version = 1
name = "{name}"

[platform]
kind = "aws"
region = "{region}"
management_from = "203.0.113.7/32"
endpoint = "{endpoint}"
"""


@pytest.fixture(scope="session")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which the server writes down what it is asked for, by its recorder."""
    return tmp_path_factory.mktemp("recorded") / "requests"


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory, requests: Path) -> Iterator[str]:
    """An account of AWS in which nothing is, by the address of its server."""
    log = tmp_path_factory.mktemp("stand-in") / "log"
    recorded = {"MOTO_ENABLE_RECORDING": "yes", "MOTO_RECORDER_FILEPATH": str(requests)}
    with (
        log.open("w") as said,
        start(
            [sys.executable, "-P", "-m", "rehearsal"],
            cwd=PROJECT,
            env={"PYTHONPATH": os.environ["PYTHONPATH"], **recorded},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, log.read_text()
        yield address


SOFTWARE_APART = ("--exclude", "**::software")
"""The server's machines are none: nothing could be brought onto them."""


ONLOOKER = "onlooker"
"""Who looks at the account beside halab, and changes what is in it: requests show the name."""


class Account:
    """What is in the account, whatever its tags say."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session(ONLOOKER, "secret", region_name=REGION)
        self.ec2 = session.client("ec2", endpoint_url=endpoint)
        self.iam = session.client("iam", endpoint_url=endpoint)

    def instances(self) -> list[dict[str, Any]]:
        """Return the instances that are not terminated."""
        return [
            each
            for reservation in self.ec2.describe_instances()["Reservations"]
            for each in reservation["Instances"]
            if each["State"]["Name"] != "terminated"
        ]

    def contents(self) -> dict[str, list[Any]]:
        """Return all that somebody made, by kind; an account has a cloud of its own."""
        ec2, iam = self.ec2, self.iam
        mine = [{"Name": "is-default", "Values": ["false"]}]
        clouds = [each["VpcId"] for each in ec2.describe_vpcs(Filters=mine)["Vpcs"]]
        inside = [{"Name": "vpc-id", "Values": [*clouds, "none"]}]
        found = {
            "instances": self.instances(),
            "clouds": clouds,
            "subnets": ec2.describe_subnets(Filters=inside)["Subnets"],
            "groups": ec2.describe_security_groups(Filters=inside)["SecurityGroups"],
            "gateways": ec2.describe_internet_gateways()["InternetGateways"],
            "interfaces": ec2.describe_network_interfaces()["NetworkInterfaces"],
            "volumes": ec2.describe_volumes()["Volumes"],
            "addresses": ec2.describe_addresses()["Addresses"],
            "keys": ec2.describe_key_pairs()["KeyPairs"],
            "placement groups": ec2.describe_placement_groups()["PlacementGroups"],
            "roles": iam.list_roles()["Roles"],
            "profiles": iam.list_instance_profiles()["InstanceProfiles"],
        }
        return {kind: each for kind, each in found.items() if each}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person who calls halab has in his shell."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def account(endpoint: str) -> Account:
    return Account(endpoint)


def begin(name: str, endpoint: str, state: Path) -> LabFolder:
    """Return a lab's folder with what its program reads."""
    folder = LabFolder(state / "halab/labs" / name)
    folder.pulumi.mkdir(parents=True)
    folder.definition.write_text(DEFINITION.format(name=name, region=REGION, endpoint=endpoint))
    ensure_ssh_key(folder)
    record = CloudRecord(
        source=str(folder.definition),
        region=REGION,
        endpoint=endpoint,
        mark=mark_of(folder),
        machines=(),
    )
    save(folder.record, record)
    return folder


def engine_of(folder: LabFolder) -> Engine:
    """Return the lab's stack, with the tools that `./halab test --aws` names."""
    tools = {each: os.environ[each] for each in ("PATH", "PULUMI_HOME", "PYTHONPATH")}
    engine = Engine(folder, {**tools, **CREDENTIALS})
    engine.prepare()
    return engine


def make_machines(engine: Engine) -> None:
    """Make everything of a lab but the software on its machines, as a halab does."""
    words = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *SOFTWARE_APART)
    run(
        [*words],
        env={**engine.environment(), DRIVER: driver_mark()},
        cwd=PROJECT,
        timeout=PATIENCE_S,
    )

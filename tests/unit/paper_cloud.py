"""An account of AWS and a Pulumi of paper, for `up` and what follows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cli import building, clouds, sites
from cli import up as command
from cli.up import up
from core.folders import LabFolder
from drills import hands
from infra.aws_tags import tags_of
from infra.engine import Step
from inventory.mark import mark_of
from status.collect import describe as worded
from tests.unit.healthy_lab import HEALTHY, PARTS

CLOUDY = """\
version = 1
name = "cloudy-{name}"

[platform]
kind = "aws"
region = "us-east-1"
management_from = "203.0.113.7"
max_usd_per_day = {limit}
"""


class PaperAccount:
    """An account in which there is what a story puts there."""

    def __init__(self) -> None:
        self.region, self.asked = "us-east-1", [""]
        self.things: dict[str, list[dict[str, Any]]] = {}
        zones = [f"{self.region}{letter}" for letter in "abc"]
        self.offered = list(product(("t3.small", "t3.xlarge", "m6i.xlarge"), zones))

    def put(self, operation: str, id_key: str, name: str, mark: str, **more: Any) -> None:
        tags = tags_of("cloudy-try", mark, name)
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        thing = {id_key: f"{operation}-{name}", "Tags": listed, **more}
        self.things.setdefault(operation, []).append(thing)

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        self.asked.append(operation)
        for thing in self.things.get("describe_instances", ()):
            if thing["InstanceId"] in words.get("InstanceIds", ()):
                state = {"start_instances": "running", "terminate_instances": "terminated"}
                thing["State"] = {"Name": state[operation]}
                if operation == "terminate_instances":
                    self.things["describe_instances"].remove(thing)
        if operation == "create_tags":
            for thing in self.things.get("describe_instances", ()):
                if thing["InstanceId"] in words["Resources"]:
                    thing["Tags"] = [*thing["Tags"], *words["Tags"]]
        if operation == "delete_volume":
            volumes = self.things["describe_volumes"]
            volumes[:] = [each for each in volumes if each["VolumeId"] != words["VolumeId"]]
        return {}

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        if operation == "describe_instance_type_offerings":
            return iter({"InstanceType": kind, "Location": zone} for kind, zone in self.offered)
        return iter(list(self.things.get(operation, ())))


class PaperEngine:
    """Pulumi, which knows what it made and notes what it is asked for."""

    def __init__(self, folder: LabFolder, account: PaperAccount) -> None:
        self.folder, self.account, self.known, self.done = folder, account, frozenset[str](), [""]
        self.steps: tuple[Step, ...] = ()

    def prepare(self, _: object) -> None:
        self.done.append("prepare")

    def mentioned(self) -> frozenset[str]:
        return self.known

    def preview(self, _: Path) -> tuple[Step, ...]:
        return self.steps

    def up(self, _: object) -> None:
        self.done.append("up")


def _make_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PaperAccount:
    """Return the account that commands ask, while labs stand in a folder of the story's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    made = PaperAccount()
    for module in (clouds, sites, hands):
        monkeypatch.setattr(module, "Account", lambda region, endpoint=None: made)
        monkeypatch.setattr(module, "use_extras", lambda _: None)
    monkeypatch.setattr("infra.aws_removal.INTERVAL_S", 0.0)
    monkeypatch.setattr("infra.aws_machines.INTERVAL_S", 0.0)
    return made


def make_engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PaperEngine:
    """Return the Pulumi of a lab that is healthy whenever `up` has built it, with its account.

    Labs stand in a folder of the story's.
    """
    account = _make_account(folder, monkeypatch)
    made = PaperEngine(LabFolder.of("cloudy-try"), account)
    monkeypatch.setattr(clouds, "_engine", lambda *_: made)
    monkeypatch.setattr(building, "find_shortages", lambda _: ())
    monkeypatch.setattr(command, "load_inventory", lambda _: PARTS.inventory)
    found = worded(PARTS, HEALTHY, None)
    monkeypatch.setattr(command, "wait_healthy", lambda *_, **__: found)
    return made


def definition(folder: Path, limit: str = "12.5") -> str:
    path = folder / "cloudy.toml"
    path.write_text(CLOUDY.format(name="try", limit=limit))
    return str(path)


def machine(account: PaperAccount, name: str, state: str, mark: str) -> None:
    named = {"State": {"Name": state}}
    account.put("describe_instances", "InstanceId", name, mark, **named)


def begun(tmp_path: Path, engine: PaperEngine) -> str:
    """Bring a lab up, of which Pulumi knows node1 and a disk."""
    file = definition(tmp_path)
    up(lab=file)
    engine.known = frozenset({"describe_instances-node1", "describe_volumes-node1-root"})
    mark = mark_of(engine.folder)
    machine(engine.account, "node1", "running", mark)
    engine.account.put("describe_volumes", "VolumeId", "node1-root", mark)
    return mark

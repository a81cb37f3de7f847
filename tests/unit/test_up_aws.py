"""A lab on AWS from `up` to `down`, with paper in the place of AWS and of Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli import clouds
from cli.down import down
from cli.listing import describe
from cli.snapshot import snapshot
from cli.up import up
from core.errors import HalabError
from drills import hands
from infra.aws_machines import AwsMachines
from infra.engine import Step
from inventory.mark import mark_of
from inventory.record import load_cloud_record
from labs.checking import DefinitionError
from tests.unit.healthy_lab import PARTS
from tests.unit.paper_cloud import (
    PaperEngine,
    begun,
    definition,
    machine,
    make_engine,
)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperEngine:
    return make_engine(tmp_path, monkeypatch)


def test_up_says_the_price_and_then_has_pulumi_make_the_lab(
    tmp_path: Path, engine: PaperEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    up(lab=definition(tmp_path))

    told = capfd.readouterr()
    assert "lab cloudy-try costs about 0.37 USD an hour, 8.9" in " ".join(told.err.split())
    assert "./halab ssh" in told.out
    assert "./halab reset" not in told.out
    assert engine.done[1:] == ["prepare", "up"]
    record = load_cloud_record(engine.folder)
    assert (record.region, record.mark) == ("us-east-1", mark_of(engine.folder))
    assert record.machines == ("node1", "node2", "monitor")
    assert engine.folder.applied.exists()


def test_a_lab_that_costs_more_than_it_may_is_refused_before(
    tmp_path: Path, engine: PaperEngine
) -> None:
    with pytest.raises(DefinitionError) as refused:
        up(lab=definition(tmp_path, limit="5"))

    (problem,) = refused.value.problems
    assert problem.key == "platform.max_usd_per_day"
    assert "8.9" in problem.allowed


def test_a_name_that_is_taken_in_the_account_is_refused_before_anything_is_begun(
    tmp_path: Path, engine: PaperEngine
) -> None:
    machine(engine.account, "node1", "running", "somebody else's")

    with pytest.raises(HalabError, match="'cloudy-try' is taken on AWS"):
        up(lab=definition(tmp_path))
    assert not engine.folder.record.exists()


def test_what_a_killed_run_made_and_pulumi_does_not_know_goes_first(
    tmp_path: Path, engine: PaperEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    mark = begun(tmp_path, engine)
    engine.account.put("describe_volumes", "VolumeId", "node1-data", mark)

    up(lab="cloudy-try")

    assert "removing the volume halab-cloudy-try-node1-data" in capfd.readouterr().err
    left = engine.account.things
    assert [each["VolumeId"] for each in left["describe_volumes"]] == [
        "describe_volumes-node1-root"
    ]
    assert len(left["describe_instances"]) == 1


def test_a_machine_that_is_off_is_started(tmp_path: Path, engine: PaperEngine) -> None:
    begun(tmp_path, engine)
    engine.account.things["describe_instances"][0]["State"] = {"Name": "stopped"}

    up(lab="cloudy-try")

    assert engine.account.asked[-1] == "start_instances"


def test_a_machine_that_is_being_stopped_is_started_as_well(
    tmp_path: Path, engine: PaperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path, engine)
    engine.account.things["describe_instances"][0]["State"] = {"Name": "stopping"}
    started: list[str] = []
    monkeypatch.setattr(AwsMachines, "start", lambda _, *names: started.extend(names))

    up(lab="cloudy-try")

    assert started == ["node1"]


def test_a_machine_that_leaves_and_is_off_stays_off(tmp_path: Path, engine: PaperEngine) -> None:
    begun(tmp_path, engine)
    left = engine.account.things["describe_instances"][0]
    left["State"] = {"Name": "stopped"}
    left["Tags"] = [
        {**tag, "Value": "halab-cloudy-try-node9"} if tag["Key"] == "Name" else tag
        for tag in left["Tags"]
    ]

    up(lab="cloudy-try")

    assert "start_instances" not in engine.account.asked


def test_a_state_that_is_lost_is_no_reason_to_make_all_of_it_twice(
    tmp_path: Path, engine: PaperEngine
) -> None:
    begun(tmp_path, engine)
    engine.known = frozenset()
    engine.folder.inventory.write_text("{}")

    with pytest.raises(HalabError, match="state of lab 'cloudy-try' is lost"):
        up(lab="cloudy-try")


def test_a_change_that_costs_data_is_asked_for(tmp_path: Path, engine: PaperEngine) -> None:
    begun(tmp_path, engine)
    engine.steps = (
        Step("replace", "securitygroup", "node-service", "urn:1"),
        Step("replace", "volume", "node1-data", "urn:2"),
    )

    with pytest.raises(HalabError) as refused:
        up(lab="cloudy-try")
    assert refused.value.detail == "volume node1-data would be replaced"


def test_a_zone_without_the_type_of_a_machine_is_told_before_anything_is_made(
    tmp_path: Path, engine: PaperEngine
) -> None:
    engine.account.offered.remove(("t3.xlarge", "us-east-1b"))
    engine.account.offered.append(("t3.small", "us-east-1f"))

    with pytest.raises(HalabError) as refused:
        up(lab=definition(tmp_path))

    assert refused.value.detail == "us-east-1b has no t3.xlarge, as node2 would be"
    assert "t3.small and t3.xlarge: us-east-1a, us-east-1c;" in str(refused.value.hint)
    assert engine.done == [""]
    assert not engine.folder.record.exists()


def test_instances_of_another_type_take_their_turn_before_the_rest(
    tmp_path: Path, engine: PaperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path, engine)
    engine.steps = (Step("update", "instance", "node1", "urn:1", ("instanceType",)),)
    turns: list[Mapping[str, tuple[str, ...]]] = []

    def note(_folder: object, _record: object, _engine: object, parts: Any, *_: object) -> None:
        assert engine.done[-1] == "prepare"
        turns.append(parts)

    monkeypatch.setattr(clouds, "restart_in_turn", note)

    up(lab="cloudy-try")

    assert turns == [{"node1": ("urn:1",)}]
    assert engine.done[-1] == "up"


def test_list_asks_aws_and_says_so_when_it_does_not_answer(
    tmp_path: Path, engine: PaperEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(tmp_path, engine)
    engine.folder.inventory.write_text("{}")
    found = describe(engine.folder)
    assert (found["state"], found["running"]) == ("partly running", ["node1"])
    assert found["platform"] == "AWS (us-east-1)"

    def silent(*_: object) -> None:
        raise HalabError("there are no credentials for AWS")

    monkeypatch.setattr(hands, "Account", silent)
    assert describe(engine.folder)["state"] == "unreachable"


def test_snapshots_are_refused_in_a_sentence(tmp_path: Path, engine: PaperEngine) -> None:
    begun(tmp_path, engine)
    engine.folder.inventory.write_text(PARTS.inventory.model_dump_json())

    with pytest.raises(HalabError, match="stands on AWS"):
        snapshot("cloudy-try", "before")


def test_down_goes_where_the_record_says(tmp_path: Path, engine: PaperEngine) -> None:
    begun(tmp_path, engine)
    engine.folder.definition.unlink()

    down("cloudy-try")

    assert not any(engine.account.things.values())
    assert not engine.folder.path.exists()

"""A lab on AWS from `up` to `down`, with paper in the place of AWS and of Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from cli import building, changing, clouds, listing, sites
from cli import up as command
from cli.down import down
from cli.listing import describe
from cli.snapshot import snapshot
from cli.up import up
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor import doctor
from hypervisor.kept_labs import KeptLabs
from hypervisor.private import PrivateHypervisor
from infra.aws_account import access
from infra.aws_tags import tags_of
from infra.engine import Step
from inventory.mark import mark_of
from inventory.record import load_cloud_record
from labs.checking import DefinitionError
from labs.tables.aws import SEEN_REHEARSAL
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
        if operation == "delete_volume":
            volumes = self.things["describe_volumes"]
            volumes[:] = [each for each in volumes if each["VolumeId"] != words["VolumeId"]]
        return {}

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        return iter(list(self.things.get(operation, ())))


class PaperEngine:
    """Pulumi, which knows what it made and notes what it is asked for."""

    def __init__(self, folder: LabFolder, account: PaperAccount) -> None:
        self.folder, self.account, self.known, self.done = folder, account, frozenset[str](), [""]
        self.steps: tuple[Step, ...] = ()

    def prepare(self, _: object) -> None:
        self.done.append("prepare")

    def has_machines(self) -> bool:
        return bool(self.known)

    def mentioned(self) -> frozenset[str]:
        return self.known

    def preview(self, _: Path) -> tuple[Step, ...]:
        return self.steps

    def up(self, _: object) -> None:
        self.done.append("up")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperAccount:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = PaperAccount()
    for module in (clouds, sites, listing):
        monkeypatch.setattr(module, "Account", lambda region, endpoint=None: made)
        monkeypatch.setattr(module, "use_extras", lambda _: None)
    monkeypatch.setattr("infra.aws_removal.INTERVAL_S", 0.0)
    monkeypatch.setattr("infra.aws_machines.INTERVAL_S", 0.0)
    return made


@pytest.fixture
def engine(account: PaperAccount, monkeypatch: pytest.MonkeyPatch) -> PaperEngine:
    made = PaperEngine(LabFolder.of("cloudy-try"), account)
    monkeypatch.setattr(clouds, "_engine", lambda *_: made)
    monkeypatch.setattr(building, "find_shortages", lambda: ())
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


URL = "http://127.0.0.1:40123"


def rehearsed(folder: Path) -> str:
    """Return a definition of the same lab whose instances are guests here."""
    path = Path(definition(folder))
    path.write_text(path.read_text() + 'endpoint = "rehearsal"\n')
    return str(path)


@pytest.fixture
def played(engine: PaperEngine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A rehearsal, which notes for whom it was begun; while it notes nothing, none is played."""
    begun: list[str] = []

    def begin(folder: LabFolder, region: str, user: IPv4Address, report: object) -> str:
        assert not folder.record.exists() or begun
        begun.append(f"{folder.name} {region} {user}")
        return URL

    monkeypatch.setattr(clouds, "begin", begin)
    monkeypatch.setattr(clouds, "is_played", lambda _: bool(begun))
    monkeypatch.setattr(clouds, "is_accelerated", lambda _: False)
    here(monkeypatch, memory_mib=1 << 20)
    return begun


def here(monkeypatch: pytest.MonkeyPatch, memory_mib: int) -> None:
    """Let this machine have so much memory, and all else that it takes."""
    monkeypatch.setattr(doctor, "_available_memory_mib", lambda: memory_mib)
    for module in (building, changing):
        monkeypatch.setattr(module, "examine", lambda needs: [doctor._memory(needs)])
    monkeypatch.setattr(KeptLabs, "make_room", lambda *_: ())


def test_a_rehearsal_that_this_machine_cannot_carry_is_refused_before_it_begins(
    tmp_path: Path,
    engine: PaperEngine,
    played: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here(monkeypatch, memory_mib=4000)

    with pytest.raises(HalabError, match="this machine cannot run the lab as it is") as refused:
        up(lab=rehearsed(tmp_path))

    assert "4000 MiB available, the lab takes 4290 MiB" in str(refused.value.detail)
    assert (played, engine.folder.record.exists()) == ([], False)


def test_of_a_rehearsal_that_is_played_only_what_it_takes_more_is_asked(
    tmp_path: Path,
    engine: PaperEngine,
    played: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = rehearsed(tmp_path)
    up(lab=file)
    names = ("node1", "node2", "monitor")
    engine.known = frozenset(f"describe_instances-{name}" for name in names)
    for name in names:
        machine(engine.account, name, "running", mark_of(engine.folder))
    here(monkeypatch, memory_mib=0)

    up(lab=file)

    engine.account.things["describe_instances"][1]["State"] = {"Name": "stopped"}
    with pytest.raises(HalabError) as refused:
        up(lab=file)
    assert "0 MiB available, the lab takes 1430 MiB more" in str(refused.value.detail)


def test_a_rehearsal_is_begun_and_answers_in_awss_stead(
    tmp_path: Path, engine: PaperEngine, played: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    up(lab=rehearsed(tmp_path))

    assert "costs" not in capfd.readouterr().err
    assert played == ["cloudy-try us-east-1 203.0.113.7"]
    assert engine.done[1:] == ["prepare", "up"]
    record = load_cloud_record(engine.folder)
    assert (record.rehearsed, record.accelerated, record.endpoint) == (True, False, URL)
    assert record.seen_from_machines == SEEN_REHEARSAL
    assert record.proxy_command == PrivateHypervisor(engine.folder).proxy_command()


def test_a_person_s_credentials_are_for_aws_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hush")

    assert {"somebody", "hush"} <= set(access(None).values())
    assert not {"somebody", "hush"} & set(access(URL).values())
    assert "AWS_SESSION_TOKEN" not in access(URL)


def test_a_lab_whose_rehearsal_has_ended_cannot_go_on(
    tmp_path: Path, engine: PaperEngine, played: list[str]
) -> None:
    file = rehearsed(tmp_path)
    up(lab=file)
    engine.known = frozenset({"describe_instances-node1"})
    machine(engine.account, "node1", "running", mark_of(engine.folder))
    played.clear()

    with pytest.raises(HalabError, match="rehearsal of lab 'cloudy-try' has ended") as refused:
        up(lab=file)
    assert "./halab down cloudy-try" in str(refused.value.hint)
    found = describe(engine.folder)
    assert (found["state"], found["running"]) == ("half built", [])


def test_what_is_left_of_a_rehearsal_that_ended_is_removed_and_nobody_asked(
    tmp_path: Path, engine: PaperEngine, played: list[str]
) -> None:
    up(lab=rehearsed(tmp_path))
    machine(engine.account, "node1", "running", mark_of(engine.folder))
    engine.account.asked.clear()

    down(lab="cloudy-try")

    assert not engine.folder.path.exists()
    assert engine.account.asked == []


def test_a_lab_that_costs_more_than_it_may_is_refused_before(
    tmp_path: Path, account: PaperAccount
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


def begun(tmp_path: Path, engine: PaperEngine) -> str:
    """Bring a lab up, of which Pulumi knows node1 and a disk."""
    file = definition(tmp_path)
    up(lab=file)
    engine.known = frozenset({"describe_instances-node1", "describe_volumes-node1-root"})
    mark = mark_of(engine.folder)
    machine(engine.account, "node1", "running", mark)
    engine.account.put("describe_volumes", "VolumeId", "node1-root", mark)
    return mark


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

    monkeypatch.setattr(listing, "Account", silent)
    assert describe(engine.folder)["state"] == "unreachable"


def test_list_says_what_the_machines_that_run_cost(
    tmp_path: Path, engine: PaperEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path, engine)
    (node1,) = engine.account.things["describe_instances"]

    paid = []
    for state in ("running", "stopped"):
        node1["State"] = {"Name": state}
        paid.append(describe(engine.folder)["usd_per_hour"])

    # A t3.xlarge in the one case; 26 GiB of disks and three addresses in both.
    assert paid == [pytest.approx(0.1664 + 0.0178, abs=1e-4), pytest.approx(0.0178, abs=1e-4)]
    capsys.readouterr()
    listing.list_labs()
    told = capsys.readouterr().out
    assert "cloudy-try costs about 0.02 USD an hour, 0.43 USD a day as it is" in told
    engine.folder.applied.write_text("no definition")
    assert describe(engine.folder)["usd_per_hour"] is None
    assert describe(engine.folder)["state"] == "half built"


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

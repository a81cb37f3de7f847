"""A lab whose cloud is rehearsed here, from `up` to `down`; nothing of it is."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from cli import building, changing, clouds
from cli.down import down
from cli.listing import describe
from cli.up import up
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor import doctor
from hypervisor.kept_labs import KeptLabs
from hypervisor.packages import Need
from hypervisor.private import PrivateHypervisor
from infra.aws_account import access
from inventory.mark import mark_of
from inventory.record import load_cloud_record
from labs.tables.aws import SEEN_REHEARSAL
from tests.unit.paper_cloud import (
    PaperEngine,
    definition,
    machine,
    make_engine,
)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperEngine:
    return make_engine(tmp_path, monkeypatch)


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
    monkeypatch.setattr(clouds, "noted", lambda _: URL)
    monkeypatch.setattr(clouds, "is_accelerated", lambda _: False)
    here(monkeypatch, memory_mib=1 << 20)
    return begun


def here(monkeypatch: pytest.MonkeyPatch, memory_mib: int) -> None:
    """Let this machine have so much memory, and all else that it takes."""
    monkeypatch.setattr(doctor, "_available_memory_mib", lambda: memory_mib)
    for module in (building, changing):
        monkeypatch.setattr(module, "examine", lambda needs: [doctor._memory(needs)])
    monkeypatch.setattr(KeptLabs, "make_room", lambda *_: ())


def test_what_filters_packets_here_is_wanted_for_a_rehearsal_alone(
    tmp_path: Path,
    engine: PaperEngine,
    played: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted: list[str] = []

    def find_shortages(needs: Sequence[Need]) -> tuple[()]:
        wanted[:] = [need.found_by for need in needs]
        return ()

    monkeypatch.setattr(building, "find_shortages", find_shortages)

    up(lab=definition(tmp_path))
    assert "nft" not in wanted
    down(engine.folder.name)
    up(lab=rehearsed(tmp_path))
    assert "nft" in wanted


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

"""A lab that switches itself off after hours, and what `list` says of its price."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli import listing
from cli.listing import describe
from cli.up import up
from core.errors import HalabError
from infra.aws_tags import UNTIL
from inventory.record import load_cloud_record, save
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


def test_hours_are_told_with_their_price_and_kept_until_others_are_said(
    tmp_path: Path, engine: PaperEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    up(lab=definition(tmp_path), hours=10)

    told = " ".join(capfd.readouterr().err.split())
    assert "it switches itself off at " in told
    assert "which takes about 3.71 USD until then" in told
    assert "go on costing about 0.02 USD an hour" in told
    first = load_cloud_record(engine.folder).until
    assert first is not None
    assert timedelta(0) <= first - before - timedelta(hours=10) < timedelta(minutes=1)

    up(lab="cloudy-try")
    assert "it still switches itself off at" in capfd.readouterr().err
    assert load_cloud_record(engine.folder).until == first

    up(lab="cloudy-try", hours=2)
    second = load_cloud_record(engine.folder).until
    assert second is not None
    assert second < first


def ended(engine: PaperEngine) -> None:
    """Let a lab's hours be over, and its machine off."""
    record = load_cloud_record(engine.folder)
    over = record.model_copy(update={"until": datetime.now(UTC) - timedelta(hours=1)})
    save(engine.folder.record, over)
    engine.account.things["describe_instances"][0]["State"] = {"Name": "stopped"}


def test_a_lab_at_the_end_of_its_hours_goes_on_for_others_alone(
    tmp_path: Path, engine: PaperEngine
) -> None:
    begun(tmp_path, engine)
    ended(engine)

    engine.account.asked.clear()
    with pytest.raises(HalabError, match="end of its hours") as refused:
        up(lab="cloudy-try")
    assert "./halab up cloudy-try --hours 8" in str(refused.value.hint)
    assert engine.account.asked == []

    up(lab="cloudy-try", hours=8)

    # Its new end is there before it is started: else it would go off again.
    assert engine.account.asked == ["create_tags", "start_instances"]
    until = load_cloud_record(engine.folder).until
    assert until is not None
    found = describe(engine.folder)
    assert found["until"] == until.isoformat()


def test_an_end_outlives_a_run_that_made_nothing(tmp_path: Path, engine: PaperEngine) -> None:
    up(lab=definition(tmp_path), hours=10)
    first = load_cloud_record(engine.folder).until
    engine.known = frozenset()

    up(lab="cloudy-try")

    assert load_cloud_record(engine.folder).until == first


def test_list_says_until_when(
    tmp_path: Path, engine: PaperEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = begun(tmp_path, engine)
    machine(engine.account, "node2", "running", mark)
    node1, node2 = engine.account.things["describe_instances"]
    node1["Tags"].append({"Key": UNTIL, "Value": "2026-11-27T18:00:00Z"})
    # node2 never ends: the lab does not.
    assert describe(engine.folder)["until"] is None

    node2["Tags"].append({"Key": UNTIL, "Value": "2026-11-27T19:00:00Z"})
    assert describe(engine.folder)["until"] == "2026-11-27T19:00:00+00:00"
    capsys.readouterr()
    listing.list_labs()
    assert re.search(r"as it is; it goes off at 2026-11-2\d", capsys.readouterr().out)
    node1["State"] = node2["State"] = {"Name": "stopped"}
    assert describe(engine.folder)["until"] is None


def test_what_is_no_number_of_hours_is_refused(tmp_path: Path, engine: PaperEngine) -> None:
    with pytest.raises(HalabError, match="is no number of hours"):
        up(lab=definition(tmp_path), hours=float("nan"))


def test_hours_are_for_what_is_paid_by_the_hour(tmp_path: Path, engine: PaperEngine) -> None:
    with pytest.raises(HalabError, match="costs nothing by the hour: --hours is for labs on AWS"):
        up(lab="active-passive", hours=8)


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

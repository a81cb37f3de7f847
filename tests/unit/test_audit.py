"""What is left on AWS is listed by lab, and `down` looks there before it says "removed"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli import audit as auditing
from cli import sites
from cli.audit import Audited, audit
from cli.down import down
from core.errors import HalabError
from core.folders import LabFolder
from core.wait import WaitTimeout
from infra import aws_removal
from infra.aws_account import Refused
from infra.aws_tags import tags_of
from inventory.mark import mark_of, owner_file

DEFINITION = """\
version = 1
name = "cloudy"

[platform]
kind = "aws"
region = "us-east-1"
management_from = "203.0.113.7"
"""


class PaperAccount:
    """Has a cloud of a lab with a subnet in it, and keeps the one while the other is there."""

    def __init__(self, mark: str, *, stuck: bool = False) -> None:
        self.region, self.stuck = "us-east-1", stuck
        self.things = {"describe_vpcs": [self._thing("VpcId", "vpc-1", mark, "cloud")]}
        self.things["describe_subnets"] = [self._thing("SubnetId", "subnet-1", mark, "service")]

    @staticmethod
    def _thing(key: str, value: str, mark: str, name: str) -> dict[str, Any]:
        tags = tags_of("cloudy", mark, name)
        return {key: value, "Tags": [{"Key": one, "Value": tags[one]} for one in tags]}

    def ask(self, service: str, operation: str, **words: Any) -> Mapping[str, Any]:
        if self.stuck or (operation == "delete_vpc" and self.things["describe_subnets"]):
            raise Refused(f"AWS refused {operation}", "DependencyViolation")
        self.things[operation.replace("delete_", "describe_") + "s"].clear()
        return {}

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        return iter(list(self.things.get(operation, ())))


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(aws_removal, "INTERVAL_S", 0.0)
    for module in (auditing, sites):
        monkeypatch.setattr(module, "use_extras", lambda _: None)


@pytest.fixture
def folder() -> LabFolder:
    return LabFolder.of("cloudy")


def open_account(monkeypatch: pytest.MonkeyPatch, account: PaperAccount) -> None:
    for module in (auditing, sites):
        monkeypatch.setattr(module, "Account", lambda *_: account)


def begin(folder: LabFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.definition.write_text(DEFINITION)


def test_what_a_lab_here_has_is_listed_and_no_failure(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(folder)
    open_account(monkeypatch, PaperAccount(mark_of(folder)))

    audit(Audited.AWS, region="us-east-1")

    listed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["cloudy", "yes", "us-east-1", "VPC", "halab-cloudy-cloud", "vpc-1"] in listed
    assert ["cloudy", "yes", "us-east-1", "subnet", "halab-cloudy-service", "subnet-1"] in listed


class Shrinking(PaperAccount):
    """Somebody else's role is listed in it and, when it is asked for, answered with `code`."""

    def __init__(self, mark: str, code: str) -> None:
        super().__init__(mark)
        self.code = code

    def every(self, service: str, operation: str, expression: str, **words: Any) -> Iterator[Any]:
        if operation == "get_role":
            raise Refused("AWS refused get_role", self.code)
        if operation == "list_roles":
            return iter([{"RoleName": "halab-other-node"}])
        return super().every(service, operation, expression, **words)


def test_a_role_that_somebody_removes_meanwhile_is_passed_over(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(folder)
    open_account(monkeypatch, Shrinking(mark_of(folder), "NoSuchEntity"))

    audit(Audited.AWS, region="us-east-1")
    assert "halab-other-node" not in capsys.readouterr().out

    down("cloudy")
    assert not folder.path.exists()


def test_a_role_that_nobody_may_ask_for_is_a_failure(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(folder)
    open_account(monkeypatch, Shrinking(mark_of(folder), "AccessDenied"))

    with pytest.raises(Refused, match="get_role"):
        down("cloudy")
    assert folder.definition.exists()


@pytest.mark.parametrize("other", ["removed", "elsewhere"])
def test_what_no_lab_here_has_is_a_failure(
    other: str, folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = mark_of(folder)
    if other == "elsewhere":
        begin(folder)
        mark = "of a namesake"
    open_account(monkeypatch, PaperAccount(mark))

    with pytest.raises(HalabError, match="labs that are not here, 2 of these objects") as found:
        audit(Audited.AWS)

    assert "./halab down FILE.toml" in str(found.value.hint)


def test_a_region_in_which_no_lab_can_be_is_refused() -> None:
    with pytest.raises(HalabError, match="mars-1") as refused:
        audit(Audited.AWS, region="mars-1")
    assert "eu-central-1, us-east-1" in str(refused.value.hint)


@pytest.mark.parametrize(
    "endpoint", ["localhost:5000", "http://example.org", "http://127.0.0.1:65536", ""]
)
def test_what_is_no_server_in_aws_s_stead_is_refused_before_anybody_is_asked(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "Account", lambda *_: pytest.fail("it was asked"))

    with pytest.raises(HalabError, match="--endpoint") as refused:
        audit(Audited.AWS, endpoint=endpoint)

    assert '"http://127.0.0.1:5000"' in str(refused.value.hint)


def test_a_server_in_aws_s_stead_is_asked(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(folder)
    asked: list[str | None] = []

    def opened(region: str, endpoint: str | None) -> PaperAccount:
        asked.append(endpoint)
        return PaperAccount(mark_of(folder))

    monkeypatch.setattr(auditing, "Account", opened)

    audit(Audited.AWS, region="us-east-1", endpoint="http://127.0.0.1:5000")

    assert asked == ["http://127.0.0.1:5000"]


def test_down_removes_what_is_there_in_whatever_order_aws_lets_go(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = PaperAccount(mark_of(folder))
    begin(folder)
    open_account(monkeypatch, account)

    down("cloudy")

    assert not any(account.things.values())
    assert not folder.path.exists()


def test_where_aws_keeps_something_the_folder_stays_and_it_is_named(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(folder)
    monkeypatch.setattr(aws_removal, "PATIENCE_S", 0.0)
    open_account(monkeypatch, PaperAccount(mark_of(folder), stuck=True))

    with pytest.raises(WaitTimeout) as kept:
        down("cloudy")

    assert "VPC halab-cloudy-cloud (vpc-1): AWS refused delete_vpc" in str(kept.value.detail)
    assert folder.definition.exists()


def test_a_lab_whose_folder_is_gone_is_found_by_its_definition(
    folder: LabFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloudy.toml").write_text(DEFINITION)
    account = PaperAccount(mark_of(folder))
    open_account(monkeypatch, account)

    down(str(tmp_path / "cloudy.toml"))

    assert not any(account.things.values())


@pytest.mark.parametrize("mark", ["of a namesake", ""])
def test_a_namesake_s_is_left_alone_and_named(
    mark: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloudy.toml").write_text(DEFINITION)
    account = PaperAccount(mark)
    open_account(monkeypatch, account)

    with pytest.raises(HalabError, match="name of lab 'cloudy' and not its mark") as told:
        down(str(tmp_path / "cloudy.toml"))

    assert "VPC halab-cloudy-cloud (vpc-1)" in str(told.value.detail)
    assert "rm -r" not in str(told.value.hint)
    assert all(account.things.values())


def test_a_lab_whose_identity_was_lost_is_not_called_removed(
    folder: LabFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(folder)
    account = PaperAccount(mark_of(folder))
    open_account(monkeypatch, account)
    identity = owner_file(folder)
    kept = identity.read_text()
    identity.write_text(kept[:7])

    with pytest.raises(HalabError, match="left alone") as told:
        down("cloudy")
    assert str(identity) in str(told.value.hint)
    assert f"rm -r {folder.path}" in str(told.value.hint)
    assert all(account.things.values())
    assert folder.definition.exists()

    identity.write_text(kept)
    down("cloudy")
    assert not any(account.things.values())
    assert not folder.path.exists()


def test_a_namesake_s_stays_where_the_lab_s_own_is_removed(
    folder: LabFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cloudy.toml").write_text(DEFINITION)
    account = PaperAccount(mark_of(folder))
    tags = tags_of("cloudy", "of a namesake", "node1")
    key = {"KeyPairId": "key-1", "Tags": [{"Key": one, "Value": tags[one]} for one in tags]}
    account.things["describe_key_pairs"] = [key]
    open_account(monkeypatch, account)

    with pytest.raises(HalabError, match="left alone") as told:
        down(str(tmp_path / "cloudy.toml"))

    assert "key pair halab-cloudy-node1 (key-1)" in str(told.value.detail)
    left = {operation for operation, things in account.things.items() if things}
    assert left == {"describe_key_pairs"}


def test_nothing_is_there_of_a_lab_that_never_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "cloudy.toml").write_text(DEFINITION.replace("cloudy", "sunny"))
    account = PaperAccount("of a lab with another name")
    open_account(monkeypatch, account)

    down(str(tmp_path / "cloudy.toml"))

    assert "nothing to remove" in capsys.readouterr().err
    assert all(account.things.values())

"""The real provider makes a lab, sees that nothing is to do, notices changes and takes it away."""

from __future__ import annotations

import pytest

from core.command import run
from core.folders import PROJECT, LabFolder
from infra.aws_account import Account as Asked
from infra.aws_objects import KINDS, find
from infra.engine import Engine
from infra.impact import cloud_impact_of
from infra.keeping import SOFTWARE
from tests.aws.conftest import PATIENCE_S, REGION, Account, begin, engine_of, make_machines

OTHER = "c6i.xlarge"
"""A type that nodes can be of, and are not."""


def steps_of(engine: Engine) -> list[tuple[str, str]]:
    """Return what a run would do, but for the software, which is never there."""
    return [(each.what, each.kind) for each in engine.preview() if each.name != SOFTWARE]


@pytest.fixture(scope="module")
def folder(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> LabFolder:
    return begin("cloudy", endpoint, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def engine(folder: LabFolder) -> Engine:
    """A lab that is up; stories of this module are told in their order."""
    made = engine_of(folder)
    make_machines(made)
    return made


def test_all_machines_run_at_their_addresses(engine: Engine, account: Account) -> None:
    found = {
        tag["Value"]: each
        for each in account.instances()
        for tag in each["Tags"]
        if tag["Key"] == "Name"
    }

    assert set(found) == {f"halab-cloudy-{name}" for name in ("node1", "node2", "monitor")}
    assert {each["State"]["Name"] for each in found.values()} == {"running"}
    addresses = {
        nic["PrivateIpAddress"] for nic in found["halab-cloudy-node1"]["NetworkInterfaces"]
    }
    assert len(addresses) == 4


def test_everything_that_can_have_tags_has_the_lab_s(engine: Engine, endpoint: str) -> None:
    found = find(Asked(REGION, endpoint))

    assert {each.kind for each in found if each.lab == "cloudy"} == set(KINDS)


def test_pulumi_s_state_mentions_everything_that_there_is(engine: Engine, endpoint: str) -> None:
    """What it does not know, `up` takes for the rest of a run that was killed."""
    found = {each.id: str(each) for each in find(Asked(REGION, endpoint)) if each.lab == "cloudy"}

    assert [found[each] for each in found if each not in engine.mentioned()] == []


def test_there_is_nothing_to_do_then(engine: Engine) -> None:
    assert steps_of(engine) == []


def test_an_instance_gets_another_type_in_its_turn_and_keeps_all_else(
    engine: Engine, folder: LabFolder, account: Account
) -> None:
    before = types_of(account)
    text = folder.definition.read_text()
    folder.definition.write_text(
        text.replace("[platform]\n", f'[platform]\nnode_type = "{OTHER}"\n')
    )

    impact = cloud_impact_of(engine.preview(folder.definition))
    assert (set(impact.in_turn), impact.lost) == ({"node1", "node2"}, ())
    engine.up(lambda _: None, only=impact.in_turn["node1"])

    assert types_of(account) == {**before, "halab-cloudy-node1": OTHER}
    assert steps_of(engine) == [("update", "instance")]
    folder.definition.write_text(text)
    engine.up(lambda _: None, only=impact.in_turn["node1"])
    assert steps_of(engine) == []


def types_of(account: Account) -> dict[str, str]:
    """Return the types of all instances, by their names."""
    return {
        tag["Value"]: each["InstanceType"]
        for each in account.instances()
        for tag in each["Tags"]
        if tag["Key"] == "Name"
    }


def test_what_somebody_took_away_is_noticed(engine: Engine, account: Account) -> None:
    rules = account.ec2.describe_security_group_rules()["SecurityGroupRules"]
    gone = next(each for each in rules if not each["IsEgress"] and each.get("FromPort") == 22)
    account.ec2.revoke_security_group_ingress(
        GroupId=gone["GroupId"], SecurityGroupRuleIds=[gone["SecurityGroupRuleId"]]
    )

    run(
        ["pulumi", "refresh", "--yes", "--non-interactive"],
        env=engine.environment(),
        cwd=PROJECT,
        timeout=PATIENCE_S,
    )

    assert steps_of(engine) == [("create", "securitygroupingressrule")]


def test_nothing_stays_when_it_is_destroyed(
    engine: Engine, account: Account, endpoint: str
) -> None:
    assert account.contents()

    engine.destroy(lambda _: None)

    assert account.contents() == {}
    assert find(Asked(REGION, endpoint)) == []

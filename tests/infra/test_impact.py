"""What Pulumi would do to a lab that exists, sorted by what it costs."""

from __future__ import annotations

import pytest
from pulumi.automation import OpType

from infra.engine import Step, step_of
from infra.impact import cloud_impact_of, impact_of


def step(what: str, kind: str, name: str) -> Step:
    return Step(what, kind, name, f"urn of {kind} {name}")


def test_new_software_costs_nothing() -> None:
    impact = impact_of([step("update", "resource", "software"), step("update", "pool", "pool")])

    assert (impact.missing, impact.in_turn, impact.lost) == ((), {}, ())


def test_a_machine_made_anew_around_its_disks_takes_its_turn() -> None:
    impact = impact_of(
        [
            step("replace", "domain", "node1"),
            step("replace", "volume", "node1-host-key"),
            step("replace", "domain", "node2"),
            step("update", "resource", "software"),
        ]
    )

    assert impact.lost == ()
    assert impact.in_turn == {
        "node1": ("urn of domain node1", "urn of volume node1-host-key"),
        "node2": ("urn of domain node2",),
    }


@pytest.mark.parametrize(
    ("what", "kind", "name"),
    [
        ("replace", "volume", "node1-data"),
        ("replace", "volume", "node1-root"),
        ("delete", "volume", "node1-data"),
        ("replace", "volume", "sbd"),
        ("replace", "volume", "node-disk"),
        ("replace", "network", "service"),
        ("replace", "pool", "pool"),
        ("delete", "domain", "node2"),
        # Another connection to libvirt: everything behind it is somewhere else.
        ("replace", "libvirt", "libvirt"),
    ],
)
def test_whatever_else_goes_takes_data_with_it(what: str, kind: str, name: str) -> None:
    assert impact_of([step(what, kind, name)]).lost == (f"{kind} {name} would be {what}d",)


def test_a_machine_that_is_gone_is_made_with_what_belongs_to_it() -> None:
    # A machine's name may begin like another's.
    impact = impact_of(
        [
            step("create", "domain", "node"),
            step("create", "volume", "node-root"),
            step("create", "volume", "node-data"),
            step("create", "volume", "node-two"),
            step("create", "volume", "node-host-key"),
            step("create", "volume", "node-two-host-key"),
            step("create", "volume", "node-two-data"),
            step("create", "volume", "sbd"),
            step("replace", "domain", "node-two"),
        ]
    )

    assert impact.missing == (
        "urn of domain node",
        # Its own, and those of storage `data` and `two`.
        "urn of volume node-root",
        "urn of volume node-data",
        "urn of volume node-two",
        "urn of volume node-host-key",
    )
    assert impact.in_turn == {
        "node-two": (
            "urn of volume node-two-host-key",
            "urn of volume node-two-data",
            "urn of domain node-two",
        )
    }


SYSTEM = [
    step("delete", "machine", "node4"),
    step("delete", "domain", "node4"),
    step("delete", "volume", "node4-root"),
    step("delete", "volume", "node4-host-key"),
]


def test_a_machine_that_the_program_does_not_know_any_more_leaves_with_its_system() -> None:
    impact = impact_of([*SYSTEM, step("update", "resource", "software")])

    assert impact.leaving == ("node4",)
    assert (impact.missing, impact.in_turn, impact.lost) == ((), {}, ())


@pytest.mark.parametrize("name", ["node4-data", "node3-root", "sbd"])
def test_no_data_leave_with_a_machine(name: str) -> None:
    impact = impact_of([*SYSTEM, step("delete", "volume", name)])

    assert impact.lost == (f"volume {name} would be deleted",)


def test_a_new_machine_is_made_with_all_that_the_program_says_of_it() -> None:
    # Pulumi makes nothing below what it has not made.
    made = [step("create", kind, "node4") for kind in ("machine", "domain")]
    made.append(step("create", "volume", "node4-root"))

    assert impact_of(made).missing == tuple(each.urn for each in made)


def test_what_changes_is_read_as_well() -> None:
    found = step_of(OpType.UPDATE, "aws:ec2/instance:Instance", "urn::node1", ["instanceType"])

    assert found is not None
    assert found.changed == ("instanceType",)


def test_an_instance_of_another_type_takes_its_turn_and_one_with_other_tags_does_not() -> None:
    impact = cloud_impact_of(
        [
            Step("update", "instance", "node1", "urn of node1", ("instanceType", "tags")),
            Step("update", "instance", "node2", "urn of node2", ("tags",)),
            Step("create", "instance", "node3", "urn of node3", ("instanceType",)),
        ]
    )

    assert (impact.in_turn, impact.lost) == ({"node1": ("urn of node1",)}, ())


@pytest.mark.parametrize(
    ("op", "what"),
    [
        ("create", "create"),
        ("update", "update"),
        ("delete", "delete"),
        ("replace", "replace"),
        ("create-replacement", "replace"),
        ("delete-replaced", "replace"),
        ("same", None),
        ("read", None),
    ],
)
def test_pulumi_s_words_are_read(op: str, what: str | None) -> None:
    urn = "urn:pulumi:demo::halab::halab:lab:Cluster$libvirt:index/domain:Domain::node1"

    found = step_of(OpType(op), "libvirt:index/domain:Domain", urn)

    assert found == (Step(what, "domain", "node1", urn) if what else None)

"""What holds for every part of every lab, whatever kind it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import get_args
from xml.etree import ElementTree

import pytest

from core.errors import HalabError
from hypervisor import image
from inventory.model import Inventory, Machine
from labs.means import AddressMeans
from labs.roles import MachineRole
from labs.shape import kinds, models_in, plain
from labs.tables.base import PART_NAME
from labs.tables.quorum import Quorum
from labs.tables.services import AnyService
from labs.tables.storage import AnyStorage
from labs.words import TAKEN_SERVICES
from parts.addresses.kinds import ADDRESSES
from parts.all import KINDS, SERVICES, STORAGE, Parts
from parts.base import Part
from parts.host import UNITS, Entry, File, Link
from parts.monitoring.agent import ALERT
from parts.pacemaker import UNSPOKEN_S
from parts.quorum.kinds import QUORUM
from parts.system import time
from provisioning import cib
from provisioning.plan import Plan, digest
from tests.unit.composed_labs import LABS, kernel_in, primitives
from tests.unit.delivered import content, files
from tests.unit.provisioned_lab import SECRETS, every_step, everything, fresh, plan_of, right

NOTHING: frozenset[str] = frozenset()

every_lab = pytest.mark.parametrize("lab", LABS.values(), ids=LABS)
every_role = pytest.mark.parametrize("role", list(MachineRole))


PARTS = {name: Parts(lab) for name, lab in LABS.items()}

every_part = pytest.mark.parametrize(
    ("name", "part"),
    [
        pytest.param(name, part, id=f"{name}-{number}-{type(part).__name__}")
        for name, parts in PARTS.items()
        for number, part in enumerate(parts.every)
    ],
)


@cache
def as_it_shall_be(name: str) -> Plan:
    return plan_of(LABS[name], right(LABS[name]))


def test_properties_that_only_some_labs_ask_for_go_where_none_does() -> None:
    asked = [set(parts.properties(1).values) for parts in PARTS.values()]
    always = asked[0].intersection(*asked)
    assert asked[0].union(*asked) - always == cib.OPTIONAL_PROPERTIES


def concerned(part: Part) -> tuple[Machine, ...]:
    """Return the machines that are asked about a part."""
    return part.inventory.machines if part.on_monitor else part.inventory.nodes


def test_there_is_a_lab_with_every_kind_of_part() -> None:
    assert set(KINDS) == {type(part) for parts in PARTS.values() for part in parts.every}


def test_every_table_has_its_part() -> None:
    assert sorted(SERVICES) == sorted(kinds(models_in(AnyService)))
    assert sorted(STORAGE) == sorted(kinds(models_in(AnyStorage)))
    assert sorted(QUORUM) == sorted(get_args(plain(Quorum.model_fields["kind"].annotation)))
    assert sorted(ADDRESSES) == sorted(get_args(AddressMeans))


@every_part
def test_a_part_has_nothing_to_do_where_all_is_right(name: str, part: Part) -> None:
    found = as_it_shall_be(name).found
    for machine in concerned(part):
        assert not part.delivery(machine, SECRETS, found)
        assert not part.must_stop(machine, SECRETS, found)
        assert not list(part.configure(machine, found, NOTHING))
        assert not list(part.prepare_data(machine, found, NOTHING))
        assert not list(part.join(machine, found, NOTHING))
        assert not list(part.start(machine, found))
        assert not list(part.report(machine, found, NOTHING))


@every_part
def test_images_bring_what_a_part_needs(name: str, part: Part) -> None:
    # Machines in a cloud begin with an image of somebody else's.
    for role in MachineRole if part.inventory.cloud is None else ():
        assert set(part.packages(role)) <= set(
            image.packages(role, kernel_in(part.inventory, role))
        )


@every_part
def test_a_part_brings_what_it_runs(name: str, part: Part) -> None:
    for machine in concerned(part):
        found = part.files(machine, SECRETS, as_it_shall_be(name).found)
        brought = {file.path.removeprefix(f"{UNITS}/") for file in found}
        assert part.packages(machine.role) or set(part.units(machine.role)) <= brought


@every_lab
@every_role
def test_what_has_to_run_starts_at_boot(lab: Inventory, role: MachineRole) -> None:
    machine = lab.monitor if role is MachineRole.MONITOR else lab.nodes[0]
    links = [file.path for file in files(lab, machine).values() if isinstance(file, Link)]
    for part in Parts(lab).on(role):
        for unit in part.units(role):
            assert [
                path for path in links if path.endswith((f".wants/{unit}", f".requires/{unit}"))
            ]


@every_lab
@every_role
def test_nobody_runs_what_somebody_else_leaves_to_pacemaker(
    lab: Inventory, role: MachineRole
) -> None:
    parts = Parts(lab).on(role)
    wanted = {unit for part in parts for unit in part.units(role)}
    daemons = {daemon.unit for part in parts for daemon in part.daemons(role)}
    assert not {unit for part in parts for unit in part.strangers(role)} & (wanted | daemons)


def entries(lab: Inventory, found: Plan) -> Iterator[tuple[str, type[Part], Entry]]:
    """Yield everything that parts give to machines: whose it is, from which kind of part."""
    for machine in lab.machines:
        for part in found.parts.on(machine.role):
            own = (
                *part.files(machine, SECRETS, found.found),
                *part.delivery(machine, SECRETS, found.found),
                *(daemon.file for daemon in part.daemons(machine.role)),
            )
            for file in own:
                yield machine.name, type(part), file


@every_lab
def test_a_path_has_one_owner(lab: Inventory) -> None:
    found = plan_of(lab, fresh(lab))
    owners: dict[tuple[str, str], set[type[Part]]] = {}
    for name, kind, file in entries(lab, found):
        owners.setdefault((name, file.path), set()).add(kind)
    assert {path: kinds for path, kinds in owners.items() if len(kinds) > 1} == {}
    # Two parts of one kind may share a file that is the same for both.
    for machine in lab.machines:
        paths = [file.path for file in found.files(machine)]
        assert len(paths) == len(set(paths))


def test_parts_that_want_different_things_at_one_path_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = LABS["active-passive"]
    parts, another = Parts(lab), time.Time(lab)
    file = File(time.CONFIGURATION, "another clock")
    monkeypatch.setattr(another, "files", lambda *_: (file,))
    monkeypatch.setattr(Parts, "every", (*parts.every, another))
    with pytest.raises(HalabError, match=f"two parts .* want {time.CONFIGURATION}"):
        plan_of(lab, fresh(lab)).files(lab.monitor)


@every_lab
def test_secrets_are_read_by_those_who_have_to_and_shown_to_nobody(lab: Inventory) -> None:
    found = plan_of(lab, fresh(lab))
    hidden = [
        SECRETS.drbd_secret,
        SECRETS.zabbix_psk,
        SECRETS.zabbix_database_password,
        SECRETS.zabbix_admin_password,
        SECRETS.qnetd_authority.key,
    ]
    for _, _, file in entries(lab, found):
        if isinstance(file, File) and any(value.encode() in file.data for value in hidden):
            assert file.mode & 0o007 == 0, file.path
    for machine in lab.machines:
        for step in every_step(found, machine, everything(found, machine)):
            assert not [value for value in hidden if value in step.command], step.what


@every_lab
def test_an_inventory_that_was_written_down_is_delivered_as_the_same(lab: Inventory) -> None:
    read = Inventory.model_validate_json(lab.model_dump_json())
    assert read == lab
    assert digest(read, SECRETS) == digest(lab, SECRETS)


@every_lab
def test_ids_in_the_clusters_configuration_are_unique(lab: Inventory) -> None:
    root = ElementTree.fromstring(cib.desired(Parts(lab)))
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    assert {name for name, count in ids.items() if count > 1} == set()


def test_no_service_can_be_called_like_something_else_in_the_cluster() -> None:
    found: set[str] = set()
    for lab in LABS.values():
        root = ElementTree.fromstring(cib.desired(Parts(lab)))
        ids = {element.get("id", "") for element in root.iter()}
        ids -= {service.resource for service in lab.services}
        found |= {name for name in ids if re.fullmatch(PART_NAME, name)}
    assert found == set(TAKEN_SERVICES)


@every_lab
def test_constraints_and_alerts_name_resources_that_are_there(lab: Inventory) -> None:
    parts = Parts(lab)
    there = {each.id for each in primitives(lab)} | {each.id for each in parts.resources()}
    for constraint in parts.constraints():
        element = constraint.element()
        named = {element.get(name) for name in cib.NAMING} - {None}
        assert named and named <= there, element.get("id")
    if parts.alerts():
        told = re.findall(r"([\w-]+)/(?:promote|start|stop)\b", content(ALERT, lab))
        assert told and set(told) <= there


@every_lab
def test_an_operation_is_repeated_only_if_it_is_a_monitor(lab: Inventory) -> None:
    for primitive in primitives(lab):
        assert {each.name for each in primitive.operations if each.interval_s} == {"monitor"}
        assert {"start", "stop"} <= {each.name for each in primitive.operations}


@every_lab
def test_what_was_taken_out_has_as_long_to_stop_as_any_agent_asks_for(lab: Inventory) -> None:
    stops = [
        each.timeout_s
        for primitive in primitives(lab)
        for each in primitive.operations
        if each.name == "stop"
    ]
    assert max(stops, default=0) <= UNSPOKEN_S * lab.timing.pace


@every_lab
def test_what_agents_are_told_to_read_is_there_on_every_node(lab: Inventory) -> None:
    for node in lab.nodes:
        there = files(lab, node)
        for primitive in primitives(lab):
            told = [value for value in primitive.parameters.values() if isinstance(value, str)]
            wanted = [value for value in told if value.startswith("/etc/")]
            _, *provider, kind = primitive.agent.split(":")
            if provider == ["halab"]:
                wanted.append(f"/usr/lib/ocf/resource.d/halab/{kind}")
            assert set(wanted) <= there.keys(), primitive.id


@every_lab
def test_a_cluster_that_is_right_is_not_corrected(lab: Inventory) -> None:
    for node in lab.nodes:
        assert cib.corrections(right(lab)[node.name].cib, cib.desired(Parts(lab))) == ()

"""What machines, cluster, monitoring and people are told, word for word, as found to be right.

A change that is meant is written down on purpose, and then read:
`HALAB_GOLDEN=write python -m pytest tests/unit/test_golden.py; git diff tests/unit/golden`.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from difflib import unified_diff
from functools import cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from drawing.scene import Scene
from drawing.terminal import TerminalDrawing
from infra.planning import sketch
from inventory.model import Inventory
from labs.loading import load
from labs.model import Lab
from parts.all import Parts
from parts.host import Entry, Folder, Link
from parts.monitoring.names import cluster_host
from parts.system.firewall import Firewall
from provisioning import cib, pacemaker
from provisioning.zabbix import configuration, dashboard, template
from tests.unit.aws_labs import aws_lab
from tests.unit.planned_lab import DEFINITIONS, SECRETS, planned
from tests.unit.provisioned_lab import fresh, plan_of

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).parents[2]
PROGRAMS = ("parts/programs", "provisioning/files", "wire")
"""Whose files are delivered as they are."""

LABS = {
    f"{definition}-{pace}": (definition, accelerated)
    for definition in DEFINITIONS
    for pace, accelerated in (("kvm", True), ("emulation", False))
}
ONE, OTHER = "active-passive-kvm", "selftest-emulation"
"""They share neither name nor pace: where these two agree, all labs like them do."""

COMPOSED = (
    "active-active-kvm",
    "cluster-filesystem-kvm",
    "database-kvm",
    "galera-kvm",
    "load-balancer-kvm",
    "nfs-kvm",
    "shared-disk-kvm",
    "three-node-kvm",
    "two-node-kvm",
)
"""Labs that are composed of something else."""

CLOUDY = {f"aws-{name}": name for name in ("active-passive", "active-active", "two-node")}
"""Labs that are on AWS."""

OTHERS = (OTHER, *COMPOSED, *CLOUDY)
"""Labs whose files are written down as their differences to those of ONE."""

UNORDERED = (".//cluster_property_set", ".//constraints")
"""What is looked up by name. Elsewhere order counts: `cib.corrections` replaces a running lab's
section that has another one."""


@cache
def lab(name: str) -> Inventory:
    if name in CLOUDY:
        return sketch(definition_of(name))
    definition, accelerated = LABS[name]
    return planned(definition, accelerated=accelerated)


def definition_of(name: str) -> Lab:
    return aws_lab(CLOUDY[name]) if name in CLOUDY else load(DEFINITIONS[LABS[name][0]])


def cib_text(name: str) -> str:
    return canonical(cib.desired(Parts(lab(name))))


def canonical(text: str) -> str:
    """Return XML in canonical form, an element a line."""
    root = ElementTree.fromstring(ElementTree.canonicalize(text, strip_text=True))
    for path in UNORDERED:
        for element in root.iterfind(path):
            element[:] = sorted(element, key=lambda child: child.get("id", ""))
    ElementTree.indent(root)
    return ElementTree.canonicalize(ElementTree.tostring(root, encoding="unicode")) + "\n"


def files_text(name: str) -> str:
    """Return the files of all machines by path, once for machines that get the same."""
    inventory = lab(name)
    plan = plan_of(inventory, fresh(inventory), SECRETS)
    told: dict[tuple[str, str], list[str]] = {}
    for machine in inventory.machines:
        # Of what only travels, these alone are the same every time.
        rules = Firewall(inventory).delivery(machine, SECRETS, plan.found)
        for file in (*plan.files(machine), *rules):
            told.setdefault((file.path, shown(file, inventory)), []).append(machine.name)
    return "\n".join(
        f"== {path} on {everybody(inventory, machines)}: {text}"
        for (path, text), machines in sorted(told.items())
    )


def everybody(inventory: Inventory, machines: list[str]) -> str:
    """Name machines in a way that is the same in every lab, where they are all of a kind."""
    nodes = [node.name for node in inventory.nodes]
    words = {(*nodes, inventory.monitor.name): "all", tuple(nodes): "the nodes"}
    return words.get(tuple(machines), ", ".join(machines))


def shown(file: Entry, inventory: Inventory) -> str:
    """Return everything about a file but its path; of a program it is its name in the sources."""
    if isinstance(file, Folder):
        return "a folder\n"
    if isinstance(file, Link):
        return f"a link to {file.target}\n"
    attributes = f"{file.mode:04o} {file.owner}{', unless it is there' if file.once else ''}\n"
    attributes += f"checked by `{file.check}`\n" if file.check else ""
    if file.source is not None:
        edits = "".join(f"<<<{edit.before}>>>{edit.after}" for edit in file.edits)
        return f"{attributes}{file.source}, edited:\n{edits}"
    text = file.data.decode()
    if file.path == pacemaker.SEED:
        return attributes + difference(canonical(cib.desired(Parts(inventory))), canonical(text))
    return f"{attributes}{programs().get(text, text)}"


@cache
def programs() -> dict[str, str]:
    paths = [path for folder in PROGRAMS for path in (PROJECT / folder).iterdir() if path.is_file()]
    return {path.read_text(): f"{path.relative_to(PROJECT)}\n" for path in paths}


def difference(before: str, after: str) -> str:
    """Return the lines that differ."""
    found = unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "".join(f"{line}\n" for line in list(found)[2:] if not line.startswith("@@"))


def drawing_text(name: str) -> str:
    """Return what a terminal of 80 columns shows of a lab."""
    definition = definition_of(name)
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as shown:
        console.print(TerminalDrawing(Scene(definition, sketch(definition))))
    return "".join(f"{line.rstrip()}\n" for line in shown.get().splitlines())


def files_difference(name: str) -> str:
    return difference(files_text(ONE), files_text(name))


def monitoring_text(name: str) -> str:
    """Return what Zabbix is told of one lab."""
    inventory = lab(name)
    ids = {key: f"id of {key}" for key in dashboard.ITEMS}
    board = dashboard.layout(
        Parts(inventory), cluster_host(inventory), "id of the group", ["id of a node"], ids
    )
    (page,) = board.pop("pages")
    return lines(
        ["dashboard", board],
        *(["widget", widget["name"], compact(widget)] for widget in page["widgets"]),
        *(
            ["host", host.name, {**vars(host), "templates": sorted(host.templates)}]
            for host in configuration.hosts(inventory, SECRETS)
        ),
    )


def monitoring_difference(name: str) -> str:
    return difference(monitoring_text(ONE), monitoring_text(name))


def compact(widget: dashboard.Widget) -> dashboard.Widget:
    fields = {field["name"]: [field["type"], field["value"]] for field in widget["fields"]}
    assert len(fields) == len(widget["fields"])
    return {**widget, "fields": fields}


def template_text(name: str) -> str:
    """Return what Zabbix watches in one lab."""
    export = json.loads(template.source(Parts(lab(name))))["zabbix_export"]
    return lines(["import", configuration.RULES], *entries("", export))


def template_difference(name: str) -> str:
    return difference(template_text(ONE), template_text(name))


def entries(place: str, entry: dict[str, Any]) -> Iterator[Sequence[object]]:
    """Yield an entry of the template, then by itself everything in it that has its own UUID."""
    own: dict[str, Any] = {}
    inner: list[tuple[str, dict[str, Any]]] = []
    for key, value in entry.items():
        if isinstance(value, list) and "uuid" in value[0]:
            inner += [(f"{place}/{key}/{each.get('key', each['name'])}", each) for each in value]
        else:
            own[key] = value
    yield [place, own]
    for path, each in inner:
        yield from entries(path, each)


def lines(*objects: Sequence[object]) -> str:
    """Return JSON, an object a line; their order has no meaning."""
    texts = (json.dumps(each, ensure_ascii=False, sort_keys=True) for each in objects)
    return "".join(f"{text}\n" for text in sorted(texts))


TEXTS: dict[str, Callable[[], str]] = {
    **{f"{name}/cib.xml": partial(cib_text, name) for name in (*LABS, *CLOUDY)},
    f"{ONE}/files.txt": partial(files_text, ONE),
    **{f"{name}/files.diff": partial(files_difference, name) for name in OTHERS},
    **{f"{name}/monitoring.jsonl": partial(monitoring_text, name) for name in (ONE, OTHER)},
    **{f"{name}/drawing.txt": partial(drawing_text, name) for name in (ONE, *COMPOSED, *CLOUDY)},
    f"{ONE}/template.jsonl": partial(template_text, ONE),
    **{
        f"{name}/{what}.diff": partial(told, name)
        for name in COMPOSED
        for what, told in (("monitoring", monitoring_difference), ("template", template_difference))
    },
}
"""What is written down below GOLDEN."""


@pytest.mark.parametrize("path", TEXTS)
def test_a_lab_is_told_what_it_was_told_before(path: str) -> None:
    text, place = TEXTS[path](), GOLDEN / path
    if os.environ.get("HALAB_GOLDEN") == "write":
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        pytest.skip(f"{path} is written anew")
    assert difference(place.read_text(), text) == ""


def test_nothing_is_kept_that_nobody_compares() -> None:
    assert {str(p.relative_to(GOLDEN)) for p in GOLDEN.rglob("*") if p.is_file()} == TEXTS.keys()

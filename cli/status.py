"""`halab status`: how a lab is."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.choosing import existing_lab, way_back
from cli.nagios import plugin_line, unknown_line
from cli.options import exclusive
from cli.tables import plain_table
from core.errors import HalabError
from core.folders import LabFolder
from core.wording import worded
from inventory.record import load_any, load_inventory
from parts.fencing import base as fencing
from parts.secrets import load_secrets
from provisioning.zabbix.api import MonitoringUnreachable
from status.collect import collect
from status.model import LabStatus, MonitoringState, RemedyStatus, SharedDiskStatus
from status.problems import Problem, open_problems

UNHEALTHY = 3
"""Exit status when the lab is not healthy; 1 is an error and 2 a wrong command line."""


def status(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    nagios: Annotated[
        bool, typer.Option("--nagios", help="As a plugin: one line, exit status 0 to 3.")
    ] = False,
) -> None:
    """Show how a lab is; exit status 3 when it is not healthy."""
    exclusive({"--json": as_json, "--nagios": nagios})
    if nagios:
        code, line = _plugin(name)
        print(line)
        raise typer.Exit(code)
    folder = existing_lab(name)
    found = look(folder)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        print_status(console, found)
        remedy = way_back(folder)
        if remedy is not None:
            console.print(f"the whole lab is off: {remedy}")
    if not found.healthy:
        raise typer.Exit(UNHEALTHY)


def _plugin(name: str) -> tuple[int, str]:
    """Return what a plugin ends with, which has to say on its own line that nobody knows."""
    try:
        return plugin_line(look(existing_lab(name)))
    except HalabError as error:
        return unknown_line(name, error.message)
    except OSError as error:
        return unknown_line(name, worded(error).message)


def look(folder: LabFolder) -> LabStatus:
    """Read the machines and the monitoring side by side."""
    inventory = load_inventory(folder)
    if inventory.monitoring is None:
        read = collect(inventory, load_any(folder))
        return read.model_copy(update={"monitoring": MonitoringState.OFF})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(open_problems, inventory, load_secrets(folder.secrets))
        read = collect(inventory, load_any(folder))
        try:
            problems = asked.result()
        except MonitoringUnreachable:
            return read.model_copy(update={"monitoring": MonitoringState.UNREACHABLE})
    return read.model_copy(update={"monitoring": MonitoringState.ANSWERS, "problems": problems})


def print_status(console: Console, lab: LabStatus) -> None:
    """Show a status to a person: machines, cluster, service, and what is wrong."""
    speed = {True: ", KVM", False: ", software emulation", None: ""}[lab.accelerated]
    word, style = ("healthy", "bold green") if lab.healthy else ("not healthy", "bold red")
    platform = f"  [{lab.platform or 'machines of your own'}{speed}]"
    console.print(Text.assemble("\n", (lab.lab, "bold"), "  ", (word, style), (platform, "dim")))
    console.print(_machines(lab))
    if lab.quorum:
        quorum = lab.quorum
        state = "quorate" if quorum.quorate else "NO QUORUM"
        device = f", quorum device {quorum.qdevice.value}" if quorum.qdevice else ""
        console.print(f"quorum   {state}, {quorum.votes} of {quorum.expected} votes{device}")
    connected = sum(link.connected for link in lab.links)
    console.print(f"links    {connected} of {len(lab.links)} connected")
    for service in lab.services:
        for endpoint in service.endpoints:
            held = [each.node for each in lab.addresses if each.address == endpoint.address]
            answers = "answers" if endpoint.answers else "DOES NOT ANSWER"
            where = f"address {endpoint.address} on {', '.join(held)}" if held else "nowhere"
            console.print(f"{service.name:<8} {endpoint.url} {answers}; {where}")
    if lab.monitoring is MonitoringState.UNREACHABLE:
        console.print(Text("problems monitoring does not answer: nobody knows", style="red"))
    elif lab.problems is not None:
        console.print(f"problems {len(lab.problems) or 'none'}")
        if lab.problems:
            console.print(_problems(lab.problems))
    remedies = {remedy.reason: remedy for remedy in lab.remedies}
    for reason in lab.reasons:
        console.print(Text.assemble(("  ✘ ", "red"), reason))
        _print_remedy(console, remedies.get(reason))
    for line in lab.history:
        console.print(Text.assemble("  past: ", line, style="dim"))
        _print_remedy(console, remedies.get(line))
    if remedies:
        console.print(f"  ./halab heal {lab.lab}  offers to clean up what was left behind")


def _print_remedy(console: Console, remedy: RemedyStatus | None) -> None:
    if remedy is None:
        return
    if remedy.by_itself_s is not None:
        minutes = math.ceil(remedy.by_itself_s / 60)
        console.print(Text(f"      ends by itself within {minutes} min, or with", style="dim"))
    console.print(Text(f"      {remedy.command}"))
    if remedy.warning:
        console.print(Text(f"      {remedy.warning}", style="yellow"))


def _shared_disk(disk: SharedDiskStatus) -> str:
    if disk.owner is None:
        return "CANNOT READ the shared disk"
    has = ("volume group active", disk.active), ("mounted", disk.mounted)
    whose = f"{disk.owner}'s" if disk.owner else "the"
    return ", ".join(word for word, is_so in has if is_so) or f"reads {whose} volume group"


def _problems(problems: tuple[Problem, ...]) -> Table:
    table = plain_table("severity", "host", "problem", "since", header_style="dim")
    for problem in problems:
        since = problem.since.astimezone().strftime("%H:%M:%S")
        table.add_row(problem.severity.value, problem.host, problem.name, since)
    return table


def _machines(lab: LabStatus) -> Table:
    table = plain_table("machine", "state", "runs", "data", header_style="dim")
    for node in lab.nodes:
        runs = ", ".join(
            f"{resource.id} ({resource.role.value})"
            if resource.role.value in {"promoted", "unpromoted"}
            else resource.id
            for resource in lab.resources
            if resource.node == node.name and resource.id != fencing.PRIMITIVE
        )
        disks = [disks[node.name] for disks in lab.replication.values() if node.name in disks]
        shared = [disks[node.name] for disks in lab.shared_disks.values() if node.name in disks]
        data = (
            *(f"{disk.connection}, {disk.role}, {disk.disk}" for disk in disks),
            *map(_shared_disk, shared),
        )
        table.add_row(node.name, node.state.value, runs or node.role.value, "; ".join(data))
    return table

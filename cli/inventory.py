"""`halab inventory`: the lab's machines, for other tools."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.choosing import existing_lab
from cli.options import exclusive
from cli.ssh import write_config
from cli.tables import plain_table
from inventory.model import Inventory
from inventory.record import load_inventory
from labs.roles import NetworkRole


def inventory(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    ansible: Annotated[bool, typer.Option(help="As an Ansible inventory (JSON).")] = False,
) -> None:
    """Show the lab's machines and addresses."""
    exclusive({"--json": as_json, "--ansible": ansible})
    folder = existing_lab(name)
    found = load_inventory(folder)
    if ansible:
        print(json.dumps(ansible_inventory(found, write_config(folder, found)), indent=2))
    elif as_json:
        print(found.model_dump_json(indent=2))
    else:
        table = plain_table("machine", "role", *(role.value for role in NetworkRole))
        for machine in found.machines:
            addresses = (machine.interfaces.get(role) for role in NetworkRole)
            shown = (str(nic.address.ip) if nic else "" for nic in addresses)
            table.add_row(machine.name, machine.role.value, *shown)
        Console(highlight=False, soft_wrap=True).print(table)


def ansible_inventory(found: Inventory, ssh_config: str) -> dict[str, Any]:
    """Word the inventory as Ansible reads it: a group per role, ssh by configuration file."""
    # Ansible takes it apart as a shell would.
    arguments = f"-F {shlex.quote(ssh_config)}"
    groups: dict[str, Any] = {
        "_meta": {
            "hostvars": {
                machine.name: {
                    "ansible_ssh_common_args": arguments,
                    "ansible_user": machine.ssh.user,
                    "halab_addresses": {
                        role.value: str(nic.address.ip) for role, nic in machine.interfaces.items()
                    },
                }
                for machine in found.machines
            }
        }
    }
    for machine in found.machines:
        groups.setdefault(machine.role.value, {"hosts": []})["hosts"].append(machine.name)
    return groups

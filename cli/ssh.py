"""`halab ssh` and `halab ssh-config`: into the machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.choosing import existing_lab, running_lab
from core.command import become
from core.environment import user_name
from core.errors import HalabError
from core.files import renew_file
from core.folders import LabFolder
from inventory.known_hosts import write_known_hosts
from inventory.model import Inventory, Machine
from inventory.record import load_inventory


def ssh(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
    machine: Annotated[str, typer.Argument(help="A machine of the lab.")],
) -> None:
    """Open a shell on a machine, or run the command that stands behind `--`."""
    folder = running_lab(name)
    inventory = load_inventory(folder)
    try:
        inventory.machine(machine)
    except KeyError as error:
        names = ", ".join(found.name for found in inventory.machines)
        raise HalabError(
            f"lab {name!r} has no machine {machine!r}", hint=f"its machines: {names}"
        ) from error
    user_name()  # which ssh asks for, with fewer words
    config = write_config(folder, inventory)
    # A command as `crm_mon` draws on a terminal, which ssh gives to shells alone by itself.
    person = sys.stdin.isatty() and sys.stdout.isatty()
    become(["ssh", "-F", config, *(["-t"] if person else []), machine, *context.args])


def ssh_config(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
) -> None:
    """Print an ssh configuration for the lab: for ssh -F, Ansible, testinfra."""
    inventory = load_inventory(existing_lab(name))
    write_known_hosts(inventory)
    print(config_text(inventory), end="")


def write_config(folder: LabFolder, inventory: Inventory) -> str:
    """Write the lab's ssh configuration and known_hosts beside its key; return the former."""
    write_known_hosts(inventory)
    path = folder.ssh_key.parent / "config"
    renew_file(path, config_text(inventory))
    return str(path)


def config_text(inventory: Inventory) -> str:
    """Word the inventory as ssh_config(5)."""
    return "\n".join(_host(machine) for machine in inventory.machines)


def quoted(path: Path) -> str:
    """Word a path as one argument of ssh_config(5), which knows tokens such as %h in it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _host(machine: Machine) -> str:
    ssh = machine.ssh
    lines = [
        f"Host {machine.name}",
        f"  HostName {ssh.host}",
        f"  Port {ssh.port}",
        f"  User {ssh.user}",
        f"  IdentityFile {quoted(ssh.key_file)}",
        "  IdentitiesOnly yes",
        # The person's agent and the host's lists of known hosts play no part.
        "  IdentityAgent none",
        "  GlobalKnownHostsFile /dev/null",
        f"  UserKnownHostsFile {quoted(ssh.known_hosts)}",
        f"  StrictHostKeyChecking {'accept-new' if ssh.host_key is None else 'yes'}",
        "  LogLevel ERROR",
    ]
    if ssh.proxy_command:
        lines.append(f"  ProxyCommand {ssh.proxy_command}")
    return "\n".join(lines) + "\n"

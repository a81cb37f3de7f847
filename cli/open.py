"""`halab open`: a lab's service and its Zabbix in the browser of this machine."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from cli.choosing import running_lab
from core.folders import LabFolder
from inventory.model import Inventory
from inventory.record import load_inventory
from labs.ports import ZABBIX_FRONTEND
from labs.roles import NetworkRole
from machines.remote import Remote
from machines.tunnel import HERE, tunnel
from parts.all import Parts
from parts.monitoring.names import ADMIN

Port = typer.Option(min=0, max=65535, help="Local port; 0 takes a free one.")


SHOW_PASSWORD = 'import json, sys; print(json.load(open(sys.argv[1]))["zabbix_admin_password"])'


def open_lab(
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")] = "active-passive",
    port: Annotated[int, Port] = 0,
    zabbix_port: Annotated[int, Port] = 0,
) -> None:
    """Lead the service and Zabbix to ports of this machine, until Ctrl-C."""
    folder = running_lab(name)
    inventory = load_inventory(folder)
    # Another user of this machine must not be led in by a page of the browser: 127.0.0.1 only.
    with ExitStack() as stack:
        remote = stack.enter_context(Remote(inventory.monitor))
        remote.run("true")
        services: dict[str, str] = {}
        for name, part in Parts(inventory).services.items():
            for address in part.service.addresses[:1]:
                wanted = port if not services else 0
                way = tunnel(remote, str(address.ip), part.service.port, wanted)
                services[name] = part.reached_at(HERE, stack.enter_context(way))
        zabbix = None
        if inventory.monitoring is not None:
            pages = str(inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip)
            zabbix = stack.enter_context(tunnel(remote, pages, ZABBIX_FRONTEND, zabbix_port))
        tell(Console(highlight=False, soft_wrap=True), folder, inventory, services, zabbix)
        # What ends a command raises KeyboardInterrupt out of this.
        while True:
            try:
                signal.pause()
            except KeyboardInterrupt:
                break


def tell(
    console: Console,
    folder: LabFolder,
    inventory: Inventory,
    services: Mapping[str, str],
    zabbix: int | None,
) -> None:
    """Say at which local ports services and Zabbix are, and how to get in."""
    for name, url in services.items():
        console.print(f"{name:<9} {url}")
    if zabbix is None:
        console.print("Zabbix    this lab has no monitoring")
    else:
        show = shlex.join(("python3", "-c", SHOW_PASSWORD, str(folder.secrets)))
        console.print(f"Zabbix    http://{HERE}:{zabbix}/  user {ADMIN}")
        console.print(
            f"password  zabbix_admin_password in {folder.secrets}; to show it:", markup=False
        )
        console.print(f"          {show}", markup=False)
    console.print(f"{inventory.lab} is open until Ctrl-C")

"""What is kept when something went wrong: journals, cluster state and consoles in one folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from machines.remote import Remote

CONNECT_TIMEOUT_S = 10.0

_WHY = "why.txt"

_EVERYWHERE = {
    "journal.txt": "journalctl --no-pager --quiet --output short-precise --lines 20000",
    "kernel.txt": "dmesg",
    "processes.txt": "ps -eo pid,ppid,stat,etimes,pcpu,rss,args --sort=-pcpu",
    "network.txt": "ip address; ip route; ip -s link",
    "units.txt": "systemctl --no-pager --all list-units; systemctl --failed",
}
_ON_NODES = {
    "crm_mon.xml": "crm_mon --one-shot --inactive --fence-history=3 --output-as=xml",
    "crm_mon.txt": "crm_mon --one-shot --inactive --fence-history=3 --failcounts --neg-locations",
    "cib.xml": "cibadmin --query --local",
    "pacemaker.log": "tail -n 20000 /var/log/pacemaker/pacemaker.log",
    "corosync.txt": "corosync-quorumtool -s; corosync-cfgtool -n; corosync-qdevice-tool -s",
    "drbd.txt": "cat /proc/drbd",
    "lvm.txt": "pvs --foreign; vgs --foreign -o +vg_systemid; lvs --foreign; dmsetup table",
    "sbd.txt": ". /etc/default/sbd; sbd -d $SBD_DEVICE dump; sbd -d $SBD_DEVICE list",
}
_ON_MONITOR = {"qnetd.txt": "corosync-qnetd-tool -l -v"}
"""Configuration files stay out: some hold secrets."""


def collect_evidence(folder: LabFolder, inventory: Inventory | None, why: str) -> Path:
    """Collect whatever can still be had into a new folder below the lab's logs; return it.

    Machines that do not answer leave a note instead of their logs. Raises OSError when the folder
    cannot be written.
    """
    target = folder.logs / f"{datetime.now():%Y-%m-%d-%H%M%S}"
    target.mkdir(parents=True, exist_ok=True)
    write_file(target / _WHY, why + "\n")
    machines = inventory.machines if inventory else ()
    if machines:
        with ThreadPoolExecutor(len(machines)) as pool:
            list(pool.map(lambda machine: _keep(machine, target / machine.name), machines))
    if folder.consoles.is_dir():
        shutil.copytree(folder.consoles, target / "consoles", dirs_exist_ok=True)
    return target


def move_out(folder: LabFolder) -> Path | None:
    """Move what was collected to where it outlives the lab, in the place of an earlier lab's.

    Returns where it is then; None when nothing was collected. Raises OSError when it cannot be
    moved.
    """
    found = [why.parent for why in folder.logs.glob(f"*/{_WHY}")]
    if not found:
        return None
    if folder.evidence.exists():
        shutil.rmtree(folder.evidence)
    folder.evidence.mkdir(parents=True)
    for each in found:
        shutil.move(each, folder.evidence)
    return folder.evidence


def _keep(machine: Machine, target: Path) -> None:
    target.mkdir(exist_ok=True)
    of_role = _ON_NODES if machine.role is MachineRole.NODE else _ON_MONITOR
    try:
        with Remote(machine, connect_timeout=CONNECT_TIMEOUT_S) as remote:
            for name, text in _run_all(remote, {**_EVERYWHERE, **of_role}).items():
                write_file(target / name, text)
    except HalabError as error:
        write_file(target / "unreachable.txt", f"{error}\n")


def _run_all(remote: Remote, commands: Mapping[str, str]) -> dict[str, str]:
    """Run every command; one that fails leaves what it said."""
    texts = {}
    for name, command in commands.items():
        try:
            texts[name] = remote.run(f"( {command} ) 2>&1", check=False, timeout=120).stdout
        except HalabError as error:
            texts[name] = f"{error}\n"
    return texts

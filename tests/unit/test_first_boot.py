"""A plain machine's first boot in a cloud: its interfaces get halab's names and addresses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from core.command import run
from infra.console_key import host_key_in
from infra.first_boot import naming, user_data
from labs.addressing import machines
from labs.roles import NetworkRole
from tests.unit.aws_labs import aws_lab

LAB = aws_lab("active-passive")
NODE1, MONITOR = machines(LAB)[0], machines(LAB)[-1]
MACS = {
    NetworkRole.MANAGEMENT: "02:00:00:00:00:01",
    NetworkRole.CLUSTER_A: "02:00:00:00:00:02",
    NetworkRole.CLUSTER_B: "02:00:00:00:00:03",
    NetworkRole.SERVICE: "02:00:00:00:00:04",
}

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGkOdnCXZrO4kN+1qZ1nvXUVGOQzNZ7mUDn4mlOYeGDH"

RECORDING = '#!/bin/sh\necho "${0##*/} $*" >>"$LOG"\n'


class Machine:
    """Folders in the place of a machine's, and programs that only note that they were called."""

    def __init__(self, root: Path) -> None:
        self.root, self.log = root, root / "log"
        self.programs = root / "programs"
        self.programs.mkdir()
        for name in ("ip", "udevadm", "systemctl"):
            (self.programs / name).write_text(RECORDING)
            (self.programs / name).chmod(0o755)
        for folder in ("etc/netplan", "etc/udev/rules.d", "run/systemd/network", "sys/class/net"):
            (root / folder).mkdir(parents=True)

    def attach(self, name: str, mac: str) -> None:
        folder = self.root / "sys/class/net" / name
        folder.mkdir()
        (folder / "address").write_text(f"{mac}\n")

    def boot(self, script: str) -> list[str]:
        for folder in ("etc", "run", "sys"):
            script = script.replace(f"/{folder}/", f"{self.root}/{folder}/")
        environment = {"PATH": f"{self.programs}:/usr/bin:/bin", "LOG": str(self.log)}
        subprocess.run(["sh", "-c", script], check=True, env=environment)
        return self.log.read_text().splitlines()

    def network(self, name: str) -> str:
        return (self.root / "etc/systemd/network" / name).read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_is_there_is_named_at_once_and_the_rest_as_it_comes(machine: Machine) -> None:
    machine.attach("lo", "00:00:00:00:00:00")
    machine.attach("ens5", MACS[NetworkRole.MANAGEMENT])

    done = machine.boot(naming(LAB, NODE1, MACS))

    assert done == [
        "udevadm control --reload",
        "udevadm settle",
        "ip link set ens5 down",
        "ip link set ens5 name mgmt",
        "systemctl reload-or-restart systemd-networkd.service",
    ]
    for name, role in {
        "mgmt": NetworkRole.MANAGEMENT,
        "cla": NetworkRole.CLUSTER_A,
        "clb": NetworkRole.CLUSTER_B,
        "svc": NetworkRole.SERVICE,
    }.items():
        assert f"[Match]\nMACAddress={MACS[role]}\n" in machine.network(f"05-halab-{name}.link")
        assert machine.network(f"05-halab-{name}.link").endswith(f"\nName={name}\n")


def test_what_has_its_name_already_is_left_alone(machine: Machine) -> None:
    machine.attach("mgmt", MACS[NetworkRole.MANAGEMENT])

    assert not [line for line in machine.boot(naming(LAB, NODE1, MACS)) if line.startswith("ip ")]


def test_addresses_are_those_of_the_plan_and_the_way_out_is_over_management(
    machine: Machine,
) -> None:
    machine.boot(naming(LAB, NODE1, MACS))

    assert "Address=10.10.0.4/28\n" in machine.network("05-halab-mgmt.network")
    assert "Gateway=10.10.0.1\nDNS=169.254.169.253\n" in machine.network("05-halab-mgmt.network")
    assert "Address=10.30.0.4/28\n" in machine.network("05-halab-svc.network")
    for name in ("cla", "clb", "svc"):
        assert "Gateway" not in machine.network(f"05-halab-{name}.network")


def test_nobody_else_configures_them_then_or_later(machine: Machine) -> None:
    theirs = machine.root / "etc/netplan/50-cloud-init.yaml"
    rendered = machine.root / "run/systemd/network/10-netplan-ens5.network"
    for file in (theirs, rendered):
        file.write_text("")

    machine.boot(naming(LAB, NODE1, MACS))

    assert not theirs.exists()
    assert not rendered.exists()
    kept = machine.root / "etc/cloud/cloud.cfg.d/99-halab.cfg"
    assert kept.read_text() == "network: {config: disabled}\n"
    rules = machine.root / "etc/udev/rules.d/99-vpc-policy-routes.rules"
    assert str(rules.readlink()) == "/dev/null"


def test_a_boot_waits_for_management_alone_and_no_reset_of_an_adapter_takes_an_address(
    machine: Machine,
) -> None:
    machine.boot(naming(LAB, NODE1, MACS))

    of = {
        name: machine.network(f"05-halab-{name}.network") for name in ("mgmt", "cla", "clb", "svc")
    }
    assert [name for name, text in of.items() if "RequiredForOnline=no" not in text] == ["mgmt"]
    assert all("IgnoreCarrierLoss=yes" in text for text in of.values())


def test_the_host_key_is_shown_more_than_once_by_whole_blocks() -> None:
    told = json.loads(user_data(LAB, NODE1, MACS).partition("\n")[2])
    files = {each["path"]: each["content"] for each in told["write_files"]}
    script = files["/usr/local/lib/halab-host-key.sh"]
    for here, there in (
        ("/dev/console", "/dev/stdout"),
        ("/etc/ssh/ssh_host_ed25519_key.pub", "/dev/stdin"),
        ("sleep 15", ":"),
    ):
        script = script.replace(here, there)
    shown = run(["sh", "-c", script], stdin=f"{KEY} root@node1\n").stdout
    assert shown.count("BEGIN SSH HOST KEY KEYS") > 1
    cut = shown.replace(KEY, KEY[:40] + "[ 12.3] nvme1n1: p1" + KEY[40:], 1)
    assert host_key_in(cut) == KEY
    assert ["systemctl", "enable", "halab-host-key.service"] in told["runcmd"]


def test_a_later_boot_needs_nobody_but_networkd(machine: Machine) -> None:
    machine.boot(naming(LAB, NODE1, MACS))

    started = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    assert (machine.root / started).is_symlink()
    # systemd leaves cloud-init out where it sees this: not before all of that is done.
    told = user_data(LAB, NODE1, MACS)
    assert json.loads(told.partition("\n")[2])["runcmd"][-1][1] == "/etc/cloud/cloud-init.disabled"
    assert "cloud-init.disabled" not in naming(LAB, NODE1, MACS)


def test_the_monitor_is_told_of_its_two_interfaces() -> None:
    macs = {role: MACS[role] for role in (NetworkRole.MANAGEMENT, NetworkRole.SERVICE)}
    script = naming(LAB, MONITOR, macs)

    assert ("rename mgmt" in script, "rename svc" in script) == (True, True)
    assert "halab-cla" not in script


def test_cloud_init_lets_root_in_makes_one_host_key_and_runs_it_once() -> None:
    header, _, body = user_data(LAB, NODE1, MACS).partition("\n")
    told = json.loads(body)

    assert header == "#cloud-config"
    assert (told["disable_root"], told["ssh_genkeytypes"]) == (False, ["ed25519"])
    assert told["manage_etc_hosts"] is False
    (command,) = told["bootcmd"]
    assert command[:3] == ["cloud-init-per", "instance", "halab-network"]
    assert command[-1] == naming(LAB, NODE1, MACS)

"""A lab may stand below any ordinary folder: what halab writes leads real programs to its files."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from ipaddress import IPv4Interface
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pytest
from rich.console import Console

from cli.inventory import ansible_inventory
from cli.open import tell
from cli.plain_pulumi import exports
from cli.ssh import config_text, write_config
from core.errors import HalabError
from core.folders import LabFolder
from core.processes import environment_of
from hypervisor import private
from hypervisor.private import PrivateHypervisor, mounts_of
from infra.engine import Engine
from infra.libvirt import TEMPLATES, literal
from inventory.known_hosts import GIVEN_AS
from inventory.mark import folder_in
from inventory.model import Interface, Inventory, Machine, Ssh
from inventory.parts import Service
from labs.roles import MachineRole, NetworkRole
from labs.tables.services import Nginx
from machines.remote import expand

NASTY = (
    "plain",
    "jan kowalski",
    " two  blanks ",
    "jürgen 日本",
    "r&d",
    "100%",
    "%h%d%%",
    "c#",
    "#first",
    "o'brien",
    'say "hi"',
    "back\\slash",
    "a,b;c",
    "$HOME `id` $(id)",
    "{braces}",
    "<tag>",
    "a+b=c?d!e*f[g]|h~",
    "-dash",
)


@pytest.fixture(params=NASTY)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> LabFolder:
    lab = LabFolder(tmp_path / request.param / "lab")
    lab.hypervisor.mkdir(parents=True)
    lab.ssh_key.parent.mkdir()
    return lab


def inventory(lab: LabFolder) -> Inventory:
    ssh = Ssh(
        host="10.10.0.1",
        key_file=lab.ssh_key,
        known_hosts=lab.known_hosts,
        proxy_command=PrivateHypervisor(lab).proxy_command(),
    )
    address = IPv4Interface("10.10.0.1/24")
    nics = {role: Interface(name=role.value, address=address) for role in NetworkRole}
    node = Machine(name="node1", role=MachineRole.NODE, number=1, interfaces=nics, ssh=ssh)
    service = Service(name="web", addresses=(address,), settings=Nginx(kind="nginx"))
    return Inventory(lab="lab", machines=(node,), services=(service,))


def test_libvirt_finds_the_socket(folder: LabFolder) -> None:
    uri = PrivateHypervisor(folder).uri
    done = subprocess.run(["virsh", "-c", uri, "uri"], capture_output=True, text=True)
    socket = PrivateHypervisor(folder).sockets / "libvirt-sock"
    assert f"Failed to connect socket to '{socket}'" in done.stderr
    # Go's reading of a query, by the provider, takes a plus sign for a blank.
    assert parse_qs(urlsplit(uri).query) == {"socket": [str(socket)]}


def test_ssh_understands_its_configuration(folder: LabFolder) -> None:
    config = write_config(folder, inventory(folder))
    done = subprocess.run(
        ["ssh", "-G", "-F", config, "node1"], capture_output=True, text=True, check=True
    )
    said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    for key, path in (("identityfile", folder.ssh_key), ("userknownhostsfile", folder.known_hosts)):
        # ssh shows some values before it has replaced %%, and others after.
        assert said[key] in {str(path), str(path).replace("%", "%%")}
    assert (said["identityagent"], said["globalknownhostsfile"]) == ("none", "/dev/null")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_ssh_runs_the_way_into_the_lab(folder: LabFolder, tmp_path: Path, shell: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nsenter").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/said\n')
    (programs / "nsenter").chmod(0o755)
    (folder.hypervisor / "inside.pid").write_text("4711\n")
    config = write_config(folder, inventory(folder))
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "SHELL": shell}
    subprocess.run(["ssh", "-F", config, "node1"], capture_output=True, env=environment)
    words = (tmp_path / "said").read_text().split("\n")
    assert words[:2] == ["--target", "4711"]
    assert words[-2] == "TCP:10.10.0.1:22"
    # halab's own connections expand and run the same words.
    ssh = inventory(folder).machines[0].ssh
    (tmp_path / "said").unlink()
    command = expand(ssh, ssh.proxy_command or "")
    subprocess.run(["/bin/sh", "-c", f"exec {command}"], env=environment, check=True)
    assert (tmp_path / "said").read_text().split("\n") == words


def test_a_token_that_halab_does_not_know_is_refused() -> None:
    ssh = Ssh(host="h", port=1, key_file=Path("/k"), known_hosts=Path("/n"))
    assert expand(ssh, "%h %p %r %%h 100%%") == "h 1 root %h 100%"
    for wrong in ("%C", "100%", "%é"):
        with pytest.raises(HalabError, match="means nothing here"):
            expand(ssh, wrong)


def test_ansible_is_led_to_the_configuration(folder: LabFolder) -> None:
    config = write_config(folder, inventory(folder))
    found = json.loads(json.dumps(ansible_inventory(inventory(folder), config)))
    arguments = found["_meta"]["hostvars"]["node1"]["ansible_ssh_common_args"]
    assert shlex.split(arguments) == ["-F", config]


def test_a_shell_reads_what_env_prints(folder: LabFolder) -> None:
    wanted = {**Engine(folder, {"PULUMI_HOME": str(folder.path)}).environment(), "HALAB_NEW": "1"}
    printed = exports({"PULUMI_ACCESS_TOKEN": "x", "PYTHONPATH": "x", "EDITOR": "vi"}, wanted)
    done = subprocess.run(
        ["sh", "-euc", f"{printed}\nenv -0"],
        capture_output=True,
        check=True,
        env={"PULUMI_ACCESS_TOKEN": "x", "PYTHONPATH": "x", "EDITOR": "vi"},
    )
    seen = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    assert seen.items() >= {**wanted, "EDITOR": "vi"}.items()
    assert not {"PULUMI_ACCESS_TOKEN", "PYTHONPATH"} & seen.keys()
    backend = wanted["PULUMI_BACKEND_URL"].removeprefix("file://")
    assert unquote(backend) == str(folder.pulumi)
    assert set(backend).isdisjoint(' ?#&"')


def test_a_machines_definition_holds_its_paths(folder: LabFolder, tmp_path: Path) -> None:
    path = folder.consoles / "node1.log"
    key = folder.pool / "node1-host-key"
    sheet, document = tmp_path / "sheet.xsl", tmp_path / "domain.xml"
    sheet.write_text(
        TEMPLATES.get_template("domain.xsl.j2").render(
            console=literal(path),
            host_key=literal(key),
            host_key_given_as=GIVEN_AS,
            left_out=(),
            disks=(),
            watchdog=True,
            mark="m",
            folder=folder.path,
        )
    )
    document.write_text("<domain><name>node1</name><devices/></domain>")
    done = subprocess.run(["xsltproc", sheet, document], capture_output=True, check=True)
    domain = ElementTree.fromstring(done.stdout)
    source = domain.find("devices/serial/source")
    assert source is not None
    assert source.attrib["path"] == str(path)
    given = domain.find("sysinfo/entry")
    assert given is not None
    assert given.attrib["file"] == str(key)
    assert folder_in(domain) == str(folder.path)


def test_long_paths_are_measured_as_the_kernel_does() -> None:
    for letter in "xü日":
        for length in range(20, 90):
            sockets = PrivateHypervisor(LabFolder(Path("/home") / (letter * length))).sockets
            assert len(os.fsencode(sockets / "libvirt-sock-ro")) <= private.SOCKET_PATH_LIMIT


def test_a_mount_that_stayed_is_seen(folder: LabFolder) -> None:
    codes = {sign: f"\\{ord(sign):03o}" for sign in " \t\n\\"}
    lines = "".join(
        f"36 35 98:0 {root} {point} rw - ext4 /dev/vda rw\n".replace("//", "/")
        for root, point in (
            ("/", "/"),
            ("/", "".join(codes.get(sign, sign) for sign in f"{folder.path}/hypervisor/var")),
            ("".join(codes.get(sign, sign) for sign in str(folder.pool)), "/mnt"),
            ("/", "".join(codes.get(sign, sign) for sign in f"{folder.path}-of-another")),
        )
    )
    assert mounts_of(lines, folder.path) == [f"{folder.path}/hypervisor/var", "/mnt"]


def test_the_persons_own_shell_is_what_env_clears() -> None:
    assert environment_of(os.getpid()).keys() >= {"PATH"}


def test_the_configuration_is_text_for_every_machine(folder: LabFolder) -> None:
    assert config_text(inventory(folder)).count("Host node1\n") == 1


def test_the_command_that_shows_a_password_can_be_pasted(
    folder: LabFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.secrets.write_text('{"zabbix_admin_password": "secret"}')
    tell(Console(soft_wrap=True, highlight=False), folder, inventory(folder), {}, 2)
    shown = capsys.readouterr().out
    command = shown.partition("to show it:\n")[2].partition("\nlab is open")[0]
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "secret\n"

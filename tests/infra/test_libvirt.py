"""The same lab on libvirt: what its provider is asked for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pulumi
import pulumi_libvirt as libvirt
import pytest

from core.sizes import MIB
from infra.cluster import Cluster
from infra.libvirt import LibvirtPlatform, cmdline_maps
from inventory.emulation import FEATURES_LEFT_OUT
from inventory.mark import volume_name
from inventory.record import LabRecord
from labs.checking import check
from labs.loading import DefinitionError, load
from labs.model import Lab
from labs.roles import NetworkRole
from tests.infra.conftest import HOST_KEYS, Recorder
from tests.unit.planned_lab import plan

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG test"

transforms = pytest.mark.skipif(
    shutil.which("xsltproc") is None, reason="xsltproc is not there; the first `up` installs it"
)

DOMAIN = """\
<domain type='qemu'><name>node1</name><on_reboot>destroy</on_reboot>
<cpu mode='maximum'/><devices>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source volume='a'/>
  <target dev='vda' bus='virtio'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source volume='b'/>
  <target dev='vdb' bus='virtio'/></disk>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source volume='c'/>
  <target dev='vdc' bus='virtio'/></disk>
<interface type='network'><source network='mgmt'/></interface>
<graphics type='spice'/><channel type='unix'/><rng model='virtio'/></devices></domain>
"""
"""A domain as the provider words it before the stylesheet."""


def build(lab: Lab, record: LabRecord) -> None:
    def program() -> None:
        Cluster(lab, LibvirtPlatform(record, Path("/consoles"), HOST_KEYS), KEY)

    # Waits until every resource is registered.
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]


@pytest.fixture
def built(lab: Lab, record: LabRecord, recorder: Recorder) -> Recorder:
    build(lab, record)
    return recorder


def test_a_node_has_its_own_two_disks_and_the_shared_one(built: Recorder) -> None:
    disks = {name: inputs["disks"] for name, inputs in built.of("Domain").items()}

    assert [disk["volumeId"] for disk in disks["node1"]] == [
        "id of node1-root",
        "id of node1-data",
        "id of sbd",
    ]
    assert disks["node1"][2] == disks["node2"][2]
    assert len(disks["monitor"]) == 1


def test_no_names_that_somebody_may_choose_make_two_disks_one(
    built: Recorder, record: LabRecord
) -> None:
    mark = volume_name(record.mark, "")
    made = built.of("Volume")
    # A disk with data is called like its machine and, behind a hyphen, its storage.
    files = (str(each["name"]).removeprefix(mark) for each in made.values())
    names = {*made, *(file.removesuffix(".qcow2") for file in files if file.endswith(".qcow2"))}
    others = names - {"node1-data", "node2-data"}
    assert {"node1-root", "node1-host-key", "base-node-disk"} <= others

    for machine, _, storage in (name.rpartition("-") for name in others if "-" in name):
        tables = {
            "nodes": {"names": [machine, "other"]},
            "services": {"web": {"kind": "nginx", "storage": storage}},
            "storage": {storage: {"kind": "drbd"}},
        }
        with pytest.raises(DefinitionError):
            check("mine.toml", {"version": 1, "name": "mine", **tables}, Lab)


def test_each_storage_has_a_disk_of_its_own_size_on_every_node(
    record: LabRecord, recorder: Recorder
) -> None:
    services = {
        "web": {"kind": "nginx", "storage": "pages"},
        "sql": {"kind": "postgresql", "storage": "rows"},
    }
    storage = {"pages": {"kind": "drbd"}, "rows": {"kind": "drbd", "size_mib": 1024}}
    tables = {"version": 1, "name": "two", "services": services, "storage": storage}
    build(check("two.toml", tables, Lab), record)

    volumes, domains = recorder.of("Volume"), recorder.of("Domain")
    for node in ("node1", "node2"):
        assert [disk["volumeId"] for disk in domains[node]["disks"]] == [
            f"id of {node}-root",
            f"id of {node}-pages",
            f"id of {node}-rows",
            "id of sbd",
        ]
        assert volumes[f"{node}-pages"]["size"] == 512 * MIB
        assert volumes[f"{node}-rows"]["size"] == 1024 * MIB
        sheet = domains[node]["xml"]["xslt"]
        assert re.findall(r"<serial>(\w+)</serial>", sheet) == ["root", "pages", "rows", "sbd"]


def test_a_shared_disk_is_one_that_all_nodes_are_attached_to(
    record: LabRecord, recorder: Recorder
) -> None:
    build(load("shared-disk"), record)

    volumes, domains = recorder.of("Volume"), recorder.of("Domain")
    assert (volumes["data"]["size"], volumes["data"]["format"]) == (256 * MIB, "raw")
    assert not {"node1-data", "node2-data"} & volumes.keys()
    for node in ("node1", "node2"):
        disks = [disk["volumeId"] for disk in domains[node]["disks"]]
        assert disks == [f"id of {node}-root", "id of data", "id of sbd"]
        sheet = domains[node]["xml"]["xslt"]
        shareable = re.findall(r"<shareable/>\s*<serial>(\w+)</serial>", sheet)
        assert shareable == ["data", "sbd"]
        assert sheet.count('type="raw" cache="none" io="threads"') == 2
    assert len(domains["monitor"]["disks"]) == 1


def test_a_node_more_changes_nothing_that_is_there(record: LabRecord, recorder: Recorder) -> None:
    """A machine whose definition changed would be made anew."""

    def made_of(count: int) -> dict[str, dict[str, dict[str, Any]]]:
        recorder.resources.clear()
        names = [f"node{number}" for number in range(1, count + 1)]
        tables = {
            "version": 1,
            "name": "web",
            "nodes": {"names": names},
            "services": {"web": {"kind": "nginx", "runs": "everywhere"}},
        }
        build(check("web.toml", tables, Lab), record.of_machines((*names, "monitor")))
        return {kind: dict(recorder.of(kind)) for kind in ("Domain", "Volume", "Network", "Pool")}

    three, four = made_of(3), made_of(4)

    for kind, there in three.items():
        assert {name: four[kind][name] for name in there} == there
    assert four["Domain"].keys() - three["Domain"].keys() == {"node4"}
    assert four["Volume"].keys() - three["Volume"].keys() == {"node4-root", "node4-host-key"}


def test_nodes_without_storage_have_no_disk_for_it(record: LabRecord, recorder: Recorder) -> None:
    build(load("active-active"), record)

    domains = recorder.of("Domain")
    assert set(domains) == {"node1", "node2", "node3", "monitor"}
    for node in ("node1", "node2", "node3"):
        disks = [disk["volumeId"] for disk in domains[node]["disks"]]
        assert disks == [f"id of {node}-root", "id of sbd"]


@pytest.mark.parametrize("name", ["database", "shared-disk"])
def test_software_looks_for_the_disks_under_the_names_that_machines_are_given(
    record: LabRecord, recorder: Recorder, name: str
) -> None:
    lab = load(name)
    build(lab, record)

    found = plan(lab, accelerated=True)
    sheet = recorder.of("Domain")["node1"]["xml"]["xslt"]
    given = {f"/dev/disk/by-id/virtio-{name}" for name in re.findall(r"<serial>(.*)</", sheet)}
    assert {storage.disk for storage in found.storage} | {found.fencing_disk} <= given


def test_a_data_disk_is_not_made_anew_for_its_size_but_a_machine_for_its_parts(
    lab: Lab, record: LabRecord, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, pulumi.ResourceOptions] = {}
    for kind in (libvirt.Volume, libvirt.Domain):
        monkeypatch.setattr(libvirt, kind.__name__, watching(kind, seen))

    build(lab, record)

    assert seen["node1-data"].ignore_changes == seen["sbd"].ignore_changes == ["size"]
    assert not seen["node1-root"].ignore_changes
    # The provider would take a changed stylesheet for an update, and do nothing.
    assert seen["node1"].replace_on_changes == ["xml"]


def watching(kind: type[Any], seen: dict[str, pulumi.ResourceOptions]) -> Any:
    """Return a resource that is made as ever, and notes its options."""

    def make(key: str, /, *, opts: pulumi.ResourceOptions, **inputs: Any) -> Any:
        seen[key] = opts
        return kind(key, opts=opts, **inputs)

    return make


NETWORK = """\
<network>
<bridge name='br' stp='on' delay='0'/>
<dns enable='yes'/>
<ip address='10.10.0.1' prefix='24'/>
</network>
"""


VOLUME = """\
<volume><name>key</name><target><format type='raw'/><permissions><mode>644</mode></permissions>
</target></volume>
"""


def test_networks_are_isolated_and_start_no_helper(built: Recorder) -> None:
    networks = built.of("Network")

    assert set(networks) == {"management", "cluster-a", "cluster-b", "service"}
    assert {network["mode"] for network in networks.values()} == {"none"}
    assert not any(network["dhcp"]["enabled"] for network in networks.values())
    assert [name for name, network in networks.items() if "addresses" in network] == ["management"]


def test_nothing_waits_for_a_lease_that_nobody_gives(built: Recorder) -> None:
    for inputs in built.of("Domain").values():
        for nic in inputs["networkInterfaces"]:
            assert set(nic) == {"networkId", "mac"}


def test_kernel_arguments_are_worded_as_the_provider_reads_them_back() -> None:
    pairs = [("root", "/dev/vda"), ("rw", None), ("nic", "b"), ("nic", "a"), ("quiet", None)]

    assert cmdline_maps(pairs) == [
        {"nic": "a"},
        {"nic": "b", "root": "/dev/vda"},
        {"_": "quiet rw"},
    ]


@pytest.mark.parametrize(
    ("accelerated", "kind", "mode"), [(True, "kvm", "host-passthrough"), (False, "qemu", "maximum")]
)
def test_kvm_and_emulation_differ_where_they_must(
    lab: Lab, record: LabRecord, recorder: Recorder, accelerated: bool, kind: str, mode: str
) -> None:
    build(lab, record.model_copy(update={"accelerated": accelerated}))

    node = recorder.of("Domain")["node1"]
    assert (node["type"], node["cpu"]["mode"]) == (kind, mode)
    # Guests that run real workloads on real processors keep their mitigations.
    weakened = any(words.get("mitigations") == "off" for words in node["cmdlines"])
    assert weakened is not accelerated


@transforms
@pytest.mark.parametrize("accelerated", [True, False])
def test_an_emulated_processor_has_nothing_that_is_slow_to_emulate(
    lab: Lab, record: LabRecord, recorder: Recorder, accelerated: bool, tmp_path: Path
) -> None:
    build(lab, record.model_copy(update={"accelerated": accelerated}))

    processor = transform(recorder.of("Domain")["node1"], tmp_path).find("cpu")
    assert processor is not None and processor.get("mode") == "maximum"
    left_out = {each.get("name"): each.get("policy") for each in processor}
    assert left_out == ({} if accelerated else dict.fromkeys(FEATURES_LEFT_OUT, "disable"))


def test_labs_on_a_shared_daemon_have_their_own_names(
    lab: Lab, record: LabRecord, recorder: Recorder
) -> None:
    shared = record.model_copy(
        update={
            "private": False,
            "prefix": "demo-",
            "domains": {n: f"demo-{n}" for n in record.domains},
        }
    )
    build(lab, shared)

    for kind in ("Domain", "Network", "Pool"):
        assert all(inputs["name"].startswith("demo-") for inputs in recorder.of(kind).values())
    names = {shared.bridge(role) for role in NetworkRole}
    assert len(names) == len(NetworkRole)
    assert all(len(name) <= 15 for name in names)


@transforms
def test_the_stylesheet_gives_a_node_what_fencing_needs(built: Recorder, tmp_path: Path) -> None:
    domain = transform(built.of("Domain")["node1"], tmp_path)

    watchdog = found(domain, "devices/watchdog")
    assert (watchdog["model"], watchdog["action"]) == ("i6300esb", "reset")
    root, data, sbd = domain.findall("devices/disk")
    assert [disk.findtext("serial") for disk in (root, data, sbd)] == ["root", "data", "sbd"]
    assert [disk.find("shareable") is not None for disk in (root, data, sbd)] == [
        False,
        False,
        True,
    ]
    assert found(sbd, "driver") == {"name": "qemu", "type": "raw", "cache": "none", "io": "threads"}
    assert domain.findtext("on_reboot") == "restart"


@transforms
def test_a_host_key_reaches_its_machine_as_a_file_that_nobody_else_reads(
    built: Recorder, record: LabRecord, tmp_path: Path
) -> None:
    name = volume_name(record.mark, f"node1-host-key-{HOST_KEYS['node1'].mark}")

    given = built.of("Volume")["node1-host-key"]
    assert (given["name"], given["source"], given["format"]) == (name, "/keys/node1", "raw")
    domain = transform(built.of("Domain")["node1"], tmp_path)
    assert found(domain, "sysinfo/entry") == {
        "name": "opt/io.systemd.credentials/halab.host-key",
        "file": str(record.pool / name),
    }
    assert found(domain, "sysinfo")["type"] == "fwcfg"
    volume = transform(given, tmp_path, VOLUME)
    assert volume.findtext("target/permissions/mode") == "0600"


@transforms
def test_the_stylesheet_leaves_a_console_file_and_nothing_to_look_at(
    built: Recorder, tmp_path: Path
) -> None:
    domain = transform(built.of("Domain")["monitor"], tmp_path)

    assert found(domain, "devices/serial/source") == {
        "path": "/consoles/monitor.log",
        "append": "on",
    }
    for part in ("graphics", "channel", "watchdog"):
        assert domain.find(f"devices/{part}") is None, part


@transforms
def test_a_bridge_forwards_at_once_and_only_management_has_an_address_of_ours(
    built: Recorder, tmp_path: Path
) -> None:
    for role, inputs in built.of("Network").items():
        network = transform(inputs, tmp_path, NETWORK)
        assert found(network, "bridge") == {"name": "br", "delay": "0", "stp": "off"}
        kept = role != "management"
        assert (found(network, "ip")["address"] == "10.10.0.1") is kept


def transform(
    inputs: dict[str, Any], tmp_path: Path, document: str = DOMAIN
) -> ElementTree.Element:
    (tmp_path / "sheet.xsl").write_text(inputs["xml"]["xslt"])
    (tmp_path / "domain.xml").write_text(document)
    done = subprocess.run(
        ["xsltproc", tmp_path / "sheet.xsl", tmp_path / "domain.xml"],
        capture_output=True,
        text=True,
        check=True,
    )
    return ElementTree.fromstring(done.stdout)


def found(element: ElementTree.Element, path: str) -> dict[str, str]:
    child = element.find(path)
    assert child is not None, path
    return dict(child.attrib)

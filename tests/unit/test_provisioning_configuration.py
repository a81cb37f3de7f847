"""Configuration files hold what the inventory says."""

from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError

from core.errors import HalabError
from inventory.model import Interface, Inventory
from labs.roles import NetworkRole
from parts import pacemaker
from parts.fencing import sbd
from parts.host import File, Folder, render
from parts.membership import corosync
from parts.storage import drbd
from parts.system import time
from tests.unit.delivered import content, desired, files, resources
from tests.unit.provisioned_lab import SECRETS, inventory

REPLICATION = "/etc/drbd.d/r0.res"
WEB_SERVER = "/etc/nginx/halab.conf"


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("nginx.conf.j2", port=80)


def test_corosync_has_two_links_and_a_third_vote() -> None:
    text = corosync.configuration(inventory(), 1)
    assert "cluster_name: demo" in text
    assert re.findall(r"ring([01])_addr: (\S+)", text) == [
        ("0", "10.20.1.1"), ("1", "10.20.2.1"), ("0", "10.20.1.2"), ("1", "10.20.2.2"),
    ]  # fmt: skip
    assert "host: 10.10.0.9" in text
    assert re.findall(r"timeout: (\d+)", text) == ["5500", "4000"]
    assert "two_node" not in text


def test_corosync_braces_stand_on_their_own_lines() -> None:
    # corosync takes `nodeid: 1 }` for a value.
    for line in corosync.configuration(inventory(), 1).splitlines():
        assert "}" not in line or line.strip() == "}"
        assert "{" not in line or line.endswith("{")


def test_corosyncs_version_rises_with_a_change_and_only_then() -> None:
    lab = inventory()
    first = corosync.next_configuration(lab, ["\n", "\n"])
    assert "config_version: 1\n" in first
    assert corosync.next_configuration(lab, [first, first]) == first

    other = inventory(timing={"token_ms": 5000})
    slower = corosync.next_configuration(other, [first, first])
    assert "config_version: 2\n" in slower and "token: 5000\n" in slower
    assert corosync.next_configuration(other, [slower, slower]) == slower


def test_nodes_that_disagree_get_a_version_above_both() -> None:
    lab = inventory()
    old, new = corosync.configuration(lab, 3), corosync.configuration(lab, 7)
    assert "config_version: 8\n" in corosync.next_configuration(lab, [old, new])


def test_drbd_replicates_over_the_replication_network() -> None:
    text = content(REPLICATION, inventory())
    # In quotes, or drbdadm takes a machine called "disk" for the beginning of a section.
    assert re.findall(r'on "(\w+)" \{\s+address ([\d.:]+);', text) == [
        ("node1", "10.20.9.1:7788"),
        ("node2", "10.20.9.2:7788"),
    ]
    assert f'fence-peer "{drbd.FENCE_HANDLER} ' in text
    assert SECRETS.drbd_secret in text
    # 8.4 wants `fencing` among the disk options.
    assert "fencing resource-and-stonith" in text[text.index("disk {") : text.index("net {")]


def test_only_root_reads_what_holds_secrets() -> None:
    found = files(inventory())
    modes = {path: file.mode for path, file in found.items() if isinstance(file, File)}
    assert modes[REPLICATION] == 0o600
    assert modes[corosync.AUTHKEY] == 0o400


def test_sbd_uses_the_shared_disk_and_the_labs_watchdog() -> None:
    text = content(sbd.CONFIGURATION, inventory(timing={"watchdog_s": 10, "msgwait_s": 20}))
    assert "SBD_DEVICE=/dev/disk/by-id/virtio-sbd\n" in text
    assert "SBD_WATCHDOG_TIMEOUT=10\n" in text


def test_the_monitor_gives_the_time_and_the_nodes_take_it() -> None:
    lab = inventory()
    node = content(time.CONFIGURATION, lab)
    monitor = content(time.CONFIGURATION, lab, lab.monitor)
    assert "server 10.10.0.9 " in node and "allow" not in node
    assert "allow 10.10.0.0/24\n" in monitor and "local stratum" in monitor
    for text in (node, monitor):
        assert "rtcsync" not in text and "pool" not in text


def test_the_web_server_and_its_probe_use_the_services_port() -> None:
    lab = inventory(service={"port": 8080})
    assert "listen 8080;" in content(WEB_SERVER, lab)
    assert "http://127.0.0.1:8080/ping" in desired(lab)


def test_a_start_of_the_web_server_needs_no_room_on_the_root_disk() -> None:
    text = content(WEB_SERVER, inventory())
    written = re.findall(r"^\s*(?:pid|error_log|access_log|\w+_temp_path) ([^;]+);", text, re.M)
    assert len(written) == 10
    elsewhere = ("/run/", "/srv/data/", "/dev/null ", "syslog:server=unix:/dev/log", "off")
    assert all(place.startswith(elsewhere) for place in written)


def test_the_place_for_the_replicated_filesystem_is_there_before_it_is_needed() -> None:
    for node in inventory().nodes:
        folders = [f for f in files(inventory(), node).values() if isinstance(f, Folder)]
        assert [folder.path for folder in folders] == ["/srv/data"]
    assert 'name="directory" value="/srv/data"' in desired(inventory())


def test_agents_have_their_temporary_files_in_memory() -> None:
    assert "\nTMPDIR=/dev/shm\n" in content(pacemaker.CONFIGURATION, inventory())


def test_the_cib_is_well_formed_and_every_id_is_unique() -> None:
    root = resources(inventory())
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_the_cib_names_what_the_rest_of_halab_looks_for() -> None:
    root = resources(inventory())
    wanted = {"replication", "drbd", "service", "filesystem", "web", "address"}
    wanted |= {"fencing", "fencing-everywhere"}
    assert wanted <= {element.get("id") for element in root.iter()}


def test_fencing_is_on_and_knows_its_targets() -> None:
    text = desired(inventory())
    assert 'name="stonith-enabled" value="true"' in text
    assert 'name="pcmk_host_list" value="node1 node2"' in text
    assert 'name="pcmk_host_check" value="static-list"' in text


def test_timeouts_follow_the_pace() -> None:
    for pace, timeout in (("kvm", "40s"), ("emulation", "160s")):
        root = resources(inventory(platform={"pace": pace}))
        start = root.find(".//primitive[@id='web']/operations/op[@name='start']")
        assert start is not None and start.get("timeout") == timeout


def test_only_data_that_are_known_to_be_good_are_worth_a_promotion() -> None:
    root = resources(inventory())
    pair = root.find(".//primitive[@id='drbd']//nvpair[@name='adjust_master_score']")
    assert pair is not None
    consistent, remote, unknown_peer, known_peer = map(int, pair.get("value", "").split())
    # An attempt with data that are only consistent is refused, and each refusal is a failure.
    assert consistent == 0 < remote
    # Who takes over keeps what it has taken when the failed node is quickly back.
    assert unknown_peer == known_peer


def test_the_two_monitors_of_replication_have_different_intervals() -> None:
    root = resources(inventory())
    monitors = root.findall(".//primitive[@id='drbd']/operations/op[@name='monitor']")
    assert len({monitor.get("interval") for monitor in monitors}) == 2


def test_nodes_that_name_their_service_interface_differently_are_refused() -> None:
    lab = inventory()
    node = lab.nodes[1]
    other = Interface(name="eth3", address=node.interfaces[NetworkRole.SERVICE].address)
    renamed = node.model_copy(
        update={"interfaces": {**node.interfaces, NetworkRole.SERVICE: other}}
    )
    odd: Inventory = lab.model_copy(update={"machines": (lab.nodes[0], renamed, lab.monitor)})
    with pytest.raises(HalabError, match="eth3, svc"):
        desired(odd)

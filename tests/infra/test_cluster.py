"""The machines of a lab, on a platform of our own: the seam knows no provider."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pulumi
import pytest

from infra.cluster import Cluster, MachineArgs, NetworkArgs, boot_arguments
from labs.addressing import machines
from labs.model import Lab
from labs.roles import CABLED, MachineRole, NetworkRole
from tests.infra.conftest import Recorder

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG test"


class PaperPlatform:
    """Makes nothing and notes what it was asked for."""

    fencing_disks: Mapping[str, int] = {"sbd": 16}

    def __init__(self) -> None:
        self.networks: list[NetworkArgs] = []
        self.shared: list[tuple[str, int]] = []
        self.machines: dict[str, MachineArgs] = {}

    def network(self, args: NetworkArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        self.networks.append(args)
        return pulumi.Output.from_input(f"network {args.role}")

    def shared_disk(self, name: str, size_mib: int, parent: pulumi.Resource) -> pulumi.Output[str]:
        self.shared.append((name, size_mib))
        return pulumi.Output.from_input(f"disk {name}")

    def machine(self, args: MachineArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        self.machines[args.plan.name] = args
        return pulumi.Output.from_input(f"machine {args.plan.name}")


def test_any_platform_can_build_the_lab(lab: Lab, recorder: Recorder) -> None:
    platform = PaperPlatform()

    cluster = Cluster(lab, platform, KEY)

    assert [network.role for network in platform.networks] == list(CABLED)
    assert list(platform.machines) == ["node1", "node2", "monitor"] == list(cluster.machines)
    assert platform.shared == [("sbd", 16)]


def test_only_the_management_network_is_reachable_from_the_platform(
    lab: Lab, recorder: Recorder
) -> None:
    platform = PaperPlatform()

    Cluster(lab, platform, KEY)

    reachable = [network.role for network in platform.networks if network.gateway]
    assert reachable == [NetworkRole.MANAGEMENT]


def test_nodes_share_the_fencing_disk_and_the_monitor_does_not(
    lab: Lab, recorder: Recorder
) -> None:
    platform = PaperPlatform()

    Cluster(lab, platform, KEY)

    for name, args in platform.machines.items():
        is_node = args.plan.role is MachineRole.NODE
        assert ("sbd" in args.shared_disks) == is_node, name
        assert len(args.nics) == (4 if is_node else 2), name


def test_every_machine_hears_its_own_name_and_addresses(lab: Lab) -> None:
    node1, _, monitor = machines(lab)

    told = boot_arguments(lab, node1, KEY)

    assert ("systemd.hostname", "node1") in told
    assert ("halab.nic", "52:54:00:0a:01:01,cla,10.20.1.1/24") in told
    assert ("halab.bond", "repl,cla+clb,100,10.20.9.1/24") in told
    assert ("halab.key", KEY.split()[1]) in told
    assert not [key for key, _ in boot_arguments(lab, monitor, KEY) if key == "halab.bond"]


def test_the_neutral_modules_do_not_even_load_a_provider() -> None:
    program = (
        "import sys, infra.cluster, infra.planning, infra.engine;"
        "print([name for name in sys.modules if name.startswith(('pulumi_libvirt', 'pulumi_aws'))])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("lab", "said"),
    [
        (None, "HALAB_LAB is not set"),
        ("/nowhere/labs/lost", "no such lab definition: /nowhere/labs/lost/definition.toml"),
        ("/dev/null/labs/lost", "no such lab definition: /dev/null/labs/lost/definition.toml"),
    ],
)
def test_the_program_ends_with_a_sentence(lab: str | None, said: str) -> None:
    environment = {"PATH": os.defpath, **({"HALAB_LAB": lab} if lab else {})}
    program = "import infra.__main__"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, env=environment
    )
    last = done.stderr.rpartition("pulumi.errors.RunError: ")[2]
    assert last.startswith(said)

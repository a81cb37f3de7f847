"""Libvirt machines. No other module knows pulumi_libvirt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pulumi
import pulumi_libvirt as libvirt
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from core.sizes import MIB
from infra.cluster import MachineArgs, NetworkArgs
from infra.host_keys import HostKey, volume_of
from infra.impact import HOST_KEY, ROOT
from inventory import emulation
from inventory.known_hosts import GIVEN_AS
from inventory.mark import NAMESPACE, pool_uuid, volume_name
from inventory.record import LabRecord
from labs.roles import MachineRole

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True
)
TEMPLATES.globals["mark_namespace"] = NAMESPACE

SECRET = Path(__file__).parent / "secret.xsl"
"""Stylesheet of a volume that nobody but libvirt may read."""


@dataclass(frozen=True)
class Disk:
    """How a guest sees one of its disks; `serial` names it below /dev/disk/by-id."""

    serial: str
    format: str
    cache: str
    shared: bool = False


SYSTEM = Disk(ROOT, "qcow2", "unsafe")
DATA_FORMAT = "qcow2"
SHARED_FORMAT = "raw"

FENCING_DISK_MIB = 16
"""Size of the shared fencing disk: SBD needs 1 MiB for header and slots (sbd(8)); 16 is roomy."""

KEEPS_SIZE = pulumi.ResourceOptions(ignore_changes=["size"])
"""The provider can only make a disk of another size anew, without its data."""


class LibvirtPlatform:
    """Makes networks, disks and machines through one libvirt connection.

    `host_keys` are what machines show to whoever connects. They are secrets: each must reach its
    machine in a way that nobody else can read, on neither side.
    """

    fencing_disks: Mapping[str, int] = {"sbd": FENCING_DISK_MIB}

    def __init__(self, record: LabRecord, consoles: Path, host_keys: Mapping[str, HostKey]) -> None:
        self._record = record
        self._consoles = consoles
        self._host_keys = host_keys
        self._provider = libvirt.Provider("libvirt", uri=record.uri)
        self._pool = libvirt.Pool(
            "pool",
            name=record.pool_name,
            type="dir",
            target=libvirt.PoolTargetArgs(path=str(record.pool)),
            xml=libvirt.PoolXmlArgs(
                xslt=_stylesheet("pool", uuid=pool_uuid(record.mark)),
            ),
            opts=pulumi.ResourceOptions(provider=self._provider),
        )
        self._boot = {role: self._boot_volumes(role) for role in record.boot}

    def network(self, args: NetworkArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make an isolated network; DHCP and DNS are off, so libvirt starts no helper for it."""
        made = libvirt.Network(
            args.role.value,
            name=self._record.network(args.role),
            mode="none",
            bridge=self._record.bridge(args.role),
            addresses=[str(args.subnet)] if args.gateway else None,
            dhcp=libvirt.NetworkDhcpArgs(enabled=False),
            dns=libvirt.NetworkDnsArgs(enabled=False),
            autostart=True,
            xml=libvirt.NetworkXmlArgs(
                xslt=self._marked("network", address=args.gateway, subnet=args.subnet)
            ),
            opts=self._under(parent),
        )
        return made.id

    def shared_disk(self, name: str, size_mib: int, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make a raw disk: the format that several machines can share."""
        return self._volume(name, SHARED_FORMAT, size_mib, parent, KEEPS_SIZE).id

    def machine(self, args: MachineArgs, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Define and start a domain that boots its kernel directly."""
        plan, record = args.plan, self._record
        base = self._boot[plan.role]
        root = libvirt.Volume(
            f"{plan.name}-{ROOT}",
            name=self._volume_name(f"{plan.name}-{ROOT}.qcow2"),
            pool=self._pool.name,
            format="qcow2",
            base_volume_id=base["disk"].id,
            opts=self._under(parent),
        )
        disks = [(SYSTEM, root.id)]
        for storage, size_mib in plan.data_disks.items():
            name = f"{plan.name}-{storage}"
            data = self._volume(name, DATA_FORMAT, size_mib, parent, KEEPS_SIZE)
            disks.append((Disk(storage, DATA_FORMAT, "writeback"), data.id))
        for serial, volume in args.shared_disks.items():
            disk = Disk(serial, SHARED_FORMAT, "none", shared=True)
            disks.append((disk, pulumi.Output.from_input(volume)))
        given = self._host_keys[plan.name]
        host_key_name = volume_of(record.mark, plan.name, given)
        host_key = libvirt.Volume(
            f"{plan.name}-{HOST_KEY}",
            name=host_key_name,
            pool=self._pool.name,
            source=quote(str(given.private)),
            format="raw",
            xml=libvirt.VolumeXmlArgs(xslt=SECRET.read_text()),
            opts=self._under(parent),
        )
        stylesheet = self._marked(
            "domain",
            console=literal(self._consoles / f"{plan.name}.log"),
            disks=[disk for disk, _ in disks],
            watchdog=plan.role is MachineRole.NODE,
            host_key=literal(record.pool / host_key_name),
            host_key_given_as=GIVEN_AS,
            left_out=emulation.features_left_out(record.accelerated),
        )
        domain = libvirt.Domain(
            plan.name,
            name=record.domains[plan.name],
            description=f"halab: {plan.role.value}",
            type="kvm" if record.accelerated else "qemu",
            machine="pc",
            cpu=libvirt.DomainCpuArgs(mode="host-passthrough" if record.accelerated else "maximum"),
            vcpu=plan.cpus,
            memory=plan.memory_mib,
            kernel=base["kernel"].id,
            initrd=base["initrd"].id,
            cmdlines=cmdline_maps(self._kernel_arguments(args)),
            disks=[libvirt.DomainDiskArgs(volume_id=volume) for _, volume in disks],
            network_interfaces=[
                libvirt.DomainNetworkInterfaceArgs(network_id=nic.network, mac=nic.mac.upper())
                for nic in args.nics
            ],
            xml=libvirt.DomainXmlArgs(xslt=stylesheet),
            opts=pulumi.ResourceOptions.merge(
                self._under(parent),
                # The provider would call a changed stylesheet an update, and change nothing.
                pulumi.ResourceOptions(depends_on=[host_key], replace_on_changes=["xml"]),
            ),
        )
        return domain.id

    def _kernel_arguments(self, args: MachineArgs) -> list[tuple[str, str | None]]:
        pairs: list[tuple[str, str | None]] = [
            ("root", "/dev/vda"),
            ("rw", None),
            ("rootflags", "noatime"),
            ("console", "ttyS0"),
            ("net.ifnames", "0"),
            # Notices and worse: each line on an emulated serial console costs milliseconds.
            ("loglevel", "6"),
            ("systemd.show_status", "0"),
            *args.boot_arguments,
        ]
        words = (word.partition("=") for word in emulation.arguments(self._record.accelerated))
        return [*pairs, *((key, value or None) for key, _, value in words)]

    def _boot_volumes(self, role: MachineRole) -> dict[str, libvirt.Volume]:
        boot = self._record.boot[role]
        return {
            kind: libvirt.Volume(
                f"{role.value}-{kind}",
                name=self._volume_name(f"base-{role.value}-{path.name}"),
                pool=self._pool.name,
                # The provider takes it for a URL.
                source=quote(str(path)),
                format=file_format,
                opts=self._under(self._pool),
            )
            for kind, path, file_format in (
                ("disk", boot.disk, "qcow2"),
                ("kernel", boot.kernel, "raw"),
                ("initrd", boot.initrd, "raw"),
            )
        }

    def _volume(
        self,
        name: str,
        file_format: str,
        size_mib: int,
        parent: pulumi.Resource,
        options: pulumi.ResourceOptions | None = None,
    ) -> libvirt.Volume:
        return libvirt.Volume(
            name,
            name=self._volume_name(f"{name}.{file_format}"),
            pool=self._pool.name,
            format=file_format,
            size=size_mib * MIB,
            opts=pulumi.ResourceOptions.merge(self._under(parent), options),
        )

    def _under(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        # Names are fixed, so the old object has to go before the new one can come.
        return pulumi.ResourceOptions(
            parent=parent, provider=self._provider, delete_before_replace=True
        )

    def _volume_name(self, name: str) -> str:
        return volume_name(self._record.mark, name)

    def _marked(self, kind: str, **values: object) -> str:
        """Return the stylesheet for an object whose metadata say which lab it belongs to."""
        folder = self._consoles.parent
        return _stylesheet(kind, mark=self._record.mark, folder=folder, **values)


def _stylesheet(kind: str, **values: object) -> str:
    """Return what the provider has no argument for."""
    return TEMPLATES.get_template(f"{kind}.xsl.j2").render(**values)


def literal(path: Path) -> str:
    """Word a path for an attribute of a stylesheet, where {...} would be computed (XSLT, 7.6.2)."""
    return str(path).replace("{", "{{").replace("}", "}}")


def cmdline_maps(pairs: Iterable[tuple[str, str | None]]) -> list[dict[str, str]]:
    """Word kernel arguments as the provider reads them back, so that a preview sees no change.

    It sorts all arguments, starts a new map at a repeated key, and joins flags under the key "_".
    """
    words = sorted(key if value is None else f"{key}={value}" for key, value in pairs)
    maps: list[dict[str, str]] = [{}]
    for key, equals, value in (word.partition("=") for word in words):
        if not equals:
            continue
        if key in maps[-1]:
            maps.append({})
        maps[-1][key] = value
    flags = " ".join(word for word in words if "=" not in word)
    return [*filter(None, maps), *([{"_": flags}] if flags else [])]

"""From a definition to a healthy lab: the steps of `up`, each of which does nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cli.events import PulumiEvents
from cli.progress import Progress, Step
from core.environment import libvirt_access
from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from hypervisor.acceleration import probe
from hypervisor.doctor import Needs, examine, refuse
from hypervisor.image import cached_image, ensure_image, remove_stale
from hypervisor.objects import Virsh, owned, remove_orphans, start_stopped
from hypervisor.packages import authorize, ensure_packages, find_shortages
from hypervisor.placing import place_of
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import recover
from hypervisor.taken import check_free
from hypervisor.toolchain import Toolchain, ensure_toolchain
from infra.engine import Engine
from infra.orphans import end_orphans
from infra.ssh_key import ensure_ssh_key
from inventory.record import Boot, LabRecord, load_record, save
from labs.addressing import machines
from labs.loading import find
from labs.model import Lab
from labs.roles import MachineRole
from provisioning.secrets import ensure_secrets

OVERHEAD_MIB = 150
"""What QEMU and libvirt need for each guest besides its memory, measured in emulation."""

DISK_MIB = 3072
"""What a lab's disks and a guest image usually take, for the check before anything is made."""


@dataclass(frozen=True)
class Prepared:
    """A lab whose surroundings are ready for Pulumi."""

    lab: Lab
    folder: LabFolder
    record: LabRecord
    engine: Engine


def prepare(lab: Lab, source: str, progress: Progress) -> Prepared:
    """Set up everything that the Pulumi program needs, and nothing that is there already.

    Raises HalabError before any change when this machine cannot carry the lab.
    """
    folder = LabFolder.of(lab.name)
    new = not folder.record.exists()
    PrivateHypervisor(folder).check_whole()
    if new:
        refuse(examine(needs_of(lab)))
    missing = find_shortages()
    if missing:
        # The password is asked for where no live display would garble the question.
        authorize(missing)
        with progress.step("System packages", usually="1 min") as step:
            ensure_packages(step)
    if lab.platform.uri is not None:
        check_free(Virsh(lab.platform.uri), lab, place_of(lab, folder))
    toolchain = ensure_tools(progress)
    record = _new_record(lab, source, folder, progress) if new else load_record(folder)
    folder.consoles.mkdir(parents=True, exist_ok=True)
    folder.consoles.chmod(0o700)
    if record.private:
        record.pool.mkdir(parents=True, exist_ok=True)
    ensure_ssh_key(folder)
    save(folder.record, record)
    _keep_definition(source, folder)
    engine = Engine(folder, {**toolchain.environment(), **libvirt_access(record.uri)})
    end_orphans(folder)
    if record.private:
        PrivateHypervisor(folder).start()
    return Prepared(lab, folder, record, engine)


def build(prepared: Prepared, step: Step) -> None:
    """Bring machines and software to the definition, from whatever an earlier run left."""
    folder, record, engine = prepared.folder, prepared.record, prepared.engine
    step("looking at what is there")
    engine.prepare(step)
    ensure_secrets(folder.secrets)
    virsh = Virsh(record.uri)
    recover(folder, record, step)
    check_free(virsh, prepared.lab, record)
    managed = engine.managed()
    if not managed and folder.inventory.exists() and owned(virsh, "domain", record.mark):
        raise HalabError(
            f"Pulumi's state of lab {folder.name!r} is lost, and its machines are there",
            detail="Without it their disks would be made anew.",
            hint=f"`./halab down {folder.name}` removes them; then `up` builds the lab anew",
        )
    for kind, name in remove_orphans(virsh, record.mark, managed):
        step(f"removed the {kind} {name} that an interrupted run left")
    if managed:
        for domain in start_stopped(virsh, record.mark):
            step(f"started {domain}, which was off")
    engine.up(PulumiEvents(step))


def ensure_tools(progress: Progress) -> Toolchain:
    """Return the Pulumi toolchain, got in whichever way works here."""
    usually = "1 min by download, 10 min by build"
    with progress.step("Pulumi toolchain", usually=usually, if_needed=True) as step:
        return ensure_toolchain(step)


def needs_of(lab: Lab) -> Needs:
    """Return what this machine must have for the lab: memory and disk in MiB, cores."""
    plans = machines(lab)
    missing = sum(cached_image(role) is None for role in MachineRole)
    return Needs(
        memory_mib=sum(plan.memory_mib + OVERHEAD_MIB for plan in plans),
        # Its snapshot for `reset` may come to hold all of the machines' memory.
        disk_mib=DISK_MIB * (1 + missing)
        + sum((plan.data_disk_mib or 0) + plan.memory_mib for plan in plans),
        cores=sum(plan.cpus for plan in plans),
    )


def _new_record(lab: Lab, source: str, folder: LabFolder, progress: Progress) -> LabRecord:
    missing = [role for role in MachineRole if cached_image(role) is None]
    if missing:
        with progress.step("Guest images", usually="2 to 4 min") as step:
            with ThreadPoolExecutor(len(missing)) as pool:
                list(pool.map(lambda role: ensure_image(role, step), missing))
            remove_stale()
    images = {role: ensure_image(role) for role in MachineRole}
    node = images[MachineRole.NODE]
    with progress.step("Trying KVM", usually="a few seconds") as step:
        acceleration = probe(node.kernel, node.initrd)
    if not acceleration.accelerated:
        progress.note(f"no acceleration: {acceleration.reason}")
        progress.note("guests run in software emulation: all works, but boots take a minute")
    place = place_of(lab, folder)
    return LabRecord(
        **dict(place),
        source=source,
        accelerated=acceleration.accelerated,
        acceleration_reason=acceleration.reason,
        proxy_command=PrivateHypervisor(folder).proxy_command() if place.private else None,
        boot={
            role: Boot(disk=image.disk, kernel=image.kernel, initrd=image.initrd)
            for role, image in images.items()
        },
    )


def _keep_definition(source: str, folder: LabFolder) -> None:
    path = find(source)
    if path != folder.definition:
        write_file(folder.definition, path.read_bytes())

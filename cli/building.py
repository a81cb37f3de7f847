"""From a definition to a healthy lab: the steps of `up`, each of which does nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from cli.changing import brought_to, check, check_disks
from cli.choosing import built_from
from cli.events import PulumiEvents
from cli.needs import needs_of
from cli.progress import Progress, Step
from cli.turns import Power, restart_in_turn
from core.environment import libvirt_access
from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from core.saying import Say
from core.sizes import MIB
from hypervisor.acceleration import probe
from hypervisor.disks import grow_data_disk
from hypervisor.doctor import examine, refuse
from hypervisor.image import cached, ensure, recipe_of, remove_stale
from hypervisor.kept_labs import KeptLabs
from hypervisor.machines import OFF
from hypervisor.objects import Virsh, owned, remove_orphans, start_stopped
from hypervisor.packages import NEEDS, Need, authorize, ensure_packages, find_shortages
from hypervisor.placing import libvirt_of, place_of
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import machines_of, recover
from hypervisor.taken import check_free
from hypervisor.toolchain import Toolchain, ensure_toolchain
from infra.engine import Engine
from infra.impact import Impact, impact_of
from infra.ssh_key import ensure_ssh_key
from inventory.record import Boot, LabRecord, Record, load_record, save
from labs.addressing import machines
from labs.changes import Change
from labs.loading import load
from labs.model import Lab
from labs.roles import MachineRole
from parts.secrets import ensure_secrets

Kind_co = TypeVar("Kind_co", bound=Record, covariant=True)


@dataclass(frozen=True)
class Prepared(Generic[Kind_co]):
    """A lab whose surroundings are ready for Pulumi.

    `new` tells whether nothing was there at all, not even a stack, which `make_stack` makes;
    `exists` whether Pulumi has made anything of it; `changes` is then how its definition differs
    from `before`, which it was brought to, and `definition` the file that it shall have.
    """

    lab: Lab
    folder: LabFolder
    record: Kind_co
    engine: Engine
    definition: Path
    new: bool
    exists: bool
    before: Lab
    changes: tuple[Change, ...]

    def make_stack(self, report: Say) -> None:
        """Make the stack of a new lab; one that was there before has been prepared already."""
        if self.new:
            self.engine.prepare(report)


def prepare(lab: Lab, source: str, progress: Progress) -> Prepared[LabRecord]:
    """Set up everything that the Pulumi program needs, and nothing that is there already.

    What was decided for a lab of which nothing is left, as after `pulumi destroy`, is decided anew.
    Raises HalabError before any change when this machine cannot carry the lab, when its platform
    cannot be built on, or when a lab that exists cannot be brought to its definition.
    """
    shared = libvirt_of(lab).uri
    folder = LabFolder.of(lab.name)
    new = not folder.record.exists()
    PrivateHypervisor(folder).check_whole()
    if new:
        check_host(lab, folder, progress)
    ensure_host_packages(progress)
    if shared is not None:
        check_free(Virsh(shared), lab, place_of(lab, folder))
    engine = _engine(folder, shared or "", progress)
    if not new:
        engine.prepare(progress.note)
    exists = not new and bool(engine.managed())
    before = brought_to(lab, folder) if exists else lab
    changes = check(before, lab, folder, load_record(folder)) if exists else ()
    if not (new or exists):
        check_host(lab, folder, progress)
    record = load_record(folder) if exists else _new_record(lab, source, folder, progress)
    folder.consoles.mkdir(parents=True, exist_ok=True)
    folder.consoles.chmod(0o700)
    if record.private:
        record.pool.mkdir(parents=True, exist_ok=True)
    definition = note_lab(lab, folder, record, source, exists=exists)
    if record.private:
        PrivateHypervisor(folder).start()
    return Prepared(lab, folder, record, engine, definition, new, exists, before, changes)


def ensure_host_packages(progress: Progress, needs: Sequence[Need] = NEEDS) -> None:
    """Install what this machine lacks; raises HalabError where nobody may."""
    missing = find_shortages(needs)
    if missing:
        # The password is asked for where no live display would garble the question.
        authorize(missing)
        with progress.step("System packages", usually="1 min") as step:
            ensure_packages(step, needs)


def note_lab(lab: Lab, folder: LabFolder, record: Record, source: str, *, exists: bool) -> Path:
    """Write down what was decided for a lab, with a key to it; return its wanted definition."""
    ensure_ssh_key(folder)
    save(folder.record, record)
    definition = built_from(source, folder)
    if not exists:
        folder.applied.unlink(missing_ok=True)
        keep_definition(folder, definition, lab)
    return definition


def impact_on(prepared: Prepared[LabRecord]) -> Impact:
    """Return what Pulumi would do to a lab that exists, as far as it costs something.

    Raises HalabError when a disk would have to shrink.
    """
    check_disks(prepared.lab, prepared.record)
    return impact_of(prepared.engine.preview(prepared.definition))


def build(prepared: Prepared[LabRecord], impact: Impact, step: Step) -> None:
    """Bring machines and software to the definition, from whatever an earlier run left."""
    folder, record, engine = prepared.folder, prepared.record, prepared.engine
    step("looking at what is there")
    prepared.make_stack(step)
    keep_definition(folder, prepared.definition, prepared.lab)
    ensure_secrets(folder.secrets)
    virsh = Virsh(record.uri)
    recover(folder, record, step)
    if not record.private:
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
        wanted = record.of_machines(plan.name for plan in machines(prepared.lab)).domains
        for domain in start_stopped(virsh, record.mark, wanted.values()):
            step(f"started {domain}, which was off")
    if impact.missing:
        engine.up(PulumiEvents(step), only=impact.missing)
    if impact.in_turn and folder.applied.exists():
        power = Power(machines_of(record).states, OFF)
        restart_in_turn(folder, record, engine, impact.in_turn, power, step)
    if prepared.exists:
        _grow_disks(prepared, virsh, step)
    engine.up(PulumiEvents(step))


def engine_of(folder: LabFolder, progress: Progress) -> Engine:
    """Return the stack of a lab on libvirt; a private hypervisor that does not run is started."""
    record = load_record(folder)
    if record.private:
        PrivateHypervisor(folder).start()
    return _engine(folder, record.uri, progress)


def _engine(folder: LabFolder, uri: str, progress: Progress) -> Engine:
    tools = ensure_tools(progress).environment()
    return Engine(folder, {**tools, **libvirt_access(uri)})


def ensure_tools(progress: Progress) -> Toolchain:
    """Return the Pulumi toolchain, got in whichever way works here."""
    usually = "1 min by download, 10 min by build"
    with progress.step("Pulumi toolchain", usually=usually, if_needed=True) as step:
        return ensure_toolchain(step)


def _new_record(lab: Lab, source: str, folder: LabFolder, progress: Progress) -> LabRecord:
    recipes = {role: recipe_of(role, lab.kernel(role)) for role in MachineRole}
    missing = [recipe for recipe in recipes.values() if cached(recipe) is None]
    if missing:
        with progress.step("Guest images", usually="2 to 4 min") as step:
            with ThreadPoolExecutor(len(missing)) as pool:
                list(pool.map(lambda recipe: ensure(recipe, step), missing))
            remove_stale()
    images = {role: ensure(recipe) for role, recipe in recipes.items()}
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
        proxy_command=PrivateHypervisor(folder).proxy_command() if place.private else None,
        boot={
            role: Boot(disk=image.disk, kernel=image.kernel, initrd=image.initrd)
            for role, image in images.items()
        },
    )


def check_host(lab: Lab, folder: LabFolder, progress: Progress) -> None:
    """Raise HalabError when this machine cannot carry the guests of a lab that has none yet.

    Labs that are kept for a warm start are given up where the disk is too full for this one.
    """
    wanted = needs_of(lab).disk_mib * MIB
    for gone in KeptLabs().make_room(wanted, folder.path, lab.name):
        progress.note(f"lab {gone.name} is kept no more: the disk is too full for lab {lab.name}")
    refuse(examine(needs_of(lab)))


def _grow_disks(prepared: Prepared[LabRecord], virsh: Virsh, step: Step) -> None:
    """Give the nodes the larger disks that provisioning then takes into use."""
    pool = prepared.record.pool_name
    for storage in prepared.lab.storage:
        for name, domain in prepared.record.of_machines(storage.nodes).domains.items():
            if grow_data_disk(virsh, pool, domain, storage.name, storage.size_mib):
                step(f"{name}: its disk {storage.name} has {storage.size_mib} MiB now")


def keep_definition(folder: LabFolder, path: Path, lab: Lab) -> None:
    """Make a file the definition that Pulumi's program reads.

    Raises HalabError when it says another lab than the one that was checked, minutes ago perhaps.
    """
    if path != folder.definition:
        text = path.read_bytes()
        if load(str(path)) != lab:
            raise HalabError(
                f"{path} was changed while `up` was at work",
                hint="say `up` again: it begins with what that means for the lab",
            )
        write_file(folder.definition, text)

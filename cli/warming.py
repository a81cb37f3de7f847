"""Warm starts: what `up` built is kept, and the next `up` of the same lab lays it out again.

Keys that people use are new each time: that of ssh, the machines' host keys, Zabbix's password.
What only machines know of each other stays, and no two labs have it at once: a lab comes back under
its own name, in its own folder, of which there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cli.building import Prepared
from cli.claims import CLAIM
from cli.progress import Progress
from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from core.saying import Say
from core.sizes import MIB
from hypervisor.kept_labs import LIMIT, KeptLab, KeptLabs, limit_bytes
from hypervisor.namespaces import remove_folder
from hypervisor.private import PrivateHypervisor
from hypervisor.reset import machines_of
from hypervisor.warm_start import SNAPSHOT, facts_of, keep_machines, lay_out
from infra.engine import Engine, State
from infra.host_keys import HostKey, ensure_host_key, volume_of
from infra.orphans import end_orphans
from infra.planning import plan_inventory
from infra.rekeying import blob, exchanged_words, rekeyed, software_inputs
from inventory.known_hosts import write_known_hosts
from inventory.model import Inventory, Machine
from inventory.record import LabRecord, load_inventory, save
from labs.addressing import machines
from labs.model import Lab
from machines.keys import renew_keys
from machines.remote import Remote
from parts.secrets import Secrets, load_secrets, renewed
from provisioning.monitoring import set_passwords
from status.collect import Observer
from status.health import Healthy, wait_healthy

RENEW_S = 30.0
"""For new keys on one machine, in seconds at pace 1: its sshd starts again."""

INVENTORY, SECRETS, KEY, STATE = "inventory.json", "secrets.json", "id_ed25519", "state.json"
"""Files of a kept lab: what its machines were built with, and Pulumi's state of them."""


@dataclass(frozen=True)
class _Keys:
    """All by which one lab's machines and people know each other."""

    private: Path
    inventory: Inventory
    secrets: Secrets

    @property
    def public(self) -> str:
        """The line of the key that machines let in."""
        return self.private.with_suffix(".pub").read_text()

    @property
    def host_keys(self) -> dict[str, HostKey]:
        """The public halves of what the machines show."""
        return {
            machine.name: HostKey(Path(), machine.ssh.host_key or "")
            for machine in self.inventory.machines
        }


def find_kept(prepared: Prepared[LabRecord], progress: Progress) -> KeptLab | None:
    """Return the lab to start from: one that was built from the same, by the same.

    `progress` hears what is another now, where one is kept and of no use.
    """
    if not (prepared.new and prepared.record.private):
        return None
    kept = KeptLabs().find(prepared.lab.name)
    if kept is None:
        return None
    others = kept.differences(facts_of(prepared.lab, prepared.record))
    if others:
        progress.note(f"built anew, as it was kept before this changed: {', '.join(others)}")
        return None
    return kept


def keep(prepared: Prepared[LabRecord], progress: Progress) -> None:
    """Keep a lab that was just built, as its snapshot `up` has it, for warm starts.

    A lab that cannot be kept is complete: what went wrong is only said.
    """
    kept_labs, name = KeptLabs(), prepared.lab.name
    try:
        limit = limit_bytes()
        if not prepared.record.private or limit == 0:
            return
        with progress.step("Keeping it for a warm start", usually="3 s"):
            draft = kept_labs.begin_draft(name)
            _keep_keys(prepared.folder, prepared.record, prepared.engine, draft)
            made = datetime.now(UTC)
            kept = kept_labs.publish(name, made, facts_of(prepared.lab, prepared.record))
        gone = kept_labs.trim(limit, latest=name)
    except (HalabError, OSError) as error:
        kept_labs.drop_draft(name)
        progress.note(f"the lab is not kept for a warm start: {error}")
        return
    progress.note(f"{kept.size // MIB} MiB are kept for a warm start after `down`: `./halab cache`")
    for one in gone:
        progress.note(f"lab {one.name} is kept no more: all may take {limit >> 30} GiB ({LIMIT})")


def _keep_keys(folder: LabFolder, record: LabRecord, engine: Engine, draft: Path) -> None:
    inventory = load_inventory(folder)
    former = _Keys(folder.ssh_key, inventory, load_secrets(folder.secrets))
    volumes = {volume_of(record.mark, name, key) for name, key in former.host_keys.items()}
    keep_machines(folder, record, draft, volumes)
    for source, target in (
        (folder.inventory, INVENTORY),
        (folder.secrets, SECRETS),
        (folder.ssh_key, KEY),
        (folder.ssh_key.with_suffix(".pub"), f"{KEY}.pub"),
    ):
        write_file(draft / target, source.read_bytes())
    save(draft / STATE, engine.export())


def start_warm(prepared: Prepared[LabRecord], kept: KeptLab, step: Say) -> Healthy:
    """Lay a kept lab out in the folder of a new one, with keys of its own, and return how it is.

    Its clocks are as they were: the snapshot that follows sets them, and until then Zabbix's server
    has nothing to catch up with that would keep the machines busy.
    Raises HalabError or OSError when it does not become healthy; `begin_again` then makes way for
    another try.
    """
    folder, record, lab = prepared.folder, prepared.record, prepared.lab
    folder.warming.mkdir(mode=0o700)
    with ExitStack() as stack, ThreadPoolExecutor(2) as aside:
        with KeptLabs().used(kept.name) as source:
            if KeptLabs().find(kept.name) != kept:
                raise HalabError(f"lab {kept.name!r} is kept no more, or was kept anew meanwhile")
            former = _former(source)
            state = State.model_validate_json((source / STATE).read_bytes())
            step("making keys of its own")
            present, words = _new_keys(lab, folder, record, former)
            # Pulumi takes as long as the machines do, and neither needs the other.
            inputs = software_inputs(folder, record, present.inventory, present.secrets)
            gone = (blob(former.public), former.secrets.zabbix_admin_password)
            told = aside.submit(_tell_pulumi, prepared, rekeyed(state, words, inputs, gone))
            step("laying out disks, networks and machines")
            descriptions = lay_out(source, folder, record, words)
            step("loading their memory")
            all_machines = machines_of(record)
            all_machines.load_memory(source / SNAPSHOT, descriptions)
            step("letting all machines go on")
            all_machines.resume()
            step("giving them the new keys")
            observer = stack.enter_context(Observer(present.inventory, record))
            _renew(folder, former, present, observer)
            # Nobody's health depends on them, and the monitor alone is busy with them.
            passwords = aside.submit(_set_passwords, present, observer)
            step("waiting for Pulumi's state")
            told.result()
        step("checking its health")
        wait_s = present.inventory.timing.healthy_wait_s
        found = wait_healthy(present.inventory, wait_s, step, observer=observer)
        passwords.result()
        # From here on it is a lab as any other: who is interrupted goes on with it.
        remove_folder(folder.warming)
        stack.pop_all()
    write_file(folder.applied, folder.definition.read_bytes())
    return Healthy(found, observer)


def _former(source: Path) -> _Keys:
    """Return the keys with which a kept lab was built; its machines know no others yet."""
    key = source / KEY
    inventory = Inventory.model_validate_json((source / INVENTORY).read_bytes())
    reached = tuple(_reached_by(machine, key) for machine in inventory.machines)
    inventory = inventory.model_copy(update={"machines": reached})
    return _Keys(key, inventory, load_secrets(source / SECRETS))


def _reached_by(machine: Machine, key: Path) -> Machine:
    return machine.model_copy(update={"ssh": machine.ssh.model_copy(update={"key_file": key})})


def _new_keys(
    lab: Lab, folder: LabFolder, record: LabRecord, former: _Keys
) -> tuple[_Keys, Mapping[str, str]]:
    """Make the lab's own keys, and write them where everybody looks; return what they replace."""
    host_keys = {plan.name: ensure_host_key(folder, plan.name) for plan in machines(lab)}
    present = _Keys(
        folder.ssh_key,
        plan_inventory(lab, record, folder, host_keys),
        renewed(former.secrets),
    )
    write_file(folder.secrets, present.secrets.reveal())
    save(folder.inventory, present.inventory)
    write_known_hosts(present.inventory)
    for name, key in host_keys.items():
        write_file(record.pool / volume_of(record.mark, name, key), key.private.read_bytes())
    words = exchanged_words(
        record, (former.public, former.host_keys), (present.public, present.host_keys)
    )
    return present, words


def _tell_pulumi(prepared: Prepared[LabRecord], state: State) -> None:
    prepared.make_stack(lambda _: None)
    prepared.engine.adopt(state)


def _renew(folder: LabFolder, former: _Keys, present: _Keys, observer: Observer) -> None:
    """Give every machine its new keys, over connections that the former ones open.

    `observer` goes on with these: a login takes an emulated guest that was just loaded longer than
    all else that is asked of it. Whoever comes next is let in by the new keys alone.
    """
    timeout = RENEW_S * present.inventory.timing.pace

    def renew(machine: Machine) -> None:
        key = folder.host_keys / machine.name
        with Remote(machine) as reached:
            renew_keys(reached, present.public, key.read_text(), timeout)
            observer.remote(machine).take_over(reached)

    with ThreadPoolExecutor(len(observer.remotes)) as pool:
        list(pool.map(renew, former.inventory.machines))


def _set_passwords(present: _Keys, observer: Observer) -> None:
    if present.inventory.monitoring:
        monitor = observer.remote(present.inventory.monitor)
        set_passwords(monitor, observer.parts, present.secrets)


def begin_again(folder: LabFolder, step: Say) -> None:
    """Remove all that a warm start which failed or was killed has made; whose lab it is stays.

    Raises HalabError when some of it has to stay.
    """
    step("removing what was laid out")
    end_orphans(folder)
    PrivateHypervisor(folder).stop()
    # What says that a warm start has left it goes last: this may be killed too.
    for path in sorted(folder.path.iterdir(), key=lambda path: path == folder.warming):
        if path.is_dir():
            remove_folder(path)
        elif path.name != CLAIM:
            path.unlink()

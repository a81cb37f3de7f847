"""A lab's state with other keys is the one that the program declares with these keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest

from core.errors import HalabError
from core.files import write_file
from core.folders import LabFolder
from infra.backend import SECRET
from infra.engine import State
from infra.host_keys import HostKey, ensure_host_key
from infra.libvirt_lab import declare
from infra.planning import plan_inventory
from infra.rekeying import blob, exchanged_words, rekeyed, software_inputs
from infra.ssh_key import ensure_ssh_key
from inventory.record import LabRecord, save
from labs.addressing import machines
from labs.model import Lab
from parts.secrets import ensure_secrets, renewed
from tests.infra.conftest import Recorder


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    """The folder of a lab that is to be built."""
    made = LabFolder(tmp_path / "active-passive")
    ensure_ssh_key(made)
    write_file(made.definition, "")
    return made


@pytest.fixture
def record(record: LabRecord, lab: Lab, folder: LabFolder) -> LabRecord:
    """The record of a lab in that folder."""
    names = [plan.name for plan in machines(lab)]
    return record.model_copy(update={"pool": folder.pool}).of_machines(names)


def declared(lab: Lab, folder: LabFolder, record: LabRecord) -> State:
    """Return what Pulumi would keep of a lab with the folder's keys, its secrets in the clear."""
    save(folder.record, record)
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, preview=False)
    pulumi.runtime.test(lambda: declare(lab, folder))()  # type: ignore[no-untyped-call]
    resources: list[dict[str, Any]] = [
        {"urn": f"urn:pulumi:web::halab::{kind}::{name}", "inputs": dict(inputs)}
        for (kind, name), inputs in sorted(recorder.resources.items())
    ]
    for one in resources:
        # The provider's own code, which keys do not change, is said in another order each time.
        one["inputs"].pop("__provider", None)
        for key, value in one["inputs"].items():
            if isinstance(value, dict) and SECRET in value:
                mark = {SECRET: value[SECRET]}
                text = json.dumps(value["value"], sort_keys=True)
                one["inputs"][key] = {**mark, "plaintext": text}
        one["outputs"] = dict(one["inputs"])
    return State(version=3, deployment={"resources": resources})


def public_of(folder: LabFolder) -> str:
    return folder.ssh_key.with_suffix(".pub").read_text()


def host_keys_of(lab: Lab, folder: LabFolder) -> dict[str, HostKey]:
    return {plan.name: ensure_host_key(folder, plan.name) for plan in machines(lab)}


def test_a_preview_after_new_keys_finds_nothing_to_do(
    lab: Lab, folder: LabFolder, record: LabRecord
) -> None:
    old_key, old_secrets = public_of(folder), ensure_secrets(folder.secrets)
    old_host_keys = host_keys_of(lab, folder)
    built = declared(lab, folder, record)

    shutil.rmtree(folder.host_keys)
    folder.ssh_key.unlink()
    ensure_ssh_key(folder)
    secrets = renewed(old_secrets)
    write_file(folder.secrets, secrets.reveal())
    host_keys = host_keys_of(lab, folder)
    words = exchanged_words(record, (old_key, old_host_keys), (public_of(folder), host_keys))
    inventory = plan_inventory(lab, record, folder, host_keys)
    gone = (blob(old_key), old_secrets.zabbix_admin_password)
    inputs = software_inputs(folder, record, inventory, secrets)
    given = rekeyed(built, words, inputs, gone)

    wanted = declared(lab, folder, record)
    for one, other in zip(
        given.deployment["resources"], wanted.deployment["resources"], strict=True
    ):
        assert one == other
    assert given != built


def test_a_state_that_keeps_a_former_secret_is_refused(
    lab: Lab, folder: LabFolder, record: LabRecord
) -> None:
    secrets = ensure_secrets(folder.secrets)
    built = declared(lab, folder, record)

    with pytest.raises(HalabError, match="cannot be given other secrets"):
        rekeyed(built, {}, {}, (secrets.zabbix_admin_password,))
    with pytest.raises(HalabError, match="0 resources called software"):
        rekeyed(State(version=3, deployment={"resources": []}), {}, {}, ())


def test_what_only_machines_know_stays(folder: LabFolder) -> None:
    kept = ensure_secrets(folder.secrets)

    given = renewed(kept)

    changed = {
        name for name, value in given.model_dump().items() if value != kept.model_dump()[name]
    }
    assert changed == {"zabbix_admin_password"}

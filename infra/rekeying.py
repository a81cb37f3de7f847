"""Pulumi's state of a lab, with other secrets than those with which the lab was built.

What it says then is what the program declares with these secrets: a preview finds nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import HalabError
from core.folders import LabFolder
from infra.backend import SECRET
from infra.engine import State
from infra.host_keys import HostKey, volume_of
from infra.keeping import FILES, INVENTORY, SECRETS, SOFTWARE, kept_files
from inventory.model import Inventory
from inventory.record import LabRecord
from parts.secrets import Secrets
from provisioning.plan import digest


def blob(public: str) -> str:
    """Return the key itself of a public key's line: its second word."""
    return public.split()[1]


def exchanged_words(
    record: LabRecord,
    former: tuple[str, Mapping[str, HostKey]],
    present: tuple[str, Mapping[str, HostKey]],
) -> dict[str, str]:
    """Return which words in descriptions of machines and volumes stand for secrets, and for which.

    Each side is the line of the public key that machines let in, and their host keys by name.
    """
    (old_key, old_host_keys), (new_key, new_host_keys) = former, present
    return {blob(old_key): blob(new_key)} | {
        volume_of(record.mark, name, old_host_keys[name]): volume_of(record.mark, name, key)
        for name, key in new_host_keys.items()
    }


def software_inputs(
    folder: LabFolder, record: LabRecord, inventory: Inventory, secrets: Secrets
) -> dict[str, Any]:
    """Return those inputs of the software that follow from secrets, as infra.software words them.

    The lab's files must be those with the secrets.
    """
    return {
        INVENTORY: inventory.model_dump_json(),
        SECRETS: secrets.reveal(),
        FILES: kept_files(folder, record),
        "delivered": digest(inventory, secrets),
    }


def rekeyed(
    state: State, words: Mapping[str, str], inputs: Mapping[str, Any], gone: Iterable[str]
) -> State:
    """Return a state in which words are exchanged and the software has these inputs.

    Raises HalabError when something that must be `gone` is still in it, or there is no software.
    """
    text = json.dumps(state.deployment)
    for old, new in words.items():
        text = text.replace(old, new)
    deployment = json.loads(text)
    software = [
        one
        for one in deployment.get("resources", ())
        if str(one.get("urn", "")).endswith(f"::{SOFTWARE}")
    ]
    for side in (one.get(side, {}) for one in software for side in ("inputs", "outputs")):
        for name in side.keys() & inputs.keys():
            side[name] = _as(side[name], inputs[name])
    text = json.dumps(deployment)
    if not software or any(each in text for each in gone):
        raise HalabError(
            "the state that was kept of this lab cannot be given other secrets",
            detail=f"{len(software)} resources called {SOFTWARE} are in it; one is expected, and "
            "nothing of the secrets with which the lab was built",
        )
    return State(version=state.version, deployment=deployment)


def _as(held: Any, value: Any) -> Any:
    """Return a value as the state has the one in whose place it comes: a secret has a mark."""
    if isinstance(held, dict) and SECRET in held:
        return {SECRET: held[SECRET], "plaintext": json.dumps(value, sort_keys=True)}
    return value

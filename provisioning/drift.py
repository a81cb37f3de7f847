"""How machines differ from what they shall be, whoever changed them; nothing is changed here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from core.errors import CommandError, HalabError
from inventory.model import Inventory, Machine
from labs.roles import MachineRole
from machines.remote import Remote
from parts.all import Parts
from parts.facts import Facts
from parts.secrets import Secrets
from provisioning import cib
from provisioning.facts import look
from provisioning.files import differing_files
from provisioning.plan import Plan

CONNECT_TIMEOUT_S = 20.0
"""A machine of a lab in emulation that is busy answers within 10."""


def find_drift(inventory: Inventory, secrets: Secrets) -> dict[str, list[str]]:
    """Return what `apply` would change, by machine; nothing when all is as it shall be.

    A machine that does not answer, or that cannot be compared, differs. What Zabbix was told
    through its API is not asked for.
    """
    with ExitStack() as stack:
        remotes = {
            m.name: stack.enter_context(Remote(m, connect_timeout=CONNECT_TIMEOUT_S))
            for m in inventory.machines
        }
        pool = stack.enter_context(ThreadPoolExecutor(len(remotes)))
        parts = Parts(inventory)
        found: dict[str, Facts] = {}

        def find(machine: Machine) -> list[str]:
            found[machine.name] = look(parts, remotes[machine.name])
            return []

        drift = _everywhere(pool, inventory, find)
        if not drift:
            plan = Plan.of(parts, secrets, found)
            drift = _everywhere(
                pool, inventory, lambda machine: compare(plan, machine, remotes[machine.name])
            )
        return drift


def compare(plan: Plan, machine: Machine, remote: Remote) -> list[str]:
    """Return how one machine differs from its plan."""
    absent = plan.packages(machine)
    if absent:
        # The users that own files may be missing with their packages.
        return [f"no packages {' '.join(absent)}"]
    written = differing_files(remote, plan.files(machine))
    # What only travels is wanted where something is to be done with it.
    written |= {file.path for file in plan.delivery(machine)}
    steps = plan.steps(machine, written)
    steps += plan.membership(machine, written)
    if machine.role is MachineRole.NODE:
        steps += plan.admission(machine, written)
        steps += plan.start(machine)
        steps += plan.welcome(machine)
        steps += plan.report(machine, written)
        running = plan.found[machine].cib
        if running:
            steps += cib.steps(running, plan.parts)
    stops = ["the cluster has to start again"] if machine in plan.to_stop() else []
    return [*sorted(written), *stops, *(step.what for step in steps)]


def _everywhere(
    pool: ThreadPoolExecutor, inventory: Inventory, task: Callable[[Machine], list[str]]
) -> dict[str, list[str]]:
    def worded(machine: Machine) -> list[str]:
        try:
            return task(machine)
        except CommandError as error:
            return [f"cannot be compared: {error.stderr.strip()}"]
        except HalabError as error:
            return [error.message]

    answers = zip(inventory.machines, pool.map(worded, inventory.machines), strict=True)
    return {machine.name: said for machine, said in answers if said}

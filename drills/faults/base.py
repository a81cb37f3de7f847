"""What a fault is: a way to break something and a way to take exactly that back.

Healing is idempotent and takes back nothing else: it may run twice, after a crash in the middle of
the breaking, or on a machine that has forgotten the fault by a reboot.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.wait import retry
from drills.hands import Hand, Hands
from inventory.model import Inventory, Machine
from machines.remote import Remote, RemoteUnreachable

UNIT = "halab-fault"
"""Begins the name of everything that a fault leaves in a machine."""


@dataclass(frozen=True)
class Scene:
    """What a fault works on. `notes` are kept in the drill's journal: healing may read them.

    `began`: when it was begun, in seconds since 1970 on the lab's clock.
    """

    inventory: Inventory
    power: Hands
    targets: tuple[Machine, ...]
    notes: MutableMapping[str, str]
    began: float = 0.0

    @property
    def others(self) -> tuple[Machine, ...]:
        """The nodes that are not hit."""
        return tuple(node for node in self.inventory.nodes if node not in self.targets)


Action = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A fault and its undo.

    `proof` returns what shows that the fault is there, and nothing when it is not: a fault that
    nobody may notice could as well never have happened. `needs` is what must be within reach from
    outside the machines.
    """

    inject: Action
    heal: Action
    proof: Callable[[Scene], str] | None = None
    needs: frozenset[Hand] = frozenset()


COMMAND_TIMEOUT_S = 180.0
"""A clean stop of the cluster takes 25 s in emulation, and much longer on a busy host."""


def run_on(
    machine: Machine, command: str, *, check: bool = True, timeout: float = COMMAND_TIMEOUT_S
) -> str:
    """Run shell text on a machine that is up; return what it printed."""
    with Remote(machine) as remote:
        return remote.run(command, check=check, timeout=timeout).stdout


def repair_on(scene: Scene, machine: Machine, command: str) -> None:
    """Run healing shell text on a machine as soon as it answers: a fenced one boots first.

    Raises WaitTimeout when it does not come back, CommandError when the command fails.
    """
    retry(
        lambda: run_on(machine, command),
        RemoteUnreachable,
        what=f"{machine.name} answers, so that it can be healed",
        timeout=scene.inventory.timing.boot_wait_s,
        hint=f"`./halab heal {scene.inventory.lab}` tries again",
    )


def on_targets(action: Callable[[Scene, Machine], None]) -> Action:
    """Do something on every target, side by side."""

    def act(scene: Scene) -> None:
        with ThreadPoolExecutor(len(scene.targets)) as pool:
            list(pool.map(lambda machine: action(scene, machine), scene.targets))

    return act


def commands(inject: str, heal: str, proof: str | None = None) -> Fault:
    """Return the fault that shell text on every target makes and takes back.

    The healing text must succeed on a healthy machine too. What `proof` prints is the proof.
    """
    return Fault(_telling(inject), _repairing(heal), None if proof is None else printed(proof))


def printed(command: str) -> Callable[[Scene], str]:
    """Return the proof that every target prints; nothing when one of them is silent.

    The text finds in `$began` when the fault began: an earlier one proves nothing.
    """

    def ask(scene: Scene) -> str:
        text = f"began=@{int(scene.began)}\n{command}"
        told = [run_on(machine, text, check=False).strip() for machine in scene.targets]
        return " | ".join(" ".join(text.split()) for text in told) if all(told) else ""

    return ask


def logged(options: str) -> str:
    """Return shell text for a proof: what a machine has logged since the fault began."""
    return f'journalctl {options} --quiet --no-pager --since "$began"'


def suicidal(inject: str, heal: str = "true", needs: frozenset[Hand] = frozenset()) -> Fault:
    """Return the fault by shell text that takes its own machine down, which mostly heals it.

    The text runs a moment later and by itself: the connection that ordered it would wait for an
    answer that never comes.
    """
    later = "systemd-run --quiet --collect --on-active=300ms --timer-property=AccuracySec=10ms"
    told = _telling(f"{later} sh -c {shlex.quote(inject)}")
    return Fault(inject=told, heal=_repairing(heal), needs=needs)


def _telling(command: str) -> Action:
    def tell(_: Scene, machine: Machine) -> None:
        run_on(machine, command)

    return on_targets(tell)


def _repairing(command: str) -> Action:
    return on_targets(lambda scene, machine: repair_on(scene, machine, command))

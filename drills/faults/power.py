"""Faults of whole machines, through the hypervisor: power, reset, and time that stands still."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from core.errors import HalabError
from drills.faults.base import Fault, Scene, on_targets, repair_on, suicidal
from drills.hands import Hand
from inventory.model import Machine


def off() -> Fault:
    """Take the power away; give it back to heal."""
    return Fault(
        inject=on_targets(lambda scene, machine: scene.power.cut(machine.name)),
        heal=on_targets(lambda scene, machine: scene.power.start(machine.name)),
        needs=frozenset({Hand.POWER}),
    )


def blackout() -> Fault:
    """Take the power from all nodes in the same second; give it back to one after the other.

    All of them come within half of dc-deadtime: nodes that miss each other fence each other. So to
    give one its power must not wait until it is known to run.
    """

    def cut(scene: Scene) -> None:
        # One after the other, on a busy host, the last would have fenced the first.
        with ThreadPoolExecutor(len(scene.targets)) as pool:
            list(pool.map(scene.power.cut, (machine.name for machine in scene.targets)))

    def start(scene: Scene) -> None:
        first, *others = scene.targets
        stagger = scene.inventory.timing.dc_deadtime_s / 2 / max(1, len(others))
        scene.power.start(first.name)
        for machine in others:
            time.sleep(stagger)
            scene.power.start(machine.name)

    return Fault(inject=cut, heal=start, needs=frozenset({Hand.POWER}))


def reset() -> Fault:
    """Press the reset button. The machine heals itself by booting."""
    return Fault(
        inject=on_targets(lambda scene, machine: scene.power.reset(machine.name)),
        heal=on_targets(lambda scene, machine: repair_on(scene, machine, "true")),
        needs=frozenset({Hand.RESET}),
    )


def panic() -> Fault:
    """Crash the kernel, which then stands still until the watchdog bites."""
    command = "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger"
    return suicidal(command, needs=frozenset({Hand.WATCHDOG}))


def freeze() -> Fault:
    """Stop the machine's processors; let them go on to heal, as if nothing had happened."""
    return Fault(
        inject=on_targets(lambda scene, machine: scene.power.suspend(machine.name)),
        heal=on_targets(lambda scene, machine: scene.power.resume(machine.name)),
        needs=frozenset({Hand.SUSPEND}),
    )


def stall() -> Fault:
    """Stop the machine's processors for a moment that is shorter than anybody's patience.

    Raises HalabError when this host was too slow to end it in time: nothing was proved then.
    """

    def act(scene: Scene, machine: Machine) -> None:
        timing = scene.inventory.timing
        asked = time.monotonic()
        scene.power.suspend(machine.name)
        stopped = time.monotonic()
        try:
            # It stood still before the answer came, and goes on before the next one comes.
            time.sleep(max(0.0, timing.hiccup_s - (stopped - asked)))
        finally:
            scene.power.resume(machine.name)
        stood_s = time.monotonic() - stopped
        if 1000 * stood_s >= timing.token_ms:
            raise HalabError(
                f"{machine.name} stood still for up to {stood_s:.1f} s, longer than the token "
                f"({timing.token_ms} ms): this host is too busy for a moment that short",
                hint="run the drill on a quieter host, or give the lab a longer timing.token_ms",
            )

    return Fault(
        inject=on_targets(act),
        heal=on_targets(lambda scene, machine: scene.power.resume(machine.name)),
        needs=frozenset({Hand.SUSPEND}),
    )

"""Too much work for a machine: processors busy, memory gone."""

from __future__ import annotations

from drills.faults.base import UNIT, Fault, commands

BUSY_LOOPS = 4


def processors_busy() -> Fault:
    """Run loops at the highest priority that is not real-time."""
    loops = " & ".join(["while :; do :; done"] * BUSY_LOOPS)
    return _unit("cpu", "--nice=-20 --property=CPUWeight=10000", f"sh -c '{loops} & wait'")


def memory_gone() -> Fault:
    """Let a process take memory until the kernel kills the largest, which is this one."""
    # Multiplied, because pages of zeros that nobody has touched take no memory.
    program = 'held = []\nwhile True: held.append(bytearray(b"x") * (16 << 20))'
    return _unit(
        "memory",
        # Killed without its cluster: the kernel's choice shall not depend on luck.
        "--property=OOMScoreAdjust=900 --property=OOMPolicy=continue",
        f"python3 -c '{program}'",
    )


def _unit(name: str, options: str, command: str) -> Fault:
    unit = f"{UNIT}-{name}"
    return commands(
        f"systemd-run --quiet --collect --unit {unit} {options} -- {command}",
        f"systemctl stop {unit}.service 2>/dev/null || :",
    )

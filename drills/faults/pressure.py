"""Too much work for a machine: processors busy, memory gone."""

from __future__ import annotations

from drills.faults.base import UNIT, Fault, commands, logged

LOOPS_A_PROCESSOR = 4

_RUNS = f"systemctl is-active {UNIT}-cpu && cut -d ' ' -f 1-3 /proc/loadavg"


def processors_busy() -> Fault:
    """Run loops that get ten times as much of the processors as any other service.

    With a hundred times as much (the greatest weight) nothing but real-time processes runs: agents
    exceed every timeout, and rightly so.
    """
    count = f"$(({LOOPS_A_PROCESSOR} * $(nproc)))"
    loops = f"for _ in $(seq {count}); do while :; do :; done & done; wait"
    return _unit("cpu", "--property=CPUWeight=1000", f"sh -c '{loops}'", _RUNS)


def memory_gone() -> Fault:
    """Let a process take memory until the kernel kills the largest, which is this one."""
    # Multiplied, because pages of zeros that nobody has touched take no memory.
    program = 'held = []\nwhile True: held.append(bytearray(b"x") * (16 << 20))'
    return _unit(
        "memory",
        # Killed without its cluster: the kernel's choice shall not depend on luck.
        "--property=OOMScoreAdjust=900 --property=OOMPolicy=continue",
        f"python3 -c '{program}'",
        f"{logged('--dmesg')} | grep 'Out of memory' | tail -n 1",
    )


def _unit(name: str, options: str, command: str, proof: str) -> Fault:
    unit = f"{UNIT}-{name}"
    return commands(
        f"systemd-run --quiet --collect --unit {unit} {options} -- {command}",
        f"systemctl stop {unit}.service 2>/dev/null || :",
        proof,
    )

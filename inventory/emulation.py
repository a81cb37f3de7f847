"""How guests are kept fast where their processor is emulated; on KVM nothing of this is done.

Measured with QEMU 10.0 (TCG) and Debian 13's kernel, best of several boots each: 100 forks of
/bin/true took 1.24 s with all that QEMU can emulate, 0.96 s without the first two features, and
0.84 s without any of these.
"""

_ARGUMENTS = ("mitigations=off", "nokaslr")
"""Kernel arguments that would weaken a guest which runs real workloads on a real processor."""

FEATURES_LEFT_OUT = ("erms", "fsrm", "la57", "smap", "smep", "umip", "pku", "mpx")
"""Features of the processor, as libvirt and QEMU call them, that cost more than they bring.

With the first two a kernel copies and clears memory byte by byte (`rep movsb`), as a real processor
does that fastest: an emulated one takes a step for each byte. A fifth level of page tables makes
each miss longer, and the others guard what an emulated guest has not to guard.
"""


def arguments(accelerated: bool) -> tuple[str, ...]:
    """Return the kernel arguments that a guest gets besides its own."""
    return () if accelerated else _ARGUMENTS


def features_left_out(accelerated: bool) -> tuple[str, ...]:
    """Return the features that a guest's processor is offered without."""
    return () if accelerated else FEATURES_LEFT_OUT

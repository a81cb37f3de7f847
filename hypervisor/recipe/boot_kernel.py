#!/usr/bin/python3
"""Goes on into the kernel that this guest's disk names, where a boot began with another one.

A hypervisor gives the guest its kernel from outside of the disk, as it was when the guest was new.
Debian keeps two links up to date for a boot loader, /vmlinuz and /initrd.img: this is one, early in
a boot, when hardly anything has been written yet (kexec_file_load(2), reboot(2)). A boot of its own
has a word more on its command line, so that it begins no other one.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

KERNEL, INITRD = Path("/vmlinuz"), Path("/initrd.img")
MARK = "halab.kexec"
"""The word; the unit that starts this looks for it too."""

KEXEC_FILE_LOAD = 320
"""The system call's number on x86-64 (asm/unistd_64.h)."""

REBOOT_KEXEC = 0x45584543
"""LINUX_REBOOT_CMD_KEXEC (linux/reboot.h)."""


def load(line: bytes) -> None:
    """Put the kernel and its initrd where a reboot will find them; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = line + b"\0"
    with KERNEL.open("rb") as kernel, INITRD.open("rb") as initrd:
        files = (ctypes.c_int(kernel.fileno()), ctypes.c_int(initrd.fileno()))
        length = ctypes.c_ulong(len(words))
        if libc.syscall(KEXEC_FILE_LOAD, *files, length, words, ctypes.c_ulong(0)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(KERNEL))


def main() -> None:
    """Boot it; with an error message the boot goes on as it was."""
    print(f"halab: from {os.uname().release} to {KERNEL.readlink()}", flush=True)
    line = Path("/proc/cmdline").read_bytes().rstrip(b"\n")
    load(line + f" {MARK}".encode())
    # What is not on the disk by then, its journal brings back, as after a loss of power.
    os.sync()
    ctypes.CDLL(None).reboot(REBOOT_KEXEC)
    sys.exit("halab: the kernel did not take the other one's place")


if __name__ == "__main__":
    main()

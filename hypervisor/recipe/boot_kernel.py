#!/usr/bin/python3
"""Goes on into the kernel that this guest's disk names, where a boot began with another one.

A hypervisor gives the guest its kernel from outside of the disk, as it was when the guest was new.
Debian keeps two links up to date for a boot loader, /vmlinuz and /initrd.img: this is one, early in
a boot, when hardly anything has been written yet (kexec_file_load(2), reboot(2)). A boot of its own
has a word more on its command line, so that it begins no other one.

A kernel that panics while it boots starts the machine again, and what was tried last time and did
not come up is not tried again at once: without a boot loader's menu nobody could choose another. A
boot that comes up takes the note of that away, and a panic is again what the machine's owner says.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

KERNEL, INITRD = Path("/vmlinuz"), Path("/initrd.img")

TRIED = Path("/var/lib/halab/kernel-tried")
"""Names the kernel that is being tried."""

MARK = "halab.kexec"
"""The word; the unit that starts this looks for it too."""

PANIC = "panic=10"
"""Seconds in which a console can be read (kernel-parameters.txt)."""

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


def is_tried() -> bool:
    """Tell whether this kernel was tried and did not come up; note that it is tried now.

    On a full disk it is tried without a note.
    """
    name = str(KERNEL.readlink())
    if TRIED.exists() and TRIED.read_text() == name:
        return True
    with suppress(OSError):
        TRIED.parent.mkdir(parents=True, exist_ok=True)
        TRIED.write_text(name)
    return False


def main() -> None:
    """Boot it; with an error message the boot goes on as it was."""
    if is_tried():
        sys.exit(f"halab: {KERNEL.readlink()} did not come up; {os.uname().release} goes on")
    print(f"halab: from {os.uname().release} to {KERNEL.readlink()}", flush=True)
    line = Path("/proc/cmdline").read_bytes().rstrip(b"\n")
    load(line + f" {MARK} {PANIC}".encode())
    # What is not on the disk by then, its journal brings back, as after a loss of power.
    os.sync()
    ctypes.CDLL(None).reboot(REBOOT_KEXEC)
    sys.exit("halab: the kernel did not take the other one's place")


if __name__ == "__main__":
    main()

"""Replicated disks as the kernel sees them: /proc/drbd of DRBD 8.4."""

from __future__ import annotations

from wire.record import Record

KERNEL_FILE = "/proc/drbd"


class Device(Record):
    """A replicated disk as one node's kernel sees it, in DRBD's words; `out_of_sync` is in KiB.

    Of a device that is not configured nothing but that is known.
    """

    connection: str
    role: str = ""
    disk: str = ""
    peer_disk: str = ""
    out_of_sync: int = 0

    @property
    def is_configured(self) -> bool:
        """Whether there is more to say than that the device exists."""
        return bool(self.role and self.disk)


def parse_devices(text: str) -> dict[int, Device]:
    """Read KERNEL_FILE: all devices by minor number; nothing when the module is not there."""
    devices: dict[int, dict[str, str]] = {}
    # The first lines tell the module's version.
    fields: dict[str, str] = {}
    for words in map(str.split, text.splitlines()):
        if words and words[0][-1] == ":" and words[0][:-1].isdigit():
            fields = devices[int(words[0][:-1])] = {}
        # A device's last lines tell how far a resync is, in words that are no key here.
        pairs = (word.partition(":") for word in words)
        fields.update((key, value) for key, _, value in pairs)
    return {minor: _device(found) for minor, found in devices.items()}


def _device(fields: dict[str, str]) -> Device:
    disk, _, peer_disk = fields.get("ds", "").partition("/")
    return Device(
        connection=fields.get("cs", ""),
        role=fields.get("ro", "").partition("/")[0],
        disk=disk,
        peer_disk=peer_disk,
        out_of_sync=int(fields.get("oos", "0")),
    )

"""Fence agents of packages, each behind one of halab's that describes it at once.

Pacemaker's fencer asks an agent what it can when a device is registered, waits for five seconds and
does nothing else meanwhile. fence_sbd takes two seconds of an emulated processor for it, fence_aws
six; on a busy host that is too long, pacemakerd kills the fencer, and the node resets itself.

A node that takes over has much else to do. In an emulated guest with a load of 13, fence_sbd took
22 to 32 s for one look at its disk, and 2.9 s in real time: so it fences.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from parts.host import NOTES, File, Step, render


@dataclass(frozen=True)
class FenceAgent:
    """An agent of a package, by its path, and halab's in front of it.

    With `stopped_is_fenced`, a node is fenced that the agent has stopped and could not start again.
    """

    packaged: str
    stopped_is_fenced: bool = False

    @property
    def path(self) -> str:
        """Where Pacemaker looks for halab's."""
        return str(PurePath(self.packaged).with_name(self._name))

    @property
    def type(self) -> str:
        """What a fencing device is in the cluster's configuration."""
        return f"stonith:{self._name}"

    def file(self) -> File:
        """Describe halab's."""
        name = PurePath(self.packaged).name
        text = render(
            "fence_agent.sh.j2",
            name=name,
            agent=self.packaged,
            kept=f"{NOTES}/{name}.xml",
            stopped_is_fenced=self.stopped_is_fenced,
        )
        return File(self.path, text, mode=0o755)

    def describe(self, written: frozenset[str]) -> tuple[Step, ...]:
        """Have it know its description before Pacemaker asks for it."""
        if self.path not in written:
            return ()
        return (Step("fencing agent described", f"{self.path} --action=metadata >/dev/null"),)

    @property
    def _name(self) -> str:
        return PurePath(self.packaged).name.replace("fence_", "fence_halab_", 1)

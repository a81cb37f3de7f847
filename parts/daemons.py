"""Daemons that systemd runs: a dead one comes back where it was, and what it left is ended first.

Corosync, Pacemaker and sbd are left as they are: the cluster decides about a node that lost one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parts.host import UNITS, File, render


@dataclass(frozen=True)
class Daemon:
    """A unit, and in systemd's words after which ends it is started again."""

    unit: str
    restart: Literal["always", "on-failure"] = "always"

    @property
    def file(self) -> File:
        """What is added to the unit."""
        return File(
            f"{UNITS}/{self.unit}.d/halab-daemon.conf",
            render("daemon.conf.j2", restart=self.restart),
        )

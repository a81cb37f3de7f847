"""Pulumi's engine events as sentences."""

from __future__ import annotations

import re

from pulumi.automation import EngineEvent, OpType

from core.saying import Say

WORDS = {
    OpType.CREATE: "making",
    OpType.UPDATE: "changing",
    OpType.DELETE: "removing",
    OpType.REPLACE: "replacing",
    OpType.DELETE_REPLACED: "removing the old",
    OpType.CREATE_REPLACEMENT: "making the new",
}

KINDS = {
    "libvirt:index/network:Network": "network",
    "libvirt:index/volume:Volume": "disk",
    "libvirt:index/domain:Domain": "machine",
    "libvirt:index/pool:Pool": "storage pool",
    "pulumi-python:dynamic:Resource": "cluster",
}

COLOUR = re.compile(r"<\{%[^%]*%\}>")
"""Pulumi's colour marks in messages."""


class PulumiEvents:
    """Turns events into progress: which resource is being made, and what provisioning says."""

    def __init__(self, report: Say) -> None:
        self._report = report

    def __call__(self, event: EngineEvent) -> None:
        """Hear one event."""
        before, diagnostic = event.resource_pre_event, event.diagnostic_event
        if before and before.metadata.type in KINDS and before.metadata.op in WORDS:
            name = before.metadata.urn.rpartition("::")[2]
            self._report(f"{WORDS[before.metadata.op]} {KINDS[before.metadata.type]} {name}")
        elif diagnostic and diagnostic.severity in {"info", "info#err"}:
            for line in COLOUR.sub("", diagnostic.message).splitlines():
                if line.strip():
                    self._report(line.strip())

"""What fencing is besides a part: how soon a node that is lost is known to do nothing any more."""

from __future__ import annotations

from collections.abc import Iterator

from parts.base import Part
from parts.cluster import Clone, Primitive, Values, seconds
from parts.seen import Seen

CLONE = "fencing-everywhere"
PRIMITIVE = "fencing"
"""Ids in the cluster's configuration."""


class FencingPart(Part):
    """How the nodes of one lab fence each other."""

    @property
    def confirmed_s(self) -> float:
        """Seconds of a failover's budget from the question for a fencing until it is confirmed."""
        raise NotImplementedError

    @property
    def device(self) -> Primitive:
        """What fences, as a resource."""
        raise NotImplementedError

    def reasons(self, seen: Seen) -> Iterator[str]:
        """Tell which node could not fence anybody."""
        yield from seen.not_started(PRIMITIVE)

    def properties(self) -> Values:
        """Return what the cluster as a whole is told about fencing."""
        return {
            "stonith-enabled": "true",
            "stonith-timeout": seconds(self.timing.stonith_timeout_s),
        }

    def resources(self) -> tuple[Clone, ...]:
        """Return the fencing device, which every node can use against any of them.

        It requires nothing. Without quorum it would otherwise be stopped, and unregistered: whoever
        then gains quorum could fence nobody, and would wait for a fencing before it starts the
        device again.
        """
        return (Clone(CLONE, self.device, {"interleave": "true"}),)

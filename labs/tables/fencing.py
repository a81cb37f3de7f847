"""How a lost node is taken out: one class a kind of fencing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from labs import cloud_timing
from labs.conflicts import Conflict
from labs.means import FencingMeans
from labs.tables.base import Table
from labs.tables.timing import TimingTable
from labs.timing import PROFILES, Timeouts


class FencingTable(Table):
    """What every kind of fencing has. `kind` is its FencingMeans."""

    kind: FencingMeans

    def timeouts(self, chosen: Timeouts) -> dict[str, int]:
        """Return the timeouts that are other ones with this kind where nobody chose them."""
        return {}

    def conflicts(self, timing: TimingTable) -> Iterator[Conflict]:
        """Yield what of the timeouts that were chosen this kind cannot keep."""
        yield from ()


class Sbd(FencingTable):
    """[fencing] kind = "sbd": messages on a disk that all nodes share, a watchdog in each node."""

    title: ClassVar[str] = "SBD"

    kind: Literal["sbd"] = Field(
        description="a small disk that all nodes share, and a watchdog in each; it comes with the "
        "machines, on libvirt"
    )


class FenceAws(FencingTable):
    """[fencing] kind = "fence-aws": every node may have AWS stop another."""

    title: ClassVar[str] = "fence_aws"

    kind: Literal["fence-aws"] = Field(
        description="AWS stops a lost node's instance, as any other node asks it to; on AWS alone"
    )

    def timeouts(self, chosen: Timeouts) -> dict[str, int]:
        """Return the timeouts that follow from how long AWS takes."""
        return cloud_timing.timeouts(chosen)

    def conflicts(self, timing: TimingTable) -> Iterator[Conflict]:
        """Yield timeouts of a disk and a watchdog, and one that does not last until AWS is done."""
        for key in ("watchdog_s", "msgwait_s"):
            if key in timing.model_fields_set - PROFILES[timing.profile].keys():
                yield Conflict(
                    keys=(f"timing.{key}",),
                    value=str(getattr(timing, key)),
                    allowed="nothing on AWS",
                    hint="it is about a fencing disk and a watchdog, and instances have neither: "
                    "AWS itself stops a lost node; leave it out",
                )
        least = cloud_timing.least_stonith_timeout_s(timing)
        if "stonith_timeout_s" in timing.model_fields_set and timing.stonith_timeout_s < least:
            yield Conflict(
                keys=("timing.stonith_timeout_s",),
                value=str(timing.stonith_timeout_s),
                allowed=f"at least {least} on AWS",
                hint="AWS may take minutes to stop a node; without this key it is computed",
            )


AnyFencing = Annotated[Sbd | FenceAws, Field(discriminator="kind")]

USUAL: dict[FencingMeans, AnyFencing] = {
    "sbd": Sbd(kind="sbd"),
    "fence-aws": FenceAws(kind="fence-aws"),
}
"""What stands for a table that only says its kind."""

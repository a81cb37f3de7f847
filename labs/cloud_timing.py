"""How long AWS takes for what a cluster asks of it. Nothing here was measured.

`fence_aws` and `aws-vpc-move-ip` are those of Debian 13 (fence-agents and resource-agents 4.16).
"""

from __future__ import annotations

import math

from labs.timing import Timeouts

CALL_S = 2
"""One question to AWS by a program that has just started. With a stand-in for AWS on a loaded
machine it took 1 to 3."""

STOP_S = 60
"""Until an instance that is stopped by force counts as stopped. AWS names no time: it lets the
system shut down first, and waits for one that does not. Cluster vendors allow minutes."""

START_S = 20
"""Until an instance that was stopped counts as running, which it does before it has booted."""

MOST_LOOKS = 240
"""How often fence_aws looks whether an instance is off, and as often whether it is on, a second and
a call apart: its `power_timeout`, by the name of which it would be seconds. Cluster vendors advise
240; 60 is its default."""

REBOOT_TIMEOUT_S = 480
"""What Pacemaker lets fence_aws take to stop and start a node: twice those looks a second apart, as
cluster vendors advise."""

MOST_TRIES = 30
"""How often Pacemaker starts fence_aws again within that time. While an instance is being stopped
it is neither on nor off, and the agent then fails within a second. The ten attempts that Pacemaker
makes without a rest (stonith-max-attempts) so last about as long as MOST_LOOKS."""

SHOT_S = 1 + 3 * CALL_S
"""Until a node that fence_aws is to stop can fence nobody any more: the agent asks what state the
node is in, what state its own is in, and has it stopped. A second later AWS says so to the node,
whose own agent then leaves the other alone."""


def timeouts(chosen: Timeouts) -> dict[str, int]:
    """Return the timeouts that follow from AWS where nobody chose them."""
    return {"stonith_timeout_s": least_stonith_timeout_s(chosen), "shot_s": SHOT_S}


def least_stonith_timeout_s(chosen: Timeouts) -> int:
    """Return what leaves an attempt its time and a fifth, and a membership."""
    return math.ceil(1.2 * REBOOT_TIMEOUT_S + chosen.death_s)

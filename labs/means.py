"""By which means a cluster does what depends on where its machines run.

A platform's table names what it has, and there is a part for each in `parts.fencing` or in
`parts.addresses`.
"""

from __future__ import annotations

from typing import Literal

FencingMeans = Literal["sbd", "fence-aws"]
"""How a lost node is taken out: by a disk that nodes share and a watchdog in each, or by AWS."""

QuorumMeans = Literal["device", "majority", "two-node"]
"""Who decides which part of a divided cluster goes on: a vote more from a quorum device, the nodes'
own majority, or either of two nodes, the one that fences first."""

AddressMeans = Literal["announced", "routed"]
"""How clients find a floating address: who has it answers when its network asks (ARP), or a route
of the cloud leads to who has it."""

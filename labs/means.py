"""By which means a cluster does what depends on where its machines run.

A platform's table names what it has, and there is a part for each in `parts.fencing` or in
`parts.addresses`.
"""

from __future__ import annotations

from typing import Literal

FencingMeans = Literal["sbd", "fence-aws"]
"""How a lost node is taken out: by a disk that nodes share and a watchdog in each, or by AWS."""

AddressMeans = Literal["announced", "routed"]
"""How clients find a floating address: who has it answers when its network asks (ARP), or a route
of the cloud leads to who has it."""

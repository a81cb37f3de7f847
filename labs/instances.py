"""What AWS rents: the regions and instance types that halab knows, their limits and prices.

Limits are those of DescribeInstanceTypes as moto 5.2.5 has copied them. Prices are in US dollars,
because that is what AWS publishes and bills: on demand, Linux, without tax, traffic and the credits
that burstable types may use up. They were typed in from lists of third parties and not compared
with AWS's own: an estimate, not a bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from core.sizes import MIB_PER_GIB

PRICES_OF = "2026-11-26"
"""The day on which the prices were written down."""

Region = Literal["eu-central-1", "us-east-1"]

HOURS_A_MONTH = 730
"""What AWS divides a month's price of storage by."""

MIN_IO2_GIB = 4
"""The smallest io2 volume (CreateVolume)."""
SHARED_IOPS = 100
"""Operations a second of a shared disk: the fewest that an io2 volume may have."""
ROOT_GIB = 8
"""Size of a system disk: that of Debian's images."""


@dataclass(frozen=True)
class InstanceType:
    """One kind of machine: how many network interfaces it takes, USD an hour by region."""

    interfaces: int
    cpus: int
    memory_mib: int
    usd_per_hour: dict[str, float]


def _type(
    interfaces: int, cpus: int, memory_gib: int, eu_central_1: float, us_east_1: float
) -> InstanceType:
    prices = {"eu-central-1": eu_central_1, "us-east-1": us_east_1}
    return InstanceType(interfaces, cpus, memory_gib * MIB_PER_GIB, prices)


TYPES: dict[str, InstanceType] = {
    "t3.small": _type(3, 2, 2, 0.024, 0.0208),
    "t3.medium": _type(3, 2, 4, 0.048, 0.0416),
    "t3.large": _type(3, 2, 8, 0.096, 0.0832),
    "t3.xlarge": _type(4, 4, 16, 0.192, 0.1664),
    "m6i.large": _type(3, 2, 8, 0.115, 0.096),
    "m6i.xlarge": _type(4, 4, 16, 0.23, 0.192),
    "c6i.xlarge": _type(4, 4, 8, 0.194, 0.17),
}
"""Built on Nitro, which a disk that several instances share needs, and of x86-64."""


@dataclass(frozen=True)
class DiskPrices:
    """USD a month: of a GiB of gp3, of a GiB of io2 and of one operation a second of it."""

    gp3_gib: float
    io2_gib: float
    io2_iops: float


DISKS: dict[str, DiskPrices] = {
    "eu-central-1": DiskPrices(gp3_gib=0.0952, io2_gib=0.149, io2_iops=0.078),
    "us-east-1": DiskPrices(gp3_gib=0.08, io2_gib=0.125, io2_iops=0.065),
}
ADDRESS_USD_PER_HOUR = 0.005
"""A public IPv4 address, in use or not, in every region."""


@dataclass(frozen=True)
class Estimate:
    """What a lab costs while it exists, in USD an hour.

    `machines` are what each of them costs besides while it runs, `standing` what disks and
    addresses cost also when all are off.
    """

    machines: Mapping[str, float]
    standing: float

    @property
    def usd_per_hour(self) -> float:
        """What it costs while all machines run."""
        return self.while_running(self.machines)

    @property
    def usd_per_day(self) -> float:
        """The same for 24 hours."""
        return 24 * self.usd_per_hour

    def while_running(self, machines: Iterable[str]) -> float:
        """Return what it costs while these machines run and no others, in USD an hour."""
        return self.standing + sum(self.machines[name] for name in machines)

    def __str__(self) -> str:
        rest = f"list prices of {PRICES_OF}, without tax and traffic"
        return f"{rate(self.usd_per_hour)} ({rest})"


def rate(usd_per_hour: float) -> str:
    """Return what something costs in words, by the hour and by the day."""
    return f"about {usd_per_hour:.2f} USD an hour, {24 * usd_per_hour:.2f} USD a day"


def gib(size_mib: int, least: int = 1) -> int:
    """Return the size that a disk of so many MiB has on AWS, which counts in GiB."""
    return max(least, ceil(size_mib / MIB_PER_GIB))


def estimate(
    region: str,
    types: Mapping[str, str],
    gp3_gib: int,
    shared_gib: Iterable[int],
    addresses: int,
) -> Estimate:
    """Add up what machines, by name and type, disks in GiB and public addresses cost."""
    disks, shared = DISKS[region], tuple(shared_gib)
    monthly = gp3_gib * disks.gp3_gib + sum(shared) * disks.io2_gib
    monthly += len(shared) * SHARED_IOPS * disks.io2_iops
    return Estimate(
        {name: TYPES[each].usd_per_hour[region] for name, each in types.items()},
        monthly / HOURS_A_MONTH + addresses * ADDRESS_USD_PER_HOUR,
    )

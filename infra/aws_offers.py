"""What AWS rents where: not every zone has every type of machine."""

from __future__ import annotations

from collections import defaultdict

from core.errors import HalabError
from infra.aws_objects import Asked
from labs.addressing import machines
from labs.model import Lab
from labs.tables.aws import Aws


def check_offered(account: Asked, lab: Lab) -> None:
    """Ask AWS whether it has each machine's type in the zone where that stands.

    Raises HalabError with those that it has not, and the zones where all are; like `Account.ask`
    where AWS does not answer.
    """
    wanted = _wanted(lab)
    types = sorted({kind for kind, _ in wanted})
    offered = {
        (each["InstanceType"], each["Location"])
        for each in account.every(
            "ec2",
            "describe_instance_type_offerings",
            "InstanceTypeOfferings[]",
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": types}],
        )
    }
    missing = [each for each in wanted if each not in offered]
    if not missing:
        return
    zones = sorted({zone for _, zone in offered})
    whole = [zone for zone in zones if all((kind, zone) in offered for kind in types)]
    raise HalabError(
        f"AWS ({account.region}) does not rent lab {lab.name!r} its machines where they would "
        "stand; nothing was made",
        detail="\n".join(
            f"{zone} has no {kind}, as {' and '.join(wanted[kind, zone])} would be"
            for kind, zone in missing
        ),
        hint=f"zones that have {' and '.join(types)}: {', '.join(whole) or 'none'}; choose among "
        "them by `zones` in [platform], or other types",
    )


def _wanted(lab: Lab) -> dict[tuple[str, str], list[str]]:
    """Return the machines by their type and their zone."""
    assert isinstance(lab.platform, Aws)
    zones, found = lab.platform.zone_names(lab), defaultdict[tuple[str, str], list[str]](list)
    for plan in machines(lab):
        zone = zones[lab.platform.zone_number(plan.number, lab)]
        found[lab.platform.instance_type(plan.role), zone].append(plan.name)
    return dict(found)

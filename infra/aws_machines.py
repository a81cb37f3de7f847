"""A lab's machines on AWS from outside: whether they run, their power, their cables, their disks.

Everything is found by the lab's mark, so nothing of anybody else's is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from core.errors import HalabError
from core.wait import wait_until
from infra.aws_objects import NAME, Asked
from infra.aws_tags import MARK, UNTIL, ending, name_of

RUNNING, STOPPED = "running", "stopped"
"""What AWS calls them (DescribeInstances, InstanceState)."""
OFF = (STOPPED, "stopping")
"""One that is being stopped will be off, in a minute or more."""
GONE = ("terminated", "shutting-down")

DETACHED = "detached"
LEAVING = ("detaching", DETACHED)
"""What AWS calls volumes that a machine has no more (VolumeAttachment, State)."""

PATIENCE_S = 600
"""Seconds until AWS has started or stopped an instance: a minute as a rule, more when it hangs."""
INTERVAL_S = 2.0


class AwsMachines:
    """The instances of one lab, by the names of their machines."""

    def __init__(self, account: Asked, lab: str, mark: str) -> None:
        self._account, self._lab, self._mark = account, lab, mark

    def states(self) -> dict[str, str]:
        """Return the state of each machine that there is; raises like `Account.ask`."""
        return {name: each["State"]["Name"] for name, each in self._instances().items()}

    def running(self) -> list[str]:
        """Return the machines that run; raises like `Account.ask`."""
        return [name for name, state in self.states().items() if state == RUNNING]

    def is_on(self, machine: str) -> bool:
        """Tell whether a machine has power; one that is being stopped may have."""
        return bool(self.instance(machine)["State"]["Name"] != STOPPED)

    def cut(self, machine: str) -> None:
        """Take the power away, without a shutdown of the system; AWS does it in its own time."""
        self._ask_of(machine, "stop_instances", Force=True, SkipOsShutdown=True)

    def begin(self, *machines: str) -> None:
        """Have AWS start machines that are off, which takes it a while.

        One that is being stopped can be started once it is off. Another may be faster: fencing
        starts what it stopped.
        """
        self._await(machines, RUNNING, STOPPED)
        for name in machines:
            if not self.is_on(name):
                self._ask_of(name, "start_instances")

    def start(self, *machines: str) -> None:
        """The same, and wait until they run."""
        self.begin(*machines)
        self._await(machines, RUNNING)

    def end_at(self, until: datetime) -> None:
        """Have all machines that there are switch themselves off then; those that are off as well.

        Raises like `Account.ask`.
        """
        ids = [each["InstanceId"] for each in self._instances().values()]
        tags = [{"Key": key, "Value": value} for key, value in ending(until).items()]
        if ids:
            self._account.ask("ec2", "create_tags", Resources=ids, Tags=tags)

    def end(self) -> datetime | None:
        """Return when the last of the machines switches itself off; None when one never does."""
        told = [_tag(each, UNTIL) for each in self._instances().values()]
        return max(map(datetime.fromisoformat, told)) if told and all(told) else None

    def starts(self) -> dict[str, tuple[str, float]]:
        """Return of each machine its state and when it was started last, in seconds since 1970."""
        return {
            name: (each["State"]["Name"], each["LaunchTime"].timestamp())
            for name, each in self._instances().items()
        }

    def volume(self, machine: str, name: str) -> Mapping[str, Any] | None:
        """Return the attachment of a volume, by the name of its disk; None where there is none."""
        names = {name_of(self._lab, name), name_of(self._lab, f"{machine}-{name}")}
        for volume, attachment in self._attachments(machine):
            if _tag(volume, NAME) in names and attachment["State"] not in LEAVING:
                return attachment
        return None

    def detach(self, machine: str, volume: str) -> None:
        """Tear a volume out of a machine, by the volume's id, whatever uses it there."""
        words = {"VolumeId": volume, "InstanceId": self._id(machine), "Force": True}
        self._account.ask("ec2", "detach_volume", **words)

    def attach(self, machine: str, volume: str, device: str) -> None:
        """Put a volume into a machine, where it was; one that is being torn out is waited for."""
        wait_until(
            lambda: [
                str(each["State"])
                for _, each in self._attachments(machine)
                if each["VolumeId"] == volume
            ],
            lambda states: all(state == DETACHED for state in states),
            what=f"AWS says that volume {volume} is out of {machine}",
            timeout=PATIENCE_S,
            interval=INTERVAL_S,
        )
        words = {"VolumeId": volume, "InstanceId": self._id(machine), "Device": device}
        self._account.ask("ec2", "attach_volume", **words)

    def instance(self, machine: str) -> Mapping[str, Any]:
        """Return what AWS says of a machine; raises HalabError when it is not there."""
        try:
            return self._instances()[machine]
        except KeyError as error:
            raise HalabError(
                f"{machine}: there is no instance {name_of(self._lab, machine)} that is this lab's "
                f"on AWS ({self._account.region})",
                hint="`./halab up LAB` makes it again",
            ) from error

    def _attachments(self, machine: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Yield the lab's volumes that a machine has, or had lately, each with how it has it."""
        instance = self._id(machine)
        ours = [{"Name": f"tag:{MARK}", "Values": [self._mark]}]
        for volume in self._account.every("ec2", "describe_volumes", "Volumes[]", Filters=ours):
            for attachment in volume.get("Attachments", ()):
                if attachment["InstanceId"] == instance:
                    yield volume, attachment

    def _instances(self) -> dict[str, Mapping[str, Any]]:
        ours = [{"Name": f"tag:{MARK}", "Values": [self._mark]}]
        found = self._account.every(
            "ec2", "describe_instances", "Reservations[].Instances[]", Filters=ours
        )
        prefix = name_of(self._lab, "")
        there = [each for each in found if each["State"]["Name"] not in GONE]
        return {_tag(each, NAME).removeprefix(prefix): each for each in there}

    def _ask_of(self, machine: str, operation: str, **words: Any) -> None:
        self._account.ask("ec2", operation, InstanceIds=[self._id(machine)], **words)

    def _id(self, machine: str) -> str:
        return str(self.instance(machine)["InstanceId"])

    def _await(self, machines: Iterable[str], *wanted: str) -> None:
        names = tuple(machines)
        wait_until(
            self.states,
            lambda states: all(states.get(name) in wanted for name in names),
            what=f"AWS says of {', '.join(names)}: {' or '.join(wanted)}",
            timeout=PATIENCE_S,
            interval=INTERVAL_S,
            hint="the EC2 console shows what the instance waits for; `./halab up LAB` goes on",
        )


def _tag(details: Mapping[str, Any], key: str) -> str:
    return next((tag["Value"] for tag in details.get("Tags", ()) if tag["Key"] == key), "")

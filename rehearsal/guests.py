"""Instances that are guests: moto keeps the books, and whether one runs the hypervisor says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import moto.ec2.models.instances as instances
from flask import request
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from rehearsal import mends
from rehearsal.books import TERMINATED
from rehearsal.machines import PENDING, RUNNING, STOPPED, STOPPING, Machines

CODES = {PENDING: 0, RUNNING: 16, TERMINATED: 48, STOPPING: 64, STOPPED: 80}
"""AWS's numbers of the states (API reference, InstanceState)."""


class Guest(mends.Instance):
    """An instance that asks for its state instead of remembering one."""

    __module__ = "moto.ec2.models"
    machines: ClassVar[Machines]
    gone = False

    @property
    def _state(self) -> Any:
        name = TERMINATED if self.gone else self.machines.state(self.id)
        return instances.InstanceState(name, CODES[name])

    @_state.setter
    def _state(self, value: Any) -> None:
        """Take no notice: moto writes what it would be without guests."""

    def start(self) -> Any:
        """Switch it on."""
        if self.state not in (STOPPED, RUNNING):
            raise EC2ClientError(
                "IncorrectInstanceState",
                f"The instance '{self.id}' is not in a state from which it can be started.",
            )
        before = super().start()
        self.machines.start(self.id)
        return before

    def stop(self) -> Any:
        """Switch it off; moto does not hand on whether by force."""
        before = super().stop()
        self.machines.stop(self.id, forced=request.form.get("Force") == "true")
        return before

    def reboot(self) -> None:
        """Let it begin anew."""
        super().reboot()
        self.machines.reset(self.id)

    def terminate(self) -> Any:
        """Give it up: it goes as soon as the books say so."""
        before = super().terminate()
        self.gone = True
        return before


def install(machines: Machines) -> None:
    """Let instances of this process be guests; to be called once, after `mends.mend`."""
    Guest.machines = machines
    instances.Instance = Guest
    EC2Response.get_console_output = _answer_console(machines)


def _answer_console(machines: Machines) -> Callable[[Any], Any]:
    def get_console_output(response: Any) -> Any:
        name = response.ec2_backend.get_instance(response._get_param("InstanceId")).id
        said = Base64EncodedString.from_raw_string(machines.console(name)[-CONSOLE_BYTES:])
        return ActionResult({"InstanceId": name, "Output": said})

    return get_console_output


CONSOLE_BYTES = 65536
"""AWS keeps the last 64 KiB of a console."""

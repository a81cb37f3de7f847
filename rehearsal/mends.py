"""What moto 5.2.5 lacks or does otherwise than AWS, where Pulumi's provider stumbles over it."""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from typing import Any

import moto.ec2.models.elastic_ip_addresses as elastic
import moto.ec2.models.instances as instances
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import request
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_network_interfaces import Attachment, NetworkInterface
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses import EC2Response

from rehearsal import multi_attach
from rehearsal.placement_groups import PlacementGroups
from rehearsal.wanted import PUBLIC

SHOWN_S = 30.0
"""How long an attachment that ended is still shown, in seconds: the provider waits to see it."""

OF_FIRST_INTERFACE = (
    *("private_ip", "private_ip_address", "private_dns_name"),
    *("public_ip", "public_ip_address", "public_dns_name"),
)


def mend() -> None:
    """Mend moto in this process; to be called before its first request."""
    # It looks the class up in its module, and makes one backend for each account and region.
    instances.Instance = Instance
    ec2_backends.backend = Backend
    NetworkInterface.attachment = property(_attachment)
    NetworkInterface.get_filter_value = _filter_value
    # What a rule is for is said of the network or of the group that it lets in.
    SecurityGroupRule.description = property(
        lambda rule: (rule.ip_range or rule.source_group).get("Description")
    )
    EC2Response.__bases__ += (PlacementGroups,)
    elastic.random_ip = _public_address
    multi_attach.mend()
    EC2Response.get_console_output = _console_output


class Instance(instances.Instance):  # type: ignore[misc]
    """One that knows since when it runs, and lets go of its interfaces when it is terminated."""

    # It finds out by the module's name which service answers.
    __module__ = "moto.ec2.models"

    def start(self) -> Any:
        """Begin to count anew when it was off: by this others see that it has been, afterwards."""
        before = super().start()
        if before.name != "running":
            self.launch_time = utcnow()
        return before

    def terminate(self) -> Any:
        """Let go of disks that others have as well, before, and of interfaces, after."""
        multi_attach.release(self)
        before = super().terminate()
        for interface in list(self.nics.values()):
            if interface.id in self.ec2_backend.enis:
                self.detach_eni(interface)
        return before


def _of_first_interface(name: str) -> property:
    """Let an instance without interfaces, which is a terminated one, have no address either."""

    def read(self: Any) -> Any:
        return getattr(super(Instance, self), name) if 0 in self.nics else None

    return property(read)


for _name in OF_FIRST_INTERFACE:
    setattr(Instance, _name, _of_first_interface(_name))


class Backend(EC2Backend):  # type: ignore[misc]
    """An account's EC2 in one region."""

    __module__ = "moto.ec2.models"

    def run_instances(self, *args: Any, **kwargs: Any) -> Any:
        """Remember the placement group, without which the provider makes instances anew."""
        for nic in kwargs.get("nics", []):
            self._refuse_in_use(nic.get("NetworkInterfaceId"))
        made = super().run_instances(*args, **kwargs)
        for each in made.instances:
            each.placement.group_name = request.form.get("Placement.GroupName", "")
        return made

    def attach_network_interface(self, eni_id: str, *args: Any, **kwargs: Any) -> Any:
        """Refuse an interface that is in an instance already."""
        self._refuse_in_use(eni_id)
        return super().attach_network_interface(eni_id, *args, **kwargs)

    def attach_volume(self, volume_id: str, instance_id: str, *args: Any, **kwargs: Any) -> Any:
        """Attach a volume, to several instances if it may be."""
        volume = self.get_volume(volume_id)
        multi_attach.refuse_in_use(volume)
        made = super().attach_volume(volume_id, instance_id, *args, **kwargs)
        multi_attach.places(volume)[instance_id] = made
        return made

    def detach_volume(
        self, volume_id: str, instance_id: str | None, *args: Any, **kwargs: Any
    ) -> Any:
        """Detach a volume from the instance that is named, or the only one that has it."""
        volume = self.get_volume(volume_id)
        multi_attach.choose(volume, instance_id)
        whence = instance_id or next(iter(multi_attach.places(volume)), "")
        gone = super().detach_volume(volume_id, whence, *args, **kwargs)
        multi_attach.places(volume).pop(gone.instance.id, None)
        multi_attach.choose(volume)
        return gone

    def _refuse_in_use(self, eni_id: str | None) -> None:
        if eni_id and self.get_network_interface(eni_id).instance:
            raise EC2ClientError("InvalidNetworkInterface.InUse", f"Interface: [{eni_id}] in use.")

    def detach_network_interface(self, attachment_id: str, *args: Any, **kwargs: Any) -> None:
        """Show the attachment as detached for a while: else the provider waits for minutes."""
        ended = {
            each: each.attachment
            for each in self.enis.values()
            if each.attachment_id == attachment_id
        }
        super().detach_network_interface(attachment_id, *args, **kwargs)
        for interface, attachment in ended.items():
            attachment.status = "detached"
            interface.ended, interface.shown_until = attachment, time.monotonic() + SHOWN_S


def _attachment(interface: Any) -> Any:
    if interface.attachment_id:
        return Attachment(interface)
    shown = time.monotonic() < getattr(interface, "shown_until", 0)
    return interface.ended if shown else None


def _public_address() -> str:
    """Return an address that can be routed; moto's own are of the loopback."""
    return str(PUBLIC[secrets.randbelow(PUBLIC.num_addresses - 2) + 1])


_known_filter_value = NetworkInterface.get_filter_value


def _filter_value(interface: Any, name: str, method: str | None = None) -> Any:
    attachment = _attachment(interface)
    if name == "attachment.attachment-id" and attachment:
        return attachment.attachment_id
    return _known_filter_value(interface, name, method)


def _console_output(response: Any) -> Any:
    """Show what cloud-init prints of a machine that made its host keys; moto's shows none."""
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    if instance.id not in _host_keys:
        key = Ed25519PrivateKey.generate().public_key()
        text = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        _host_keys[instance.id] = text
    lines = ("KEYS-----", _host_keys[instance.id] + " root@machine", "KEYS-----")
    shown = "-----BEGIN SSH HOST KEY {}\n{}\n-----END SSH HOST KEY {}\n".format(*lines)
    output = b64encode(shown.encode()).decode()
    return ActionResult({"InstanceId": instance.id, "Output": output})


_host_keys: dict[str, str] = {}
"""Of instances, by their ids."""

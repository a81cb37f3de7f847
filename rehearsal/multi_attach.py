"""Volumes that several instances have: moto 5.2.5 remembers one of them alone."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_block_store import Volume

_known_filter_value = Volume.get_filter_value


def mend() -> None:
    """Let volumes show all instances that they are attached to."""
    Volume.attachments = property(lambda volume: list(places(volume).values()))
    Volume.get_filter_value = _filter_value


def places(volume: Any) -> dict[str, Any]:
    """Return a volume's attachments by the instances' ids; what is changed here is remembered."""
    found: dict[str, Any] = volume.__dict__.setdefault("attached_to", {})
    return found


def refuse_in_use(volume: Any) -> None:
    """Refuse a volume that one instance has and no other may have as well."""
    if places(volume) and not volume.multi_attach_enabled:
        raise EC2ClientError("VolumeInUse", f"{volume.id} is already attached to an instance")


def choose(volume: Any, instance_id: str | None = None) -> None:
    """Let moto see one attachment: that to an instance, or any."""
    first = next(iter(places(volume).values()), None)
    volume.attachment = places(volume).get(instance_id, first) if instance_id else first


def release(instance: Any) -> None:
    """Detach what others have as well, which moto would take from the wrong one."""
    for device, block in list(instance.block_device_mapping.items()):
        volume = instance.ec2_backend.get_volume(block.volume_id)
        if volume.multi_attach_enabled:
            places(volume).pop(instance.id, None)
            choose(volume)
            del instance.block_device_mapping[device]


def _filter_value(volume: Any, name: str, method: str | None = None) -> Any:
    if name == "attachment.instance-id" and places(volume):
        return list(places(volume))
    return _known_filter_value(volume, name, method)

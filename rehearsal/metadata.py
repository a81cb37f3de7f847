"""The metadata service at 169.254.169.254: an instance learns who it is.

Who asks is known by the address that asks. As instances of halab's labs have to, all have to show
a token (IMDSv2).
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, request

from rehearsal.roles import keys, role_of

TOKEN_HEADER = "X-aws-ec2-metadata-token"
Tree = Mapping[str, Any]


def service(find: Callable[[str], Any]) -> Flask:
    """Return the service; `find` knows the instance with an address, None where there is none."""
    app = Flask("metadata")
    tokens: set[str] = set()

    def token() -> Response:
        made = secrets.token_urlsafe(32)
        tokens.add(made)
        kept_s = request.headers.get(f"{TOKEN_HEADER}-ttl-seconds", "21600")
        return Response(made, headers={f"{TOKEN_HEADER}-ttl-seconds": kept_s})

    def answer(version: str, path: str) -> Response:
        if request.headers.get(TOKEN_HEADER) not in tokens:
            return Response(status=401)
        instance = find(request.remote_addr or "")
        found = look_up(_tree(instance), path) if instance else None
        return Response(status=404) if found is None else Response(found, mimetype="text/plain")

    app.add_url_rule("/latest/api/token", view_func=token, methods=["PUT"])
    app.add_url_rule("/<version>/<path:path>", view_func=answer)
    return app


def look_up(tree: Tree, path: str) -> str | bytes | None:
    """Return what stands at a path; of a folder, what is in it, one name a line."""
    found: Any = tree
    for word in filter(None, path.split("/")):
        if not isinstance(found, Mapping) or word not in found:
            return None
        found = found[word]
    if not isinstance(found, Mapping):
        told: str | bytes = found() if callable(found) else found
        return told
    return "\n".join(
        f"{name}/" if isinstance(value, Mapping) else name for name, value in found.items()
    )


def _tree(instance: Any) -> Tree:
    document = {
        "instanceId": instance.id,
        "imageId": instance.image_id,
        "instanceType": instance.instance_type,
        "region": instance.region_name,
        "availabilityZone": instance.placement.zone,
        "accountId": instance.owner_id,
        "privateIp": instance.private_ip,
        "architecture": instance.architecture,
    }
    tree: dict[str, Any] = {
        "meta-data": _meta_data(instance),
        "dynamic": {"instance-identity": {"document": json.dumps(document)}},
    }
    if instance.user_data:
        tree["user-data"] = base64.b64decode(str(instance.user_data))
    return tree


def _meta_data(instance: Any) -> dict[str, Any]:
    first = instance.nics[0]
    tree: dict[str, Any] = {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.ami_launch_index),
        "hostname": instance.private_dns_name,
        "instance-id": instance.id,
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": first.private_ip_address,
        "mac": first.mac_address,
        "placement": {
            "availability-zone": instance.placement.zone,
            "region": instance.region_name,
        },
        "network": {
            "interfaces": {
                "macs": {each.mac_address: _interface(each) for each in instance.nics.values()}
            }
        },
    }
    if instance.metadata_options.instance_metadata_tags == "enabled":
        tree["tags"] = {"instance": {tag["key"]: tag["value"] for tag in instance.get_tags()}}
    if first.public_ip:
        tree["public-ipv4"] = first.public_ip
    if instance.key_name:
        key = instance.ec2_backend.key_pairs[instance.key_name].material_public
        text = key.decode() if isinstance(key, bytes) else key
        tree["public-keys"] = {f"0={instance.key_name}": "", "0": {"openssh-key": text}}
    role = role_of(instance)
    if role:
        tree["iam"] = {"security-credentials": {role.name: lambda: json.dumps(keys(role))}}
    return tree


def _interface(interface: Any) -> dict[str, str]:
    return {
        "device-number": str(interface.device_index),
        "interface-id": interface.id,
        "local-ipv4s": "\n".join(
            each["PrivateIpAddress"] for each in interface.private_ip_addresses
        ),
        "mac": interface.mac_address,
        "subnet-id": interface.subnet.id,
        "subnet-ipv4-cidr-block": interface.subnet.cidr_block,
        "vpc-id": interface.subnet.vpc_id,
    }

"""The rights of an instance: its role, and temporary keys that the server itself would take."""

from __future__ import annotations

from typing import Any

from moto.core.utils import utcnow
from moto.sts.models import sts_backends

LASTING_S = 6 * 3600
"""How long keys last; AWS's are new before they end."""

TIME = "%Y-%m-%dT%H:%M:%SZ"


def role_of(instance: Any) -> Any:
    """Return the role in an instance's profile; None for an instance without."""
    found = instance.ec2_backend.iam_instance_profile_associations.get(instance.id)
    roles = found.iam_instance_profile.roles if found else []
    return roles[0] if roles else None


def keys(role: Any) -> dict[str, str]:
    """Return new keys for a role, as the metadata service words them."""
    account = role.arn.split(":")[4]
    made = sts_backends[account]["aws"].assume_role(
        region_name="us-east-1",
        role_session_name="instance",
        role_arn=role.arn,
        policy="",
        duration=LASTING_S,
        external_id="",
    )
    return {
        "Code": "Success",
        "LastUpdated": utcnow().strftime(TIME),
        "Type": "AWS-HMAC",
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "Token": made.session_token,
        "Expiration": made.expiration.strftime(TIME),
    }

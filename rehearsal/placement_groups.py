"""Placement groups, of which moto 5.2.5 has none."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import EC2ClientError


class PlacementGroups:
    """What answers requests about them, beside moto's own answers."""

    _by_region: ClassVar[dict[str, dict[str, dict[str, Any]]]] = {}

    @property
    def _groups(self: Any) -> dict[str, dict[str, Any]]:
        groups: dict[str, dict[str, Any]] = self._by_region.setdefault(self.region, {})
        return groups

    def create_placement_group(self: Any) -> Any:
        """Answer CreatePlacementGroup."""
        name = self._get_param("GroupName")
        if name in self._groups:
            raise EC2ClientError(
                "InvalidPlacementGroup.Duplicate", f"The Placement Group '{name}' already exists."
            )
        tags = self._parse_tag_specification().get("placement-group", {})
        where = f"arn:aws:ec2:{self.region}:{self.current_account}"
        self._groups[name] = {
            "GroupName": name,
            "GroupId": f"pg-{secrets.token_hex(8)}",
            "GroupArn": f"{where}:placement-group/{name}",
            "State": "available",
            "Strategy": self._get_param("Strategy"),
            "SpreadLevel": self._get_param("SpreadLevel") or "rack",
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        return ActionResult({"PlacementGroup": self._groups[name]})

    def describe_placement_groups(self: Any) -> Any:
        """Answer DescribePlacementGroups, by names, ids or the key of a tag."""
        names, ids = self._get_param("GroupNames", []), self._get_param("GroupIds", [])
        for name in names:
            if name not in self._groups:
                raise EC2ClientError(
                    "InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown."
                )
        keys = self._filters_from_querystring().get("tag-key", [])
        found = [
            each
            for each in self._groups.values()
            if (not names or each["GroupName"] in names)
            and (not ids or each["GroupId"] in ids)
            and (not keys or {tag["Key"] for tag in each["Tags"]} & set(keys))
        ]
        return ActionResult({"PlacementGroups": found})

    def delete_placement_group(self: Any) -> Any:
        """Answer DeletePlacementGroup."""
        self._groups.pop(self._get_param("GroupName"), None)
        return EmptyResult()

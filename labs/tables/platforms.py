"""Where machines run: one class a kind of platform."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from labs.tables.aws import Aws
from labs.tables.libvirt import Libvirt


def _usual(written: Any) -> Any:
    """Take a table that says no kind for libvirt's."""
    return {"kind": "libvirt", **written} if isinstance(written, dict) else written


AnyPlatform = Annotated[Libvirt | Aws, Field(discriminator="kind"), BeforeValidator(_usual)]

"""The Pulumi program of one lab; HALAB_LAB names the lab's folder. It only wires."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import pulumi

from core.errors import HalabError
from core.folders import LabFolder
from core.wording import worded
from infra.engine import DEFINITION
from infra.orphans import LAB
from infra.planning import check_numbers
from labs.changes import compare, refuse
from labs.loading import load

PLATFORMS = {"libvirt": "infra.libvirt_lab", "aws": "infra.aws_lab"}
"""The module that declares a lab, by the kind of its platform; the others are not even loaded."""


def build() -> None:
    """Declare everything that the lab consists of."""
    if LAB not in os.environ:
        raise HalabError(
            f"{LAB} is not set: this program builds the lab of one folder",
            hint='`eval "$(./halab env LAB)"` sets it for plain Pulumi; `./halab up` needs nothing',
        )

    folder = LabFolder(Path(os.environ[LAB]))
    lab = load(os.environ.get(DEFINITION, str(folder.definition)))
    if folder.applied.exists():
        # Whoever runs plain Pulumi is not asked anything: what would cost data is refused.
        refuse(lab.name, compare(load(str(folder.applied)), lab))
    check_numbers(lab, folder)
    platform = import_module(PLATFORMS[lab.platform.kind])
    platform.declare(lab, folder)


try:
    build()
except (HalabError, OSError) as error:
    # Pulumi shows every other exception as a traceback.
    raise pulumi.RunError(str(worded(error) if isinstance(error, OSError) else error)) from None

"""Pulumi's providers: programs that it starts, and where it finds them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.errors import HalabError
from hypervisor.packages import parse_version, version_of


@dataclass(frozen=True)
class Plugin:
    """A provider in the one version that halab works with; `name` is what Pulumi calls it."""

    name: str
    version: str

    @property
    def program(self) -> str:
        """What its program is called."""
        return f"pulumi-resource-{self.name}"

    @property
    def place(self) -> Path:
        """Where its program stands below a PULUMI_HOME."""
        return Path("plugins") / f"resource-{self.name}-v{self.version}" / self.program

    def own(self, home: Path) -> Path:
        """Return the user's own: that among the plugins of his Pulumi's `home`, else on PATH.

        Raises HalabError when there is none, or only another version.
        """
        found = home / self.place
        if not found.exists():
            found = Path(shutil.which(self.program) or found)
        return self.checked(found)

    def checked(self, program: Path) -> Path:
        """Return its program; raises HalabError unless it is there and of the right version."""
        if not program.exists():
            raise HalabError(
                f"there is no {self.name} provider {self.version} ({program})",
                hint=f"pulumi plugin install resource {self.name} {self.version}",
            )
        if version_of(program) != parse_version(self.version):
            raise HalabError(f"{program} is not version {self.version}")
        return program

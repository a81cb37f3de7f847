"""What a part puts on a machine: files, and steps that change it. Values alone; nothing is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

NOTES = "/var/lib/halab"
"""Where a machine notes what was done to it once: replication set up, certificates imported."""

PROGRAMS = "/usr/local/lib/halab"
"""Where programs of halab's own stand on a machine."""

UNITS = "/etc/systemd/system"
AT_BOOT = "multi-user.target.wants"


@dataclass(frozen=True)
class Edit:
    """Text that occurs exactly once in a file, and what stands in its place afterwards."""

    before: str
    after: str


@dataclass(frozen=True)
class File:
    """A file as it shall be; `content` may be secret and is not shown. `owner` is user:group.

    With `source` the content is that file's, on the machine, changed by `edits`. With `once` a file
    that exists is left alone. `check` is shell text that gets new content, in a file beside this
    one, as $1: where it fails, this one stays as it is, and nothing goes on.
    """

    path: str
    content: str | bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root:root"
    source: str | None = None
    edits: tuple[Edit, ...] = ()
    once: bool = False
    check: str = ""

    @property
    def data(self) -> bytes:
        """The content as it is written to the disk."""
        return self.content if isinstance(self.content, bytes) else self.content.encode()


@dataclass(frozen=True)
class Link:
    """A symbolic link as it shall be."""

    path: str
    target: str


@dataclass(frozen=True)
class Folder:
    """A folder that has to be there; what it holds, or what is mounted on it, is left alone."""

    path: str


Entry = File | Link | Folder
"""What stands at a path of a machine."""


@dataclass(frozen=True)
class Step:
    """Shell text that changes a machine, and in words what is true afterwards.

    `extra_s`: seconds that it may take besides what steps usually may. `in_turn`: one machine does
    it after the other, not all at once.
    """

    what: str
    command: str
    extra_s: float = 0.0
    in_turn: bool = False


def unit_link(unit: str, place: str) -> Link:
    """Describe what `systemctl enable` makes; `place` is a folder of wants or requires.

    `systemctl enable` itself also runs the helper for System V scripts and reloads systemd, once a
    unit: several seconds each in an emulated guest.
    """
    return Link(f"{UNITS}/{place}/{unit}", f"/usr/lib/systemd/system/{unit}")


def program(*names: str) -> str:
    """Return the text of programs from parts/programs, one behind the other."""
    folder = resources.files("parts") / "programs"
    return "".join((folder / name).read_text() for name in names)


_environment = Environment(
    loader=PackageLoader("parts", "templates"),
    undefined=StrictUndefined,
    autoescape=lambda name: name is not None and ".xml" in name,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, /, **values: object) -> str:
    """Return the text of a template from parts/templates; a name that it does not get is an error.

    Raises jinja2.TemplateError.
    """
    return _environment.get_template(template).render(**values)

"""Drives the Pulumi program for the command line, through the Automation API."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pulumi import automation
from pulumi.automation import CommandError as PulumiCommandError
from pulumi.automation import EngineEvent, OpType

from core.environment import adopted, clean
from core.errors import HalabError
from core.files import write_file
from core.folders import PROJECT, LabFolder
from core.saying import Say
from infra.backend import Backend
from infra.keeping import SOFTWARE, kept_in, lost_files, restore
from infra.orphans import DRIVER, LAB, driver_mark, end_orphans, end_own_runs
from inventory.frozen import Frozen

OnEvent = Callable[[EngineEvent], None]

LIBVIRT = "libvirt:index/"


DEFINITION = "HALAB_DEFINITION"
"""Environment variable with the definition that a preview tries instead of the lab's own."""

SUMMARY_SECRETS = False
"""Nobody reads a run's summary; to decrypt it, Pulumi would write settings into the checkout."""

REPLACING = frozenset({OpType.REPLACE, OpType.CREATE_REPLACEMENT, OpType.DELETE_REPLACED})


class Step(NamedTuple):
    """What a `pulumi up` would do with one resource.

    `what` is create, update, delete or replace; `kind` and `name` are the resource's type in lower
    case (domain, volume, network, ...) and its name in the program. `changed` are the properties,
    as the provider names them, by which it is another one than before.
    """

    what: str
    kind: str
    name: str
    urn: str
    changed: tuple[str, ...] = ()


class Managed(NamedTuple):
    """A libvirt object that the stack's state knows: kind (domain, network, ...) and name."""

    kind: str
    name: str


class State(Frozen):
    """A stack's state as Pulumi exports it: the version of its format, and what it holds."""

    version: int
    deployment: dict[str, Any]


class Engine:
    """One lab's stack. `tools` is the environment that leads to the Pulumi toolchain."""

    def __init__(self, folder: LabFolder, tools: Mapping[str, str]) -> None:
        self._folder = folder
        self._tools = tools
        self._backend = Backend(folder)

    def environment(self) -> dict[str, str]:
        """Return what plain `pulumi` needs to work on this lab by hand."""
        own_programs = Path(sys.executable).parent
        path = f"{own_programs}{os.pathsep}{self._tools.get('PATH', os.environ['PATH'])}"
        shown = clean(os.environ)
        return {
            **self._tools,
            "PATH": path,
            "no_proxy": shown["no_proxy"],
            "NO_PROXY": shown["NO_PROXY"],
            "PYTHONUTF8": "1",
            "VIRTUAL_ENV": str(own_programs.parent),
            "PULUMI_BACKEND_URL": f"file://{quote(str(self._folder.pulumi))}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._backend.passphrase),
            "PULUMI_OPTION_CONFIG_FILE": str(self._backend.settings),
            "PULUMI_STACK": self._folder.name,
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            LAB: str(self._folder.path),
            DEFINITION: str(self._folder.definition),
        }

    def prepare(self, report: Say = lambda _: None) -> None:
        """Make the stack if it is new; clear what an interrupted run left in its state.

        `report` hears of files that were damaged and made again. Raises HalabError when Pulumi
        cannot read its state.
        """
        end_orphans(self._folder)
        self._backend.mend(report)
        with self._explained("reading Pulumi's state"), self._stack() as stack:
            exported = stack.export_stack()
            deployment = dict(exported.deployment or {})
            if deployment.pop("pending_operations", None):
                stack.import_stack(automation.Deployment(exported.version, deployment))

    def up(self, on_event: OnEvent, only: Collection[str] = ()) -> dict[str, Any]:
        """Bring the lab to its definition and return the stack's outputs.

        With `only`, nothing but the resources with these URNs. Raises HalabError with Pulumi's own
        words when a resource fails.
        """
        heard = Diagnostics(on_event)
        with self._stack() as stack, self._explained("pulumi up", heard):
            result = stack.up(
                on_event=heard,
                on_output=_ignore,
                target=list(only) or None,
                show_secrets=SUMMARY_SECRETS,
            )
        return {name: output.value for name, output in result.outputs.items()}

    def preview(self, definition: Path | None = None) -> tuple[Step, ...]:
        """Return what a `pulumi up` would do, where it would do anything.

        `definition` is tried in the place of the lab's own, and then only for its machines: what
        is on them is compared when it is applied. Raises HalabError with Pulumi's own words when
        the program fails.
        """
        steps: dict[str, Step] = {}

        def note(event: EngineEvent) -> None:
            if event.resource_pre_event:
                metadata = event.resource_pre_event.metadata
                diffs = metadata.diffs or ()
                if found := step_of(metadata.op, metadata.type, metadata.urn, diffs):
                    steps[found.urn] = found

        heard = Diagnostics(note)
        variables = {DEFINITION: str(definition)} if definition else {}
        with self._stack(variables) as stack, self._explained("pulumi preview", heard):
            unseen = [f"**::{SOFTWARE}"] if definition else None
            stack.preview(on_event=heard, on_output=_ignore, exclude=unseen)
        return tuple(steps.values())

    def destroy(self, on_event: OnEvent) -> None:
        """Delete everything that the stack knows; raises HalabError with Pulumi's own words."""
        heard = Diagnostics(on_event)
        with self._stack() as stack, self._explained("pulumi destroy", heard):
            stack.destroy(on_event=heard, on_output=_ignore, show_secrets=SUMMARY_SECRETS)

    def managed(self) -> frozenset[Managed]:
        """Return the libvirt objects in the stack's state."""
        with self._explained("reading Pulumi's state"), self._stack() as stack:
            resources = (stack.export_stack().deployment or {}).get("resources", [])
        return frozenset(
            Managed(resource["type"].rpartition(":")[2].lower(), resource["outputs"]["name"])
            for resource in resources
            if resource["type"].startswith(LIBVIRT) and "name" in resource.get("outputs", {})
        )

    def export(self) -> State:
        """Return the stack's state, its secrets in the clear."""
        with self._explained("reading Pulumi's state"), self._stack() as stack:
            exported = stack.export_stack()
        return State(version=exported.version or 0, deployment=dict(exported.deployment or {}))

    def adopt(self, state: State) -> None:
        """Make a state this stack's, encrypted anew by its own passphrase.

        Raises HalabError when Pulumi does not take it.
        """
        with self._explained("writing Pulumi's state"), self._stack() as stack:
            # Pulumi would encrypt by what the state names, and knows no passphrase for that.
            own = {"secrets_providers": self._backend.secrets_provider()}
            stack.import_stack(automation.Deployment(state.version, {**state.deployment, **own}))

    def mentioned(self) -> frozenset[str]:
        """Return the words by which the stack's state knows what providers made: ids and all else.

        An instance tells there of its system's disk, which is no resource of its own.
        """
        with self._explained("reading Pulumi's state"), self._stack() as stack:
            resources = (stack.export_stack().deployment or {}).get("resources", [])
        made = [one for one in resources if one.get("id") and not _is_provider(one["type"])]
        return frozenset(word for one in made for word in _words((one["id"], one.get("outputs"))))

    def restore(self, report: Say) -> None:
        """Bring back files of the lab that are lost and that the stack's state keeps.

        The state is not asked while all are there.
        """
        if not lost_files(self._folder) or not self._backend.state.exists():
            return
        with self._explained("reading Pulumi's state"), self._stack() as stack:
            kept = kept_in(stack.export_stack().deployment or {})
        restore(self._folder, kept, report)

    @contextmanager
    def _stack(self, variables: Mapping[str, str] | None = None) -> Iterator[automation.Stack]:
        # The Automation API starts `pulumi` in the environment of this process, and looks for it
        # on its PATH.
        surroundings = {**self.environment(), **(variables or {}), DRIVER: driver_mark()}
        with adopted(surroundings):
            try:
                stack = automation.select_stack(self._folder.name, work_dir=str(PROJECT))
            except automation.StackNotFoundError:
                self._make_stack()
                stack = automation.select_stack(self._folder.name, work_dir=str(PROJECT))
            yield stack

    def _make_stack(self) -> None:
        # Its settings are written beside the project's file, whatever else is asked for: a copy of
        # that file keeps them out of the checkout, which may be somebody else's.
        settings = self._backend.settings
        write_file(settings.with_name("Pulumi.yaml"), (PROJECT / "Pulumi.yaml").read_bytes())
        beside = automation.LocalWorkspace(work_dir=str(settings.parent))
        beside.create_stack(self._folder.name)
        settings.with_name(f"Pulumi.{self._folder.name}.yaml").replace(settings)

    @contextmanager
    def _explained(self, what: str, heard: Diagnostics | None = None) -> Iterator[None]:
        try:
            with _quiet_threads():
                yield
        except KeyboardInterrupt:
            end_own_runs()
            raise
        except PulumiCommandError as error:
            raise HalabError(
                f"{what} failed for lab {self._folder.name!r}",
                detail=(heard.errors() if heard else "") or str(error),
                hint=f"`./halab up {self._folder.name}` continues, "
                f"`./halab down {self._folder.name}` removes",
            ) from error


def _is_provider(kind: str) -> bool:
    return kind.startswith("pulumi:providers:")


def _words(value: Any) -> Iterator[str]:
    """Return every text in a value of a state."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _words(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)


def step_of(op: str, kind: str, urn: str, diffs: Iterable[str] = ()) -> Step | None:
    """Word one step of the engine; None when it changes nothing.

    A replacement is several steps for Pulumi and one for us. `diffs` are the properties that
    change.
    """
    what = OpType.REPLACE if op in REPLACING else op
    if what not in (OpType.CREATE, OpType.UPDATE, OpType.DELETE, OpType.REPLACE):
        return None
    return Step(
        OpType(what).value,
        kind.rpartition(":")[2].lower(),
        urn.rpartition("::")[2],
        urn,
        tuple(diffs),
    )


class Diagnostics:
    """Passes events on and keeps the error messages among them."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._errors: list[str] = []

    def __call__(self, event: EngineEvent) -> None:
        """Hear one event."""
        diagnostic = event.diagnostic_event
        if diagnostic and diagnostic.severity == "error":
            self._errors.append(diagnostic.message.strip())
        self._on_event(event)

    def errors(self) -> str:
        """Return each distinct error message once, in the order they came."""
        return "\n".join(dict.fromkeys(message for message in self._errors if message))


@contextmanager
def _quiet_threads() -> Iterator[None]:
    """Silence the Automation API's reader threads, which complain on Ctrl-C about closed pipes.

    What ends a run otherwise is raised where the run was started.
    """
    before = threading.excepthook
    threading.excepthook = lambda _: None
    # It may come after the run has ended, from a thread that outlives it.
    warnings.filterwarnings("ignore", message="Error in event stream")
    try:
        yield
    finally:
        threading.excepthook = before


def _ignore(_: str) -> None:
    """Drop Pulumi's own rendering; the events carry the same, structured."""

"""`halab pulumi` and `halab env`: the same lab through plain Pulumi."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Annotated

import typer

from cli.choosing import existing_lab, wanted
from cli.locking import locked
from cli.platforms import engine_of, prepare
from cli.progress import Progress
from cli.restoring import bring_back
from core.command import become
from core.environment import aws_access
from core.folders import PROJECT, LabFolder
from core.processes import environment_of


def pulumi(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
) -> None:
    """Run Pulumi on a lab: `halab pulumi NAME preview`, `stack output`, `up`, ..."""
    bring_back(name, Progress())
    engine = engine_of(existing_lab(name), Progress())
    become(["pulumi", *context.args], env=engine.environment(), cwd=PROJECT)


def env(
    lab: Annotated[
        str, typer.Argument(help="A lab, or a definition: it is prepared, and Pulumi builds it.")
    ] = "active-passive",
) -> None:
    """Print what plain `pulumi up` needs: eval "$(./halab env NAME)"."""
    bring_back(lab, Progress())
    if LabFolder.of(lab).record.exists():
        engine = engine_of(existing_lab(lab), Progress())
    else:
        definition, source = wanted(lab)
        with locked(definition.name):
            prepared = prepare(definition, source, Progress())
            prepared.make_stack(Progress().note)
            engine = prepared.engine
    # A person's credentials are in his shell already, and belong on no screen.
    his = aws_access().items()
    wanted_here = dict(each for each in engine.environment().items() if each not in his)
    print(exports(environment_of(os.getpid()), wanted_here))


FOREIGN = ("PULUMI_", "PYTHON", "LIBVIRT_", "VIRSH_")
"""How variables begin by which another project's Pulumi, Python or libvirt would get into a lab."""


def exports(shell: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Word what a person's shell has to change, for a POSIX shell to read."""
    known = (name for name in shell if name.isidentifier() and name not in wanted)
    foreign = sorted(name for name in known if name.startswith(FOREIGN))
    lines = [f"unset {' '.join(foreign)}"] if foreign else []
    lines += [f"export {name}={shlex.quote(value)}" for name, value in wanted.items()]
    return "\n".join((*lines, f"cd {shlex.quote(str(PROJECT))}"))

"""`halab pulumi` and `halab env`: the same lab through plain Pulumi."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from cli.building import ensure_tools, prepare
from cli.choosing import existing_lab, wanted
from cli.locking import locked
from cli.progress import Progress
from cli.restoring import bring_back
from core.command import become
from core.folders import PROJECT, LabFolder
from hypervisor.private import PrivateHypervisor
from infra.engine import Engine
from inventory.record import load_record


def pulumi(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A lab that `halab list` shows.")],
) -> None:
    """Run Pulumi on a lab: `halab pulumi NAME preview`, `stack output`, `up`, ..."""
    bring_back(name, Progress())
    engine = _engine(existing_lab(name))
    become(["pulumi", *context.args], env=engine.environment(), cwd=PROJECT)


def env(
    lab: Annotated[
        str, typer.Argument(help="A lab, or a definition: it is prepared, and Pulumi builds it.")
    ] = "active-passive",
) -> None:
    """Print what plain `pulumi up` needs: eval "$(./halab env NAME)"."""
    bring_back(lab, Progress())
    if LabFolder.of(lab).record.exists():
        engine = _engine(existing_lab(lab))
    else:
        definition, source = wanted(lab)
        with locked(definition.name):
            engine = prepare(definition, source, Progress()).engine
            engine.prepare()
    for variable, value in engine.environment().items():
        print(f"export {variable}={shlex.quote(value)}")
    print(f"cd {shlex.quote(str(PROJECT))}")


def _engine(folder: LabFolder) -> Engine:
    if load_record(folder).private:
        PrivateHypervisor(folder).start()
    return Engine(folder, ensure_tools(Progress()).environment())

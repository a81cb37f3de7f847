"""What a crash of this machine took from a lab's folder comes back before anything reads it."""

from __future__ import annotations

from cli.locking import locked
from cli.progress import Progress
from core.folders import LabFolder
from hypervisor.toolchain import find_toolchain
from infra.engine import Engine
from infra.keeping import lost_files
from labs.loading import is_path, load


def bring_back(argument: str, progress: Progress) -> None:
    """Restore lost files of the lab that a person means, where Pulumi's state keeps them.

    A record or inventory that nobody keeps makes way for a new one: both follow from the definition
    and from this machine. `argument` is what `up` takes.
    """
    folder = LabFolder.of(load(argument).name if is_path(argument) else argument)
    # Half of a warm start is begun again.
    if folder.warming.exists() or not folder.pulumi.is_dir() or not lost_files(folder):
        return
    toolchain = find_toolchain()
    if toolchain is None:
        return
    with locked(folder.name):
        engine = Engine(folder, toolchain.environment())
        engine.prepare(progress.note)
        engine.restore(progress.note)
        lost = lost_files(folder)
        for path in (folder.record, folder.inventory):
            if str(path.relative_to(folder.path)) in lost:
                path.unlink(missing_ok=True)

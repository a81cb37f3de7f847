"""From a definition to a healthy lab on AWS: the steps of `up`, which go on after another run."""

from __future__ import annotations

from cli.building import (
    Prepared,
    check_host,
    ensure_host_packages,
    ensure_tools,
    keep_definition,
    note_lab,
)
from cli.changing import brought_to, check_room, compared
from cli.events import PulumiEvents
from cli.hours import until_of
from cli.progress import Progress, Step
from cli.turns import Power, restart_in_turn
from core.errors import HalabError
from core.folders import LabFolder
from hypervisor.aws_provider import ensure_provider, with_provider
from hypervisor.extras import ensure_extras, use_extras
from hypervisor.packages import FILTER_NEEDS, NEEDS
from hypervisor.private import PrivateHypervisor
from infra import aws_removal
from infra.aws_account import Account, access
from infra.aws_machines import OFF, PATIENCE_S, STOPPED, AwsMachines
from infra.aws_offers import check_offered
from infra.engine import Engine
from infra.impact import Impact, cloud_impact_of
from inventory.endpoint import noted
from inventory.mark import mark_of
from inventory.record import CloudRecord, load_cloud_record
from labs.addressing import machines
from labs.model import Lab
from labs.tables.aws import Aws
from parts.secrets import ensure_secrets
from rehearsal.keeper import begin, is_accelerated, is_played


def prepare(lab: Lab, source: str, progress: Progress) -> Prepared[CloudRecord]:
    """Set up everything that the Pulumi program needs; nothing is made on AWS yet.

    Raises HalabError before any change when nobody's credentials are at hand, when this machine
    cannot carry a rehearsal, or when a lab that exists cannot be brought to its definition.
    """
    assert isinstance(lab.platform, Aws)
    folder = LabFolder.of(lab.name)
    new = not folder.record.exists()
    rehearsed = lab.platform.rehearsed
    if rehearsed and new:
        check_host(lab, folder, progress)
    ensure_host_packages(progress, (*NEEDS, *FILTER_NEEDS) if rehearsed else NEEDS)
    endpoint = _rehearsal(lab, folder, new, progress) if rehearsed else lab.platform.endpoint
    engine = _engine(folder, endpoint, progress)
    use_extras(progress.note)
    account = Account(lab.platform.region, endpoint)
    # Else it would be Pulumi that finds out, half-way, that AWS cannot be asked, or refuses.
    if new:
        _check_free(account, lab, folder)
    else:
        engine.prepare(progress.note)
    exists = not new and bool(engine.mentioned())
    before = brought_to(lab, folder) if exists else lab
    held = load_cloud_record(folder).machines if exists else ()
    changes = compared(before, lab, folder, held) if exists else ()
    check_offered(account, lab)
    record = load_cloud_record(folder) if exists else _new_record(lab, source, folder, endpoint)
    if rehearsed and exists:
        check_room(before, lab, AwsMachines(account, folder.name, record.mark).running())
    elif rehearsed and not new:
        check_host(lab, folder, progress)
    definition = note_lab(lab, folder, record, source, exists=exists)
    return Prepared(lab, folder, record, engine, definition, new, exists, before, changes)


def impact_on(prepared: Prepared[CloudRecord]) -> Impact:
    """Return what Pulumi would do to a lab that exists, as far as it costs something."""
    return cloud_impact_of(prepared.engine.preview(prepared.definition))


def build(prepared: Prepared[CloudRecord], impact: Impact, step: Step) -> None:
    """Bring machines and software to the definition, from whatever an earlier run left."""
    folder, record, engine = prepared.folder, prepared.record, prepared.engine
    step("looking at what is there")
    prepared.make_stack(step)
    keep_definition(folder, prepared.definition, prepared.lab)
    ensure_secrets(folder.secrets)
    account = Account(record.region, record.endpoint)
    known = engine.mentioned()
    if not known and aws_removal.of(account, record.mark) and folder.inventory.exists():
        raise HalabError(
            f"Pulumi's state of lab {folder.name!r} is lost, and its machines are on AWS",
            detail="Without it they would be made anew, beside those.",
            hint=f"`./halab down {folder.name}` removes them; then `up` builds the lab anew",
        )
    aws_removal.remove(account, record.mark, step, spared=known)
    there = AwsMachines(account, folder.name, record.mark)
    if record.until is not None:
        # Before they are started: one whose end is over would go off again at once.
        there.end_at(record.until)
    # One that leaves and is off stays off: it would join again.
    wanted = {plan.name for plan in machines(prepared.lab)}
    off = [name for name, state in there.states().items() if state in OFF and name in wanted]
    if off:
        step(f"starting {', '.join(off)}")
        there.start(*off)
    if impact.in_turn and folder.applied.exists():
        power = Power(there.states, STOPPED, PATIENCE_S)
        restart_in_turn(folder, record, engine, impact.in_turn, power, step)
    engine.up(PulumiEvents(step))


def engine_of(folder: LabFolder, progress: Progress) -> Engine:
    """Return the stack of a lab on AWS, with the tools and the credentials that it takes."""
    return _engine(folder, load_cloud_record(folder).endpoint, progress)


def ensure_cloud_tools(progress: Progress) -> dict[str, str]:
    """Return the environment in which Pulumi makes labs on AWS; gets what is missing of that."""
    with progress.step("Python packages for AWS", usually="1 min", if_needed=True) as step:
        packages = ensure_extras(step)
    toolchain = ensure_tools(progress)
    usually = "1 min by download, 5 min by build"
    with progress.step("Pulumi's AWS provider", usually=usually, if_needed=True) as step:
        tools = with_provider(toolchain, ensure_provider(toolchain, step))
    return {**tools, "PYTHONPATH": str(packages)}


def _engine(folder: LabFolder, endpoint: str | None, progress: Progress) -> Engine:
    return Engine(folder, {**ensure_cloud_tools(progress), **access(endpoint)})


def _rehearsal(lab: Lab, folder: LabFolder, new: bool, progress: Progress) -> str:
    """Return who answers in a lab's rehearsal, which begins where the lab is new.

    Raises HalabError for a lab whose rehearsal has ended.
    """
    assert isinstance(lab.platform, Aws)
    if not new:
        url = noted(folder)
        if url is None or not is_played(folder):
            raise HalabError(
                f"the rehearsal of lab {lab.name!r} has ended, and with it all that was made there",
                hint=f"`./halab down {lab.name}` removes what is left; then `up` builds the lab "
                "anew",
            )
        return url
    user = lab.platform.management_from.network_address
    with progress.step("A rehearsal of AWS", usually="1 to 5 min") as step:
        return begin(folder, lab.platform.region, user, step)


def _new_record(lab: Lab, source: str, folder: LabFolder, endpoint: str | None) -> CloudRecord:
    assert isinstance(lab.platform, Aws)
    rehearsed = lab.platform.rehearsed
    return CloudRecord(
        source=source,
        region=lab.platform.region,
        endpoint=endpoint,
        seen_from_machines=lab.platform.seen_endpoint,
        proxy_command=PrivateHypervisor(folder).proxy_command() if rehearsed else None,
        mark=mark_of(folder),
        machines=tuple(plan.name for plan in machines(lab)),
        accelerated=is_accelerated(folder) if rehearsed else True,
        # Of what is begun again the end stays.
        until=until_of(folder),
    )


def _check_free(account: Account, lab: Lab, folder: LabFolder) -> None:
    """Raise HalabError when something on AWS has the lab's name: AWS would refuse it twice."""
    found = aws_removal.namesakes(account, lab.name, mark_of(folder))
    if found:
        raise HalabError(
            f"the name {lab.name!r} is taken on AWS ({account.region})",
            detail="\n".join(map(str, found)),
            hint="`./halab audit aws` tells whose that is; give this lab another `name`",
        )

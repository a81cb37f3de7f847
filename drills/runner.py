"""One drill from the healthy lab to the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from random import Random

from core.files import write_file
from core.wait import WaitFailed, WaitTimeout, wait_until
from drills import witnesses
from drills.clock import LabClock
from drills.drill import Drill
from drills.evidence import collect_evidence
from drills.findings import Findings
from drills.hands import Watch
from drills.healing import RUN, clients_outside, held
from drills.journal import Wound, drills_folder
from drills.ledger import Entry, read_ledger
from drills.order import Order, Stake
from drills.outcome import outcome
from drills.patience import Patience
from drills.probes import Probe, new_run
from drills.readiness import check_targets, ready
from drills.result import Answer, DrillResult
from drills.site import Audience, Site
from drills.situation import Fate, situations
from drills.snapshot import Snapshot, snapshot
from drills.targets import resolve
from parts.secrets import load_secrets
from provisioning.zabbix.api import MonitoringUnreachable
from status.forecast import Forecast, Places, rested_places
from status.health import wait_healthy
from status.problems import Problem, ProblemReader, Report, clearing_s


@dataclass(frozen=True)
class Kept:
    """A drill's result and the file that it was saved in.

    `evidence` is the folder with all machines' journals, cluster state and consoles; None for a
    drill that passed.
    """

    result: DrillResult
    path: Path
    evidence: Path | None = None


def run(
    site: Site,
    drill: Drill,
    audience: Audience,
    *,
    target: str | None = None,
    seed: int,
    anyway: bool = False,
    forecast: Forecast | None = None,
) -> Kept:
    """Run one drill and return its result, whatever the verdict.

    With a `forecast` everything has to go where that says.

    Raises HalabError, before anything is broken, when the lab is not healthy (unless `anyway`),
    when an earlier drill left its fault or the target does not fit; and later when the lab cannot
    be healed.
    """
    audience.phase("Looking at the lab")
    before = ready(site, anyway=anyway)
    word = drill.target if target is None else target
    part = drill.about(site.parts)
    targets = resolve(word, before.status, part, Random(seed))
    name = part.service.name
    holders = {each.service.name: before.holders(each.service.name) for each in site.parts.public}
    check_targets(site, drill, targets, holders[name].values())
    found = situations(site.parts, holders, targets)
    expected = drill.expected(found[name])
    beside = tuple(
        Stake(other.part, drill.expected(other))
        for other in found.values()
        if other.part is not part
    )
    order = Order(
        site, part, drill, audience, word, targets, seed, before, expected, beside, forecast
    )
    return _Course(order).run()


@dataclass(frozen=True)
class _Data:
    """What was found of a service's data; None for what nobody looked at, or could."""

    entries: tuple[Entry, ...] | None = None
    out_of_sync: Mapping[str, int] | None = None


@dataclass
class _Course:
    """A drill in progress; `name` is that of its clients' run."""

    order: Order
    name: str = field(default_factory=new_run)
    injected: float = 0.0
    healed: float = 0.0
    recovered: float | None = None
    trouble: str | None = None
    proof: str | None = None
    reports: tuple[Report, ...] | None = None
    problems: tuple[Problem, ...] | None = None
    places: Places | None = None

    def run(self) -> Kept:
        order, inventory = self.order, self.order.site.inventory
        self.clock = LabClock(inventory.monitor)
        began = self.clock.now()
        folder = drills_folder(order.site.folder)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{order.drill.name}-{order.seed}"
        events = folder / f"{stem}.events.txt"
        order.audience.say("a client outside begins to read and write")
        begins = witnesses.cursors(inventory)
        environment = witnesses.ask(lambda: witnesses.environment(order.site.parts)) or {}
        parts = [stake.part for stake in order.stakes]
        begun = clients_outside(order.site, parts, self.name, order.audience.say)
        with order.site.power.watched(events) as watch, begun as probes:
            self._break_and_heal(probes)
            self._recover()
            order.audience.phase("Asking the witnesses")
            self._hear_monitoring()
            findings = self._findings(watch, probes, begins)
        result = outcome(
            order,
            findings,
            began=began,
            recovered=self.recovered,
            ended=self.clock.now(),
            environment=environment,
            stem=folder / stem,
        )
        path = folder / f"{stem}.json"
        write_file(path, result.model_dump_json(indent=1) + "\n")
        if result.answer is Answer.PASS:
            return Kept(result, path)
        order.audience.phase("Keeping evidence")
        why = f"drill {order.drill.name}: {result.answer.value}, {path}"
        kept = witnesses.ask(lambda: collect_evidence(order.site.folder, inventory, why))
        return Kept(result, path, kept)

    def _break_and_heal(self, probes: tuple[Probe, ...]) -> None:
        order = self.order
        self.injected = self.clock.now()
        self.patience = Patience(order, self.clock, probes, self.injected)
        order.audience.phase("Fault")
        order.audience.say(f"{order.drill.title}: {', '.join(order.targets)}")
        wound = Wound(
            fault=order.drill.name,
            targets=order.targets,
            seed=order.seed,
            began=self.injected,
            notes={RUN: self.name},
        )
        with held(order.site, order.drill, order.targets, wound, order.audience) as scene:
            self.patience.await_consequences()
            prove = order.drill.fault.proof
            if prove is not None:
                self.proof = witnesses.ask(lambda: prove(scene))
            if order.forecast is not None:
                order.audience.say("waiting for the cluster to rest, to see where everything is")
                self.places = witnesses.ask(self._places)
        self.healed = self.clock.now()

    def _places(self) -> Places:
        inventory = self.order.site.inventory
        return rested_places(inventory, inventory.timing.healthy_wait_s)

    def _recover(self) -> None:
        order, inventory = self.order, self.order.site.inventory
        order.audience.phase("Recovery")
        if any(stake.expected.fate is Fate.RETURNS for stake in order.stakes):
            self.patience.await_service()
        try:
            wait_healthy(
                inventory,
                inventory.timing.rejoin_wait_s,
                order.audience.say,
                # What was broken may look for so long as if nobody would mend it.
                patience_s=inventory.timing.boot_wait_s,
                known=order.before.status.history,
            )
        except (WaitFailed, WaitTimeout) as error:
            self.trouble = error.detail or error.message
        else:
            self.trouble, self.recovered = "", self.clock.now()

    def _hear_monitoring(self) -> None:
        """Wait until the monitoring has seen what it has to see, and sees no problem any more."""
        order, inventory = self.order, self.order.site.inventory
        if inventory.monitoring is None:
            return
        order.audience.say("waiting for the monitoring to see the end of it")

        def look() -> bool:
            self.reports = reader.reports(self.injected)
            self.problems = reader.read()
            raised = {report.alarm for report in self.reports if report.raised}
            return raised >= order.expected.alarms and not self.problems

        with ProblemReader(inventory, load_secrets(order.site.folder.secrets)) as reader:
            try:
                wait_until(
                    look,
                    bool,
                    what="the monitoring",
                    timeout=clearing_s(inventory),
                    interval=float(inventory.timing.pace),
                    retry_on=(MonitoringUnreachable,),
                )
            except WaitTimeout as error:
                order.audience.say(error.message)

    def _findings(
        self, watch: Watch, probes: tuple[Probe, ...], begins: dict[str, str]
    ) -> Findings:
        order, ask, inventory = self.order, witnesses.ask, self.order.site.inventory
        attempts = [probe.stop() for probe in probes]
        sightings = [ask(probe.sightings) for probe in probes]
        # First, because the others ask the cluster for things and so keep it busy.
        states = ask(lambda: witnesses.configurations(inventory))
        after = ask(lambda: snapshot(inventory))
        data = [self._data(stake, after) for stake in order.stakes]
        here = self.clock.here(self.injected) - 1
        heard = ask(watch.events)
        events = None if heard is None else tuple(event for event in heard if event.at >= here)
        found = Findings(
            part=order.part,
            expected=order.expected,
            targets=order.targets,
            injected=self.injected,
            healed=self.healed,
            before=order.before,
            after=after,
            seen=frozenset(self.patience.seen),
            trouble=self.trouble,
            attempts=attempts[0],
            sightings=sightings[0],
            entries=data[0].entries,
            events=None if events is None else witnesses.on_lab_clock(events, self.clock),
            journals=witnesses.journals(inventory, begins),
            configurations=states,
            out_of_sync=data[0].out_of_sync,
            proved=order.drill.fault.proof is not None,
            proof=self.proof,
            reports=self.reports,
            problems=self.problems,
            foretold=order.forecast.places if order.forecast else None,
            places=self.places,
        )
        beside = tuple(
            replace(
                found,
                part=stake.part,
                expected=stake.expected,
                attempts=tried,
                sightings=saw,
                entries=own.entries,
                out_of_sync=own.out_of_sync,
            )
            for stake, tried, saw, own in list(
                zip(order.stakes, attempts, sightings, data, strict=True)
            )[1:]
        )
        return replace(found, beside=beside)

    def _data(self, stake: Stake, after: Snapshot | None) -> _Data:
        """Read what a service keeps, and compare its disks where that is asked for."""
        part, ask, inventory = stake.part, witnesses.ask, self.order.site.inventory
        nodes = sorted(set(after.holders(part.service.name).values())) if after else []
        if not nodes or not part.keeps_writes:
            return _Data()
        holder, storage = inventory.machine(nodes[0]), part.storage
        entries = ask(lambda: read_ledger(part, holder, self.name))
        if storage is None or not stake.expected.verify:
            return _Data(entries)
        timing = inventory.timing
        at_most_min = math.ceil(timing.compare_wait_s(timing.data_disk_mib) / 60)
        self.order.audience.say(f"comparing both disks (takes {at_most_min} min at most)")
        return _Data(entries, ask(lambda: witnesses.out_of_sync(inventory, storage, holder)))


def new_seed() -> int:
    """Return a seed that nobody has chosen, short enough to type."""
    return time.time_ns() // 1_000_000 % 1_000_000

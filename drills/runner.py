"""One drill from the healthy lab to the verdict."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from core.errors import HalabError
from core.files import write_file
from core.wait import WaitFailed, WaitTimeout, wait_until
from drills import witnesses
from drills.clock import LabClock
from drills.drill import Drill
from drills.evidence import collect_evidence
from drills.expectations import Expected, Fate, Situation
from drills.findings import Findings
from drills.healing import RUN, held
from drills.journal import Journal, Wound, drills_folder
from drills.judge import judge
from drills.ledger import clear_ledger, read_ledger
from drills.marks import marks
from drills.power import Watch
from drills.probes import Attempt, Outage, Probe, probing, settled, worst_outage
from drills.result import Answer, DrillResult, MachineSheet, Mark, MarkKind, Phase
from drills.rulings.service import BEFORE_FAULT_S
from drills.site import Audience, Site
from drills.snapshot import Snapshot, of, snapshot
from drills.targets import resolve
from drills.timeline import find_milestones, phases
from provisioning.secrets import load_secrets
from provisioning.zabbix.api import MonitoringUnreachable
from status.collect import Observer
from status.health import wait_healthy
from status.model import LabStatus
from status.problems import Problem, ProblemReader, Report, clearing_s
from status.reading import service_url
from status.rules import Readings

PATIENCE = 2
"""An outage is waited for this many times as long as it may be: a slow failover is to be measured,
not only refused."""

MARGIN_S = 60.0

PATIENCE_ENDS = 1.5
"""In the time after which corosync gives a node up, or a watchdog bites: who has noticed nothing by
then will not."""

ROUNDS_TO_SEE = 1.5
"""In readings of the monitoring: how long a fault is held for it to be seen."""


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
) -> Kept:
    """Run one drill and return its result, whatever the verdict.

    Raises HalabError, before anything is broken, when the lab is not healthy (unless `anyway`),
    when an earlier drill left its fault or the target does not fit; and later when the lab cannot
    be healed.
    """
    audience.phase("Looking at the lab")
    before = ready(site, anyway=anyway)
    word = target or drill.target
    targets = resolve(word, before.status, Random(seed))
    check_targets(site, drill, targets, before.status.active)
    situation = Situation(site.inventory, before.status.active, frozenset(targets))
    course = _Course(site, drill, audience, word, targets, seed, before, drill.expects(situation))
    return course.run()


def ready(site: Site, *, anyway: bool) -> Snapshot:
    """Return the lab as it is; raises HalabError when no drill may begin on it."""
    name = site.inventory.lab
    wound = Journal(site.folder).read()
    if wound is not None:
        raise HalabError(
            f"an earlier drill left its fault in lab {name!r}: {wound.fault} at "
            f"{', '.join(wound.targets)}",
            hint=f"`./halab heal {name}`",
        )
    found = snapshot(site.inventory)
    if not found.status.healthy and not anyway:
        raise HalabError(
            f"lab {name!r} is not healthy, so a drill would prove nothing",
            detail="\n".join(found.status.reasons),
            hint="\n".join(
                (
                    *(remedy.command for remedy in found.status.remedies),
                    f"`./halab heal {name}` cleans up what was left behind; or wait until it is "
                    "healthy, or break it nevertheless with --anyway",
                )
            ),
        )
    return found


def check_targets(site: Site, drill: Drill, targets: tuple[str, ...], active: str | None) -> None:
    """Raise HalabError unless this fault can hit these machines while that one is active."""
    wrong = [name for name in targets if site.inventory.machine(name).role is not drill.role]
    if wrong:
        raise HalabError(
            f"{drill.name} cannot hit {', '.join(wrong)}: it is for a {drill.role.value}",
            hint=f"by default it hits: {drill.target}",
        )
    if len(targets) > drill.most:
        raise HalabError(
            f"{drill.name} hits one machine, not {len(targets)}: {', '.join(targets)}",
            hint="`blackout` is the drill that takes all nodes",
        )
    if drill.only and (drill.only == "active") != (active in targets):
        raise HalabError(
            f"{drill.name} is for the {drill.only} node, not for {', '.join(targets)}",
            hint=f"leave --target away, or say --target {drill.only}",
        )


@dataclass
class _Course:
    """A drill in progress."""

    site: Site
    drill: Drill
    audience: Audience
    word: str
    targets: tuple[str, ...]
    seed: int
    before: Snapshot
    expected: Expected
    seen: set[str] = field(default_factory=set)
    injected: float = 0.0
    healed: float = 0.0
    recovered: float | None = None
    trouble: str | None = None
    proof: str | None = None
    reports: tuple[Report, ...] | None = None
    problems: tuple[Problem, ...] | None = None

    def run(self) -> Kept:
        inventory = self.site.inventory
        self.clock = LabClock(inventory.monitor)
        began = self.clock.now()
        folder = drills_folder(self.site.folder)
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{datetime.now():%Y-%m-%d-%H%M%S}-{self.drill.name}-{self.seed}"
        events = folder / f"{stem}.events.txt"
        self.audience.say("a client outside begins to read and write")
        begins = witnesses.cursors(inventory)
        environment = witnesses.ask(lambda: witnesses.environment(inventory)) or {}
        with self.site.power.watched(events) as watch, self._client() as probe:
            self._break_and_heal(probe)
            self._recover(probe)
            self.audience.phase("Asking the witnesses")
            self._hear_monitoring()
            findings = self._findings(watch, probe, begins)
        result = self._result(findings, began, environment, folder / stem)
        path = folder / f"{stem}.json"
        write_file(path, result.model_dump_json(indent=1) + "\n")
        if result.answer is Answer.PASS:
            return Kept(result, path)
        self.audience.phase("Keeping evidence")
        why = f"drill {self.drill.name}: {result.answer.value}, {path}"
        kept = witnesses.ask(lambda: collect_evidence(self.site.folder, inventory, why))
        return Kept(result, path, kept)

    @contextmanager
    def _client(self) -> Iterator[Probe]:
        """Run a client on the monitor; its ledger entries are removed at the end."""
        with probing(self.site.inventory) as probe:
            try:
                yield probe
            finally:
                holder = self._active()
                if holder is not None:
                    clear_ledger(self.site.inventory.machine(holder), probe.run)

    def _active(self) -> str | None:
        with Observer(self.site.inventory) as observer:
            return observer.read().active

    def _break_and_heal(self, probe: Probe) -> None:
        self.injected = self.clock.now()
        self.audience.phase("Fault")
        self.audience.say(f"{self.drill.title}: {', '.join(self.targets)}")
        wound = Wound(
            fault=self.drill.name,
            targets=self.targets,
            seed=self.seed,
            began=self.injected,
            notes={RUN: probe.run},
        )
        with held(self.site, self.drill, self.targets, wound, self.audience) as scene:
            self._await_consequences(probe)
            prove = self.drill.fault.proof
            if prove is not None:
                self.proof = witnesses.ask(lambda: prove(scene))
        self.healed = self.clock.now()

    def _await_consequences(self, probe: Probe) -> None:
        """Wait until what has to happen has happened; what does not is the judge's to say."""
        expected = self.expected
        if expected.interrupted and expected.fate is not Fate.RETURNS:
            self._await_service(probe)
        if expected.fenced or expected.reasons or expected.fate is Fate.MOVES:
            self._await_cluster()
        self._hold(probe)

    def _await_service(self, probe: Probe) -> None:
        """Wait until the service was away and is back.

        Only the monitor is asked: whoever asks the nodes as well slows down what is measured.
        """
        try:
            wait_until(
                lambda: self._look(probe),
                lambda attempts: settled(attempts, self.injected),
                what="service back for the client outside",
                timeout=PATIENCE * self.expected.outage_s + MARGIN_S,
                interval=self._look_every,
            )
        except WaitTimeout as error:
            self.audience.say(error.message)

    @property
    def _look_every(self) -> float:
        return max(1.0, self.site.inventory.timing.pace / 2)

    def _look(self, probe: Probe) -> tuple[Attempt, ...]:
        attempts = probe.recent()
        good = [a.wall for a in attempts if a.kind == "probe" and a.ok]
        silent = self.clock.now() - good[-1] if good else self.clock.now() - self.injected
        self.audience.service(max(0.0, silent), self.expected.outage_s)
        return attempts

    def _await_cluster(self) -> None:
        with Observer(self.site.inventory) as observer:
            try:
                wait_until(
                    observer.read_both,
                    lambda both: self._has_happened(*both),
                    what="what the fault has to bring about",
                    timeout=self.site.inventory.timing.healthy_wait_s,
                    describe=lambda both: both[0].summary(),
                    interval=float(self.site.inventory.timing.pace),
                    on_change=self.audience.say,
                )
            except WaitTimeout as error:
                self.audience.say(error.message)

    def _has_happened(self, status: LabStatus, readings: Readings) -> bool:
        self.seen |= set(status.reasons)
        expected = self.expected
        new = of(status, readings).fence_events - self.before.fence_events
        fenced = {event.target for event in new if event.status == "success"}
        complained = all(
            any(re.search(pattern, reason) for reason in self.seen) for pattern in expected.reasons
        )
        moved = expected.fate is not Fate.MOVES or (
            status.active not in (None, self.before.status.active) and status.service.answers
        )
        return complained and moved and fenced >= expected.fenced

    @property
    def _hold_s(self) -> float:
        """How long the fault is held: longer than anybody's patience with it.

        What the monitoring has to see, it has to come round to.
        """
        inventory, timing = self.site.inventory, self.site.inventory.timing
        held_s = [self.drill.hold_s]
        if self.drill.hold_s:
            held_s.append(PATIENCE_ENDS * max(timing.death_s, timing.watchdog_s))
        if inventory.monitoring is not None and self.expected.alarms:
            held_s.append(ROUNDS_TO_SEE * inventory.observe_every_s)
        return max(held_s)

    def _hold(self, probe: Probe) -> None:
        until = self.injected + self._hold_s
        if self.clock.now() >= until:
            return
        wait_until(
            lambda: self._look(probe),
            lambda _: self.clock.now() >= until,
            what="the fault to last",
            timeout=self._hold_s + MARGIN_S,
            interval=self._look_every,
        )

    def _recover(self, probe: Probe) -> None:
        self.audience.phase("Recovery")
        if self.expected.fate is Fate.RETURNS:
            self._await_service(probe)
        timing = self.site.inventory.timing
        try:
            wait_healthy(
                self.site.inventory,
                timing.rejoin_wait_s,
                self.audience.say,
                # What was broken may look for so long as if nobody would mend it.
                patience_s=timing.boot_wait_s,
                known=self.before.status.history,
            )
        except (WaitFailed, WaitTimeout) as error:
            self.trouble = error.detail or error.message
        else:
            self.trouble, self.recovered = "", self.clock.now()

    def _hear_monitoring(self) -> None:
        """Wait until the monitoring has seen what it has to see, and sees no problem any more."""
        inventory, wanted = self.site.inventory, self.expected.alarms
        if inventory.monitoring is None:
            return
        self.audience.say("waiting for the monitoring to see the end of it")

        def look() -> bool:
            self.reports = reader.reports(self.injected)
            self.problems = reader.read()
            raised = {report.alarm for report in self.reports if report.raised}
            return raised >= wanted and not self.problems

        with ProblemReader(inventory, load_secrets(self.site.folder.secrets)) as reader:
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
                self.audience.say(error.message)

    def _findings(self, watch: Watch, probe: Probe, begins: dict[str, str]) -> Findings:
        inventory, ask = self.site.inventory, witnesses.ask
        attempts = probe.stop()
        sightings = ask(probe.sightings)
        # First, because the others ask the cluster for things and so keep it busy.
        states = ask(lambda: witnesses.configurations(inventory))
        after = ask(lambda: snapshot(inventory))
        active = after.status.active if after else None
        entries = different = None
        if active is not None:
            holder = inventory.machine(active)
            entries = ask(lambda: read_ledger(holder, probe.run))
            if self.expected.verify:
                self.audience.say("comparing both disks")
                different = ask(lambda: witnesses.out_of_sync(inventory, holder))
        here = self.clock.here(self.injected) - 1
        events = tuple(event for event in watch.events() if event.at >= here)
        return Findings(
            inventory=inventory,
            expected=self.expected,
            targets=self.targets,
            injected=self.injected,
            healed=self.healed,
            before=self.before,
            after=after,
            seen=frozenset(self.seen),
            trouble=self.trouble,
            attempts=attempts,
            sightings=sightings,
            entries=entries,
            events=witnesses.on_lab_clock(events, self.clock),
            journals=witnesses.journals(inventory, begins),
            configurations=states,
            out_of_sync=different,
            proved=self.drill.fault.proof is not None,
            proof=self.proof,
            reports=self.reports,
            problems=self.problems,
        )

    def _result(
        self, found: Findings, began: float, environment: dict[str, str], stem: Path
    ) -> DrillResult:
        inventory, record = self.site.inventory, self.site.record
        ended = self.clock.now()
        outage = _outage(found.attempts, self.injected)
        happened = marks(
            found.events or (),
            found.journals,
            ended,
            monitor=inventory.monitor.name,
            reports=found.reports or (),
        )
        own = [_mark(self.injected, self.targets, MarkKind.FAULT, self.drill.title)]
        if self.healed:
            own.append(_mark(self.healed, self.targets, MarkKind.HEAL, "healed"))
        return DrillResult(
            lab=inventory.lab,
            fault=self.drill.name,
            title=self.drill.title,
            teaches=self.drill.teaches,
            targets=self.targets,
            seed=self.seed,
            replay=shlex.join(
                (
                    *("./halab", "drill", inventory.lab, self.drill.name),
                    *("--target", self.word, "--seed", str(self.seed)),
                )
            ),
            platform=record.platform,
            accelerated=record.accelerated,
            began=began,
            injected=self.injected,
            healed=self.healed,
            recovered=self.recovered,
            ended=ended,
            service_url=service_url(inventory),
            budget_s=self.expected.outage_s,
            outage=outage,
            phases=_phases(found, outage),
            marks=tuple(sorted((*own, *happened), key=lambda mark: mark.at)),
            attempts=found.attempts,
            checks=judge(found, str(stem)),
            machines=tuple(
                MachineSheet(
                    name=machine.name,
                    role=machine.role,
                    addresses={role: str(nic.address) for role, nic in machine.interfaces.items()},
                    active_before=machine.name == found.source,
                    active_after=machine.name == found.holder,
                    hit=machine.name in self.targets,
                )
                for machine in inventory.machines
            ),
            environment=environment,
        )


def _mark(at: float, machines: tuple[str, ...], kind: MarkKind, text: str) -> Mark:
    return Mark(at=at, machine=", ".join(machines), kind=kind, text=text)


def _outage(attempts: tuple[Attempt, ...], injected: float) -> Outage | None:
    try:
        return worst_outage(attempts, injected - BEFORE_FAULT_S)
    except ValueError:
        return None


def _phases(found: Findings, outage: Outage | None) -> tuple[Phase, ...]:
    """Cut the outage of a takeover at the milestones in the journal of who took over."""
    expected = found.expected
    takeover = expected.fate is Fate.MOVES and expected.fenced
    if outage is None or not takeover or found.source is None or found.holder is None:
        return ()
    lines = found.journals.get(found.holder) or ()
    begun = (line for line in lines if line.at >= found.injected - 1)
    reached = find_milestones(begun, found.source, found.holder)
    return phases(outage, reached, found.inventory.timing.budget)


def new_seed() -> int:
    """Return a seed that nobody has chosen, short enough to type."""
    return time.time_ns() // 1_000_000 % 1_000_000

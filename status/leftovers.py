"""What people and failures leave in a cluster: it stays until somebody takes it back.

What is over and harms nothing is told as past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labs.timing import Timing
from parts.addresses import cable
from parts.reasons import FOR_EVER, Reason, Remedy
from parts.seen import NodeState
from parts.storage.drbd import HANDLER_RULE
from wire.cib import Deeds
from wire.pacemaker import Ban, ClusterView, FailCount, Failure, FenceEvent, ResourceState

PRESENT = (NodeState.ONLINE, NodeState.STANDBY)


@dataclass(frozen=True)
class Cluster:
    """One look at a cluster: its view, what was set in it, and on which node to run commands."""

    view: ClusterView
    deeds: Deeds
    speaker: str
    states: Mapping[str, NodeState]
    timing: Timing
    redundant: bool
    """Whether all copies of data hold the same."""

    updated: frozenset[str] = frozenset()
    """The nodes in the middle of an update, by name."""

    @property
    def settles_s(self) -> float:
        """How long the cluster may take to show that something was taken back."""
        return 5.0 * self.timing.pace

    def lasting(self, sentence: str, command: str, warning: str | None = None) -> Reason:
        """Return a reason that only this command ends."""
        remedy = Remedy(self.speaker, command, warning)
        return Reason(sentence, remedy, FOR_EVER, self.settles_s)


def leftovers(cluster: Cluster) -> Iterator[Reason]:
    """Return everything that was left, or set and not taken back."""
    yield from _switches(cluster)
    for setting in cluster.deeds.settings:
        yield cluster.lasting(
            f"resource {setting.resource} is out of service: {setting.name} is {setting.value}",
            f"crm_resource --resource {setting.resource} --meta --delete-parameter {setting.name}",
        )
    for ban in cluster.view.bans:
        yield _ban(cluster, ban)
    for wish in cluster.deeds.preferences:
        yield cluster.lasting(
            f"constraint {wish.id} pulls {wish.resource} to {wish.node}", _clear(wish.resource)
        )
    for failure in cluster.view.failures:
        yield _failure(cluster, failure)
    for count in cluster.view.fail_counts:
        yield _count(cluster, count)
    for event in cluster.view.latest_fencing:
        yield from _fencing(cluster, event)


def _switches(cluster: Cluster) -> Iterator[Reason]:
    if not cluster.view.fencing_enabled:
        yield cluster.lasting(
            "fencing is switched off (stonith-enabled=false)",
            "crm_attribute --name stonith-enabled --update true",
        )
    if cluster.deeds.stops_all:
        yield cluster.lasting(
            "the cluster is told to stop all resources (stop-all-resources=true)",
            "crm_attribute --name stop-all-resources --delete",
        )
    if cluster.view.maintenance:
        yield cluster.lasting(
            "the cluster is in maintenance mode", "crm_attribute --name maintenance-mode --delete"
        )
    for member in cluster.view.members:
        if member.maintenance:
            yield cluster.lasting(
                f"{member.name} is in maintenance mode",
                f"crm_attribute --node {member.name} --name maintenance --delete",
            )
        if cluster.states.get(member.name) is NodeState.STANDBY:
            lifetime = "" if member.name in cluster.deeds.standby else " --lifetime reboot"
            updated = member.name in cluster.updated
            yield cluster.lasting(
                f"{member.name} is in standby" + (", in the middle of an update" * updated),
                f"crm_standby --node {member.name} --delete{lifetime}",
                "only when nobody goes on with its update: `./halab update` does, and with "
                "--rollback brings back what it had"
                if updated
                else None,
            )


def _clear(resource: str) -> str:
    return f"crm_resource --resource {resource} --clear"


def _ban(cluster: Cluster, ban: Ban) -> Reason:
    sentence = f"constraint {ban.id} keeps {ban.resource} from {ban.node}"
    if cable.RULE in ban.id:
        return Reason(f"{ban.node} has no cable into the service network")
    if ban.id.startswith("cli-ban-"):
        return cluster.lasting(sentence, _clear(ban.resource))
    remedy = Remedy(
        cluster.speaker,
        f"cibadmin --delete --xpath \"//rsc_location[@id='{ban.id}' or rule/@id='{ban.id}']\"",
    )
    if not ban.id.startswith(HANDLER_RULE):
        return Reason(sentence, remedy, FOR_EVER, cluster.settles_s)
    if not cluster.redundant:
        # It goes when the peer's data are good again.
        return Reason(sentence)
    return Reason(sentence, remedy, FOR_EVER, cluster.timing.stop_wait_s)


def _failure(cluster: Cluster, failure: Failure) -> Reason:
    sentence = f"operation {failure.operation} failed on {failure.node}: {failure.reason}"
    resource = failure.operation.rsplit("_", 2)[0]
    counts = [
        c for c in cluster.view.fail_counts if (c.resource, c.node) == (resource, failure.node)
    ]
    return _failed(cluster, sentence, resource, failure.node, any(c.is_final for c in counts))


def _count(cluster: Cluster, count: FailCount) -> Reason:
    sentence = f"resource {count.resource} has failed {count.count} times on {count.node}"
    return _failed(cluster, sentence, count.resource, count.node, count.is_final)


def _failed(cluster: Cluster, sentence: str, resource: str, node: str, final: bool) -> Reason:
    """Tell a failure: for good where it keeps the resource from the node, else as past."""
    broken = any(
        found.id == resource
        and found.node in (node, None)
        and found.state in (ResourceState.FAILED, ResourceState.BLOCKED)
        for found in cluster.view.instances
    )
    remedy = Remedy(cluster.speaker, f"crm_resource --cleanup --resource {resource} --node {node}")
    # Pacemaker forgets it by itself, when it next looks at what is due.
    forgotten_s = cluster.timing.failure_timeout_s + cluster.timing.recheck_s
    passing = broken and not final
    return Reason(
        sentence,
        remedy,
        0.0 if passing else forgotten_s,
        cluster.settles_s,
        past=not (broken or final),
    )


def _fencing(cluster: Cluster, event: FenceEvent) -> Iterator[Reason]:
    if event.status == "pending":
        yield Reason(f"fencing of {event.target} is under way")
    if event.status != "failed":
        return
    sentence = f"the last fencing of {event.target} failed"
    if cluster.states.get(event.target) in PRESENT:
        forget = Remedy(cluster.speaker, f"stonith_admin --cleanup --history {event.target}")
        yield Reason(sentence, forget, FOR_EVER, cluster.settles_s, past=True)
        return
    # Pacemaker tries again.
    yield Reason(
        sentence,
        Remedy(
            cluster.speaker,
            f"stonith_admin --confirm {event.target}",
            f"only when {event.target} is surely off: if it still runs, data are lost",
        ),
    )

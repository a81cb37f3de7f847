"""A cluster's configuration and state (CIB) with something in it that has not happened."""

from __future__ import annotations

import time
from copy import deepcopy
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from core.errors import HalabError

NOT_RUNNING = "7"
"""What an agent's monitor returns for a resource that has died (OCF_NOT_RUNNING)."""


class Hypothesis:
    """A copy of a CIB. Elements and values are those that Pacemaker's daemons write themselves."""

    def __init__(self, cib: str) -> None:
        self._root = ElementTree.fromstring(cib)

    def text(self) -> str:
        """Return it as XML."""
        return ElementTree.tostring(self._root, encoding="unicode")

    def decide(self, quorate: bool) -> None:
        """Say whether whoever is left has a quorum."""
        self._root.set("have-quorum", str(int(quorate)))

    def lose(self, node: str) -> None:
        """Let a node be gone without a word, so that it has to be fenced."""
        state = self._state(node)
        if state is not None:
            for key, value in (("in_ccm", "0"), ("crmd", "0"), ("join", "down")):
                state.set(key, value)

    def bring_back(self, node: str) -> None:
        """Let a node have booted, joined and left standby; nothing runs on it yet."""
        self._set_standby(node, "off")
        state = self._state(node)
        if state is not None and state.get("join") == "member":
            return
        if state is None:
            state = SubElement(self._status(), "node_state", id=self._id(node), uname=node)
        now = str(int(time.time()))
        for key, value in (("in_ccm", now), ("crmd", now)):
            state.set(key, value)
        state.set("join", "member")
        state.set("expected", "member")
        # What ran on it, and what its agents said, ended with its last boot.
        for child in list(state):
            state.remove(child)

    def stand_by(self, node: str) -> None:
        """Send a node into standby."""
        self._set_standby(node, "on")

    def fail(self, resource: str, node: str) -> None:
        """Let a resource's next monitor find it dead.

        Raises HalabError where nothing monitors it.
        """
        state = self._state(node)
        history = None if state is None else state.find(f".//lrm_resource[@id='{resource}']")
        repeated = [
            operation
            for operation in (history if history is not None else ())
            if operation.get("operation") == "monitor" and operation.get("interval") != "0"
        ]
        if state is None or history is None or not repeated:
            raise HalabError(
                f"{resource} is not watched on {node}, so it cannot fail there",
                hint="`./halab status` shows where it runs",
            )
        newest = max(int(operation.get("call-id", "0")) for operation in history)
        failed, now = deepcopy(repeated[0]), str(int(time.time()))
        identity = f"{resource}_last_failure_0"
        for former in history.findall(f"lrm_rsc_op[@id='{identity}']"):
            history.remove(former)
        _, _, key = failed.get("transition-magic", "").partition(";")
        for name, value in (
            ("id", identity),
            ("rc-code", NOT_RUNNING),
            ("op-status", "0"),
            ("call-id", str(newest + 1)),
            ("transition-magic", f"0:{NOT_RUNNING};{key}"),
            ("last-rc-change", now),
        ):
            failed.set(name, value)
        history.append(failed)
        self._count(state, f"{resource}#monitor_{failed.get('interval')}", now)

    def ban(self, resource: str, node: str) -> None:
        """Keep a resource from a node, as `crm_resource --ban` does."""
        SubElement(
            _child(_child(self._root, "configuration"), "constraints"),
            "rsc_location",
            id=f"cli-ban-{resource}-on-{node}",
            rsc=resource,
            node=node,
            score="-INFINITY",
        )

    def _status(self) -> Element:
        return _child(self._root, "status")

    def _state(self, node: str) -> Element | None:
        return self._root.find(f"status/node_state[@uname='{node}']")

    def _node(self, node: str) -> Element:
        found = self._root.find(f"configuration/nodes/node[@uname='{node}']")
        if found is None:
            raise HalabError(
                f"the cluster does not know a node {node}", hint="it has never joined: mend that"
            )
        return found

    def _id(self, node: str) -> str:
        return self._node(node).get("id", "")

    def _set_standby(self, node: str, value: str) -> None:
        owner = _child(self._node(node), "instance_attributes", id=f"nodes-{self._id(node)}")
        _pair(owner, "standby").set("value", value)
        state = self._state(node)
        # Until the next boot a node may be in standby by an attribute of its state.
        for pair in () if state is None else state.iterfind(".//nvpair[@name='standby']"):
            pair.set("value", value)

    def _count(self, state: Element, operation: str, now: str) -> None:
        """Count a failure as the attribute daemon does: it decides who has failed too often."""
        identity = state.get("id", "")
        owner = _child(
            _child(state, "transient_attributes", id=identity),
            "instance_attributes",
            id=f"status-{identity}",
        )
        count = _pair(owner, f"fail-count-{operation}")
        known = count.get("value", "0")
        count.set("value", str(int(known) + 1) if known.isdigit() else known)
        _pair(owner, f"last-failure-{operation}").set("value", now)


def _child(parent: Element, tag: str, **attributes: str) -> Element:
    """Return the first child of a kind, made with these attributes where there is none."""
    found = parent.find(tag)
    return SubElement(parent, tag, attributes) if found is None else found


def _pair(owner: Element, name: str) -> Element:
    """Return the value of this name, made where there is none."""
    found = owner.find(f"nvpair[@name='{name}']")
    if found is not None:
        return found
    # An id cannot hold the mark between a resource and its operation.
    identity = f"{owner.get('id')}-{name.replace('#', '.')}"
    return SubElement(owner, "nvpair", id=identity, name=name)

"""A running cluster's configuration is corrected where it differs, and nowhere else."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from inventory.model import Inventory
from parts.addresses import cable
from parts.all import Parts
from provisioning import cib
from tests.unit.provisioned_lab import inventory

FENCE_BAN = (
    '<rsc_location rsc="replication" id="drbd-fence-by-handler-r0-replication">'
    '<rule role="Promoted" score="-INFINITY" id="drbd-fence-by-handler-r0-rule-replication"/>'
    "</rsc_location>"
)


EVERYWHERE = {"kind": "nginx", "runs": "everywhere"}
OTHER_PORT = {"service": {"port": 8080}}


def wanted(**tables: Any) -> str:
    return desired(inventory(**tables))


def desired(lab: Inventory) -> str:
    return cib.desired(Parts(lab))


def running(**tables: Any) -> ElementTree.Element:
    """Return the CIB of a cluster that has run for a while: it wrote things of its own."""
    root = ElementTree.fromstring(wanted(**tables))
    properties = root.find(".//cluster_property_set")
    nodes = root.find("configuration/nodes")
    constraints = root.find("configuration/constraints")
    assert properties is not None and nodes is not None and constraints is not None
    for name, value in (("have-watchdog", "true"), ("dc-version", "3.0.0")):
        ElementTree.SubElement(
            properties, "nvpair", id=f"cib-bootstrap-options-{name}", name=name, value=value
        )
    node = ElementTree.SubElement(nodes, "node", id="1", uname="node1")
    block = ElementTree.SubElement(node, "instance_attributes", id="nodes-1")
    ElementTree.SubElement(block, "nvpair", id="nodes-1-standby", name="standby", value="on")
    constraints.append(ElementTree.fromstring(FENCE_BAN))
    return root


def corrections(root: ElementTree.Element, **tables: Any) -> list[str]:
    text = ElementTree.tostring(root, encoding="unicode")
    steps = cib.corrections(text, wanted(**tables))
    return [f"{step.what}: {step.command}" for step in steps]


def test_a_cluster_that_is_as_it_should_be_is_left_alone() -> None:
    assert corrections(running()) == []


def test_who_has_lost_quorum_can_still_fence_when_it_comes_back() -> None:
    root = ElementTree.fromstring(wanted())
    needs = root.find(".//primitive[@id='fencing']/meta_attributes/nvpair[@name='requires']")
    assert needs is not None and needs.get("value") == "nothing"


def test_a_lost_cable_outweighs_staying_but_never_good_data() -> None:
    root = ElementTree.fromstring(wanted())
    leave = cable.rule("service")
    rule = root.find(f".//rsc_location[@id='{leave}']/rule")
    stickiness = root.find(".//rsc_defaults//nvpair[@name='resource-stickiness']")
    members = len(root.findall(".//group[@id='service']/primitive"))
    assert rule is not None and stickiness is not None
    # The promoted instance and every member of the group want to stay.
    staying = int(stickiness.get("value", "")) * (members + 1)
    # What ocf:linbit:drbd gives an UpToDate replica more than any other.
    good_data = 10000
    assert staying < -int(rule.get("score", "")) < good_data / 2


def test_after_the_first_start_only_the_wait_for_absent_nodes_is_left_to_set() -> None:
    parts = Parts(inventory())
    steps = cib.corrections(cib.first(parts), cib.desired(parts))
    assert [step.command for step in steps] == [
        "crm_attribute --type crm_config --name dc-deadtime --update 10s"
    ]


def test_a_changed_property_is_set() -> None:
    (step,) = corrections(running(), timing={"recheck_s": 600})
    assert "--name cluster-recheck-interval --update 600s" in step


def test_a_property_that_somebody_removed_comes_back() -> None:
    root = running()
    properties = root.find(".//cluster_property_set")
    pair = root.find(".//nvpair[@name='stonith-enabled']")
    assert properties is not None and pair is not None
    properties.remove(pair)
    (step,) = corrections(root)
    assert "--name stonith-enabled --update true" in step


def test_a_property_that_no_part_asks_for_any_more_goes() -> None:
    quorum = {"quorum": {"kind": "two-node"}}
    said = corrections(running(**quorum))
    assert any(
        step.endswith("--name priority-fencing-delay --delete")
        and step.startswith("cluster property priority-fencing-delay removed")
        for step in said
    )
    assert not any("priority-fencing-delay" in step for step in corrections(running()))


def test_a_property_that_people_set_stays() -> None:
    root = running()
    block = root.find("configuration/crm_config/cluster_property_set")
    assert block is not None
    ElementTree.SubElement(block, "nvpair", id="x", name="maintenance-mode", value="true")
    assert corrections(root) == []


def test_changed_resources_are_replaced_as_a_whole() -> None:
    (step,) = corrections(running(), **OTHER_PORT)
    assert step.startswith("cluster resources replaced: cibadmin --replace --scope resources")
    assert "http://127.0.0.1:8080/ping" in step


def test_a_stopped_resource_stays_stopped() -> None:
    root = running()
    web = root.find(".//primitive[@id='web']")
    assert web is not None
    block = ElementTree.SubElement(web, "meta_attributes", id="web-meta_attributes")
    ElementTree.SubElement(
        block, "nvpair", id="web-meta-target-role", name="target-role", value="Stopped"
    )
    assert len(corrections(root, **OTHER_PORT)) == 1
    assert 'name="target-role" value="Stopped"' in corrections(root, **OTHER_PORT)[0]


def test_a_resource_that_is_only_stopped_needs_no_correction() -> None:
    root = running()
    group = root.find(".//group[@id='service']")
    assert group is not None
    block = ElementTree.SubElement(group, "meta_attributes", id="service-meta_attributes")
    ElementTree.SubElement(
        block, "nvpair", id="service-meta-target-role", name="target-role", value="Stopped"
    )
    assert corrections(root) == []


def test_a_lost_constraint_comes_back_and_a_ban_stays() -> None:
    root = running()
    constraints = root.find("configuration/constraints")
    order = root.find(".//rsc_order")
    assert constraints is not None and order is not None
    constraints.remove(order)
    (step,) = corrections(root)
    assert "cibadmin --create --scope constraints" in step
    assert "service-after-replication" in step
    assert "drbd-fence-by-handler" not in step


def test_a_changed_constraint_is_replaced() -> None:
    root = running()
    colocation = root.find(".//rsc_colocation")
    assert colocation is not None
    colocation.set("score", "100")
    (step,) = corrections(root)
    assert "cibadmin --replace --scope constraints" in step
    assert "INFINITY" in step


def test_a_lab_that_knows_no_alerts_gets_them() -> None:
    older = re.sub(r"<alerts>.*</alerts>", "", wanted(), flags=re.DOTALL)
    (step,) = cib.corrections(older, wanted())
    assert "--modify --allow-create --scope alerts" in step.command
    without = wanted(monitoring=False)
    assert cib.corrections(older, without) == ()
    (step,) = cib.corrections(wanted(), without)
    assert "--replace --scope alerts" in step.command


def test_no_constraint_ever_names_a_resource_that_is_not_there() -> None:
    # Pacemaker refuses such a CIB as a whole.
    before = {"web": EVERYWHERE, "api": {**EVERYWHERE, "port": 8080}}
    after = {"web": EVERYWHERE, "page": {**EVERYWHERE, "port": 8081}}
    said = corrections(running(services=before), services=after)
    replaced = next(n for n, text in enumerate(said) if text.startswith("cluster resources"))
    assert all(text.startswith("constraint api-") for text in said[:replaced])
    assert all("cibadmin --delete --scope constraints" in text for text in said[:replaced])
    assert all(text.startswith("constraint page-") for text in said[replaced + 1 :])
    # For each of two addresses with the server, after it, with a cable, at home and home again.
    assert len(said[:replaced]) == len(said[replaced + 1 :]) == 2 * 5 + 1


def test_what_a_resource_is_stopped_by_is_there_before_it_goes() -> None:
    # Its own timeout goes with it, and a node that is not done by then is fenced.
    before = {"web": EVERYWHERE, "api": {**EVERYWHERE, "port": 8080}}
    root = running(services=before)
    configuration, defaults = root.find("configuration"), root.find(".//op_defaults")
    assert configuration is not None and defaults is not None
    configuration.remove(defaults)
    said = corrections(root, services={"web": EVERYWHERE})
    order = [text.split(":")[0] for text in said if text.startswith("cluster ")]
    assert order == ["cluster op_defaults replaced", "cluster resources replaced"]


def test_what_people_said_of_a_service_goes_with_it() -> None:
    root = running(services={"web": EVERYWHERE, "api": {**EVERYWHERE, "port": 8080}})
    constraints = root.find("configuration/constraints")
    assert constraints is not None
    for text in (
        '<rsc_location id="cli-prefer-api-address-1" rsc="api-address-1" node="node2"/>',
        '<rsc_colocation id="apart"><resource_set id="apart-set"><resource_ref id="address-1"/>'
        '<resource_ref id="api-address-2"/></resource_set></rsc_colocation>',
        '<rsc_location id="cli-prefer-address-1" rsc="address-1" node="node2"/>',
    ):
        constraints.append(ElementTree.fromstring(text))
    removed = " ".join(corrections(root, services={"web": EVERYWHERE}))
    assert "constraint cli-prefer-api-address-1 removed" in removed
    assert "constraint apart removed" in removed
    assert "cli-prefer-address-1 " not in removed


def test_addresses_of_a_service_that_runs_everywhere_go_home_and_nowhere_else() -> None:
    root = ElementTree.fromstring(wanted(services={"web": EVERYWHERE}))
    stickiness = root.find(".//rsc_defaults//nvpair[@name='resource-stickiness']")
    assert stickiness is not None
    at_first = root.findall(".//rsc_location[@node]")
    assert [(home.get("rsc"), home.get("node")) for home in at_first] == [
        ("address-1", "node1"),
        ("address-2", "node2"),
    ]
    again = root.findall(".//rsc_location/rule[@boolean-op='and']")
    assert len(again) == len(at_first)
    for home in again:
        score = int(home.get("score", ""))
        # More than staying, less than what a lost cable costs.
        assert int(stickiness.get("value", "")) < score < cable.STEP

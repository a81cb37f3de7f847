"""Which lab the tests look at, and what is kept when one of them fails."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.errors import HalabError
from core.folders import LabFolder
from core.saying import Say
from core.signals import interruptible
from drills.evidence import collect_evidence
from inventory.model import Inventory
from inventory.record import LabRecord, load_inventory, load_record
from parts.all import Parts
from tests.needs import left_out

LAB_FOLDERS = ("state", "failover")
"""Folders below tests/ whose tests need a running lab."""

_LINES = pytest.StashKey[list[str]]()
_KEPT = pytest.StashKey[set[str]]()
_LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lab", metavar="NAME", help="the running lab that state and failover test")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LINES] = []
    config.stash[_KEPT] = set()
    config.stash[_LEFT_OUT] = []
    # A cancelled job says SIGTERM, which would leave what a story broke as it is.
    stack = ExitStack()
    stack.enter_context(interruptible())
    config.add_cleanup(stack.close)


def lab_folder(config: pytest.Config) -> LabFolder:
    """Return the lab's folder; raises UsageError without one, because no lab is not a pass."""
    name, path = config.getoption("--lab"), os.environ.get("HALAB_LAB")
    if name:
        return LabFolder.of(name)
    if path:
        return LabFolder(Path(path))
    raise pytest.UsageError(
        "these tests need a running lab: --lab NAME, or its folder in HALAB_LAB"
    )


def lab_inventory(config: pytest.Config) -> Inventory:
    """Return the lab's inventory; raises UsageError when there is none."""
    try:
        return load_inventory(lab_folder(config))
    except HalabError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> LabFolder:
    return lab_folder(pytestconfig)


@pytest.fixture(scope="session")
def inventory(pytestconfig: pytest.Config) -> Inventory:
    return lab_inventory(pytestconfig)


@pytest.fixture(scope="session")
def parts(inventory: Inventory) -> Parts:
    return Parts(inventory)


@pytest.fixture(scope="session")
def record(folder: LabFolder) -> LabRecord:
    return load_record(folder)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Say:
    """Return a function whose text the summary shows at the end, whether the test passes or not."""

    def add(text: str) -> None:
        request.config.stash[_LINES].append(f"{request.node.name}: {text}")
        request.node.user_properties.append(("told", text))

    return add


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the stories about parts that the lab does not have, and say which."""
    about_a_lab = [item for item in items if item.path.parent.name in LAB_FOLDERS]
    if not about_a_lab:
        return
    why = left_out(Parts(lab_inventory(config)), about_a_lab)
    config.hook.pytest_deselected(items=list(why))
    items[:] = [item for item in items if item not in why]
    config.stash[_LEFT_OUT] = sorted({f"{item.nodeid}: {said}" for item, said in why.items()})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left = terminalreporter.config.stash[_LEFT_OUT]
    if left:
        terminalreporter.section("not about this lab")
        for line in left:
            terminalreporter.write_line(line)
    lines = terminalreporter.config.stash[_LINES]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep journals, cluster state and consoles when a test of a running lab fails."""
    report = yield
    group = item.path.parent.name
    if report.failed and group in LAB_FOLDERS:
        kept = item.config.stash[_KEPT]
        # State tests only look, so one collection shows what all of them saw.
        of = group if group == "state" else item.nodeid
        if of not in kept:
            kept.add(of)
            report.sections.append(("evidence", _keep(item, report)))
    return report


def _keep(item: pytest.Item, report: pytest.TestReport) -> str:
    try:
        folder = lab_folder(item.config)
        path = collect_evidence(folder, load_inventory(folder), f"{item.nodeid} ({report.when})")
    except (HalabError, OSError, pytest.UsageError) as error:
        return f"nothing could be kept: {error}"
    item.config.stash[_LINES].append(f"{item.name}: evidence is in {path}")
    return f"journals, cluster state and consoles are in {path}"

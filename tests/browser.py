"""A real browser without a screen: Debian's Chromium, which downloads nothing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from core.folders import LabFolder
from hypervisor.packages import find_program
from inventory.model import Inventory
from labs.ports import ZABBIX_FRONTEND
from labs.roles import NetworkRole
from machines.remote import Remote
from machines.tunnel import HERE, tunnel
from parts.monitoring.names import ADMIN
from parts.secrets import ensure_secrets

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
    "--hide-scrollbars",
)


@contextmanager
def browser(timeout: float) -> Iterator[webdriver.Chrome]:
    """Start a browser with a profile of its own; `timeout` in seconds is for loading a page.

    It runs where nobody else wants the processor: as root it would otherwise make parts of itself
    more urgent (nice -8) than the emulated machines beside it, which then miss their moments.
    """
    chromium, driver = find_program("chromium"), find_program("chromedriver")
    assert chromium and driver, "chromium and chromium-driver are missing: `./halab test` has them"
    with tempfile.TemporaryDirectory(prefix="halab-browser-") as profile:
        options = Options()
        options.binary_location = str(chromium)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        # Without an explicit path selenium would look for a driver to download.
        service = Service(str(driver), popen_kw={"preexec_fn": stand_back})
        running = webdriver.Chrome(options=options, service=service)
        try:
            running.set_page_load_timeout(timeout)
            yield running
        finally:
            running.quit()


def stand_back() -> None:
    """Have this process and what it starts run only where a processor is idle, nice or not."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


@contextmanager
def dashboard(inventory: Inventory, folder: LabFolder) -> Iterator[webdriver.Chrome]:
    """Log in at a lab's Zabbix as a person does; the dashboard is what he sees first."""
    address = inventory.monitor.interfaces[NetworkRole.MANAGEMENT].address.ip
    with (
        Remote(inventory.monitor) as remote,
        tunnel(remote, str(address), ZABBIX_FRONTEND) as port,
        browser(patience(inventory)) as page,
    ):
        password = ensure_secrets(folder.secrets).zabbix_admin_password
        log_in(page, f"http://{HERE}:{port}/", ADMIN, password)
        yield page


def patience(inventory: Inventory) -> float:
    """Return the seconds that a page may take on the lab's machines."""
    return 60.0 * inventory.timing.pace


def keep_picture(page: webdriver.Chrome, folder: LabFolder, name: str) -> None:
    """Keep what the browser shows with the lab's logs."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    page.save_screenshot(str(folder.logs / name))


def log_in(page: webdriver.Chrome, url: str, user: str, password: str) -> None:
    """Log in at Zabbix as a person does."""
    page.get(url)
    page.find_element(By.ID, "name").send_keys(user)
    page.find_element(By.ID, "password").send_keys(password)
    page.find_element(By.ID, "enter").click()


def wait_for_texts(page: webdriver.Chrome, wanted: list[str], timeout: float) -> str:
    """Wait until all these texts stand on the page; return all of its text."""
    # The page is replaced while it is read: after the login, and by every refresh.
    changing = (StaleElementReferenceException, NoSuchElementException)
    WebDriverWait(page, timeout, ignored_exceptions=changing).until(
        lambda now: all(text in body(now) for text in wanted),
        f"not on the page: {wanted}",
    )
    return body(page)


def body(page: webdriver.Chrome) -> str:
    """Return all text of the page."""
    return page.find_element(By.TAG_NAME, "body").text

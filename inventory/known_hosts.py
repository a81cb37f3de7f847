"""The machines' host keys where OpenSSH looks for them."""

from __future__ import annotations

from core.files import renew_file
from inventory.model import Inventory, Ssh

GIVEN_AS = "opt/io.systemd.credentials/halab.host-key"
"""What QEMU calls the file with a guest's host key; the images' sshd reads that credential.

systemd makes a credential of it (systemd.system-credentials(7)).
"""


def known_hosts_line(ssh: Ssh) -> str:
    """Word a machine's given host key as a line of known_hosts (sshd(8))."""
    host = ssh.host if ssh.port == 22 else f"[{ssh.host}]:{ssh.port}"
    return f"{host} {ssh.host_key}\n"


def write_known_hosts(inventory: Inventory) -> None:
    """Make the known_hosts files say what the inventory says, so that OpenSSH learns nothing.

    A file in which a machine without a given key is or may be learnt is left as it is.
    """
    files = {machine.ssh.known_hosts for machine in inventory.machines}
    for path in files:
        known = [machine.ssh for machine in inventory.machines if machine.ssh.known_hosts == path]
        if any(ssh.host_key is None for ssh in known):
            continue
        renew_file(path, "".join(map(known_hosts_line, known)))

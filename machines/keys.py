"""New ssh keys for machines that run: what they show, and whom they let in."""

from __future__ import annotations

from inventory.known_hosts import GIVEN_AS
from machines.remote import Remote

CREDENTIAL = GIVEN_AS.rpartition("/")[2]

RENEW = f"""\
set -eu
umask 077
IFS= read -r authorized
cd /run/credentials/@system
# systemd makes this one mount read-only, and not the filesystem (its import-creds.c).
mount -o remount,bind,rw "$PWD"
cat >.halab.new
chmod 0400 .halab.new
mv -f .halab.new {CREDENTIAL}
mount -o remount,bind,ro,nosuid,nodev,noexec "$PWD"
printf '%s\\n' "$authorized" >/run/.halab.new
mv -f /run/.halab.new /run/halab-authorized_keys
# sshd starts itself again, which costs an emulated guest far less than systemd takes for it, and
# notes its process as soon as it listens with the new key. Connections stay.
read -r sshd </run/sshd.pid
rm /run/sshd.pid
kill -HUP "$sshd"
tries=200
until [ -s /run/sshd.pid ]; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        echo "sshd does not listen again: systemctl status ssh" >&2
        exit 1
    fi
    sleep 0.1
done
"""
"""Where a guest image's sshd finds its host key and whom it lets in stands in the image's recipe:
sshd.conf and early-network. Both come again at each boot, from what the machine is described by."""


def renew_keys(remote: Remote, authorized: str, host_key: str, timeout: float) -> None:
    """Have a machine of halab's own show another host key, and let in who has another key, alone.

    `remote` stays connected, by the former keys. `authorized` is a line with a public key,
    `host_key` the text of a private one; `timeout` is in seconds. Raises RemoteUnreachable,
    CommandError.
    """
    remote.run(RENEW, stdin=f"{authorized.strip()}\n{host_key}", timeout=timeout)

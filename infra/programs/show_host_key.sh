#!/bin/sh
# Shows this machine's host key on its console, as cloud-init does once: each time in one piece, and for
# a minute of every boot, as the kernel may break into it, when a disk is attached for instance.
set -eu
key=$(cat /etc/ssh/ssh_host_ed25519_key.pub)
for _ in 1 2 3 4; do
    printf '\n-----BEGIN SSH HOST KEY KEYS-----\n%s\n-----END SSH HOST KEY KEYS-----\n' "$key" >/dev/console
    sleep 15
done

# Loads what a node's kernel must have before sbd runs.
modprobe i6300esb
# The device node appears with the driver, unless the machine lacks the hardware.
if [ ! -c /dev/watchdog ]; then
    echo "no /dev/watchdog: the machine has no i6300esb; add <watchdog model='i6300esb'/>" >&2
    exit 1
fi

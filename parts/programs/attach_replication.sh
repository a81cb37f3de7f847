# Brings replication up and gives its disk metadata first, if it has none. Arguments: DRBD's name of
# it, its minor number.
resource=$1 minor=$2
# With the module loaded drbdadm speaks 8.4's language.
modprobe drbd
if grep -q "^ *$minor: cs:[^U]" /proc/drbd; then exit; fi
if ! drbdadm get-gi "$resource" >/dev/null 2>&1; then
    disk=$(drbdadm sh-ll-dev "$resource")
    if found=$(blkid --probe --output export "$disk"); then
        echo "$disk is not empty, it will not be overwritten: $found" >&2
        exit 1
    fi
    drbdadm create-md --force "$resource"
fi
drbdadm up "$resource"

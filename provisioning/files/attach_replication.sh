# Brings r0 up and gives its disk metadata first, if it has none.
# With the module loaded drbdadm speaks 8.4's language.
modprobe drbd
if grep -q '^ *0: cs:[^U]' /proc/drbd; then exit; fi
if ! drbdadm get-gi r0 >/dev/null 2>&1; then
    disk=$(drbdadm sh-ll-dev r0)
    if found=$(blkid --probe --output export "$disk"); then
        echo "$disk is not empty, it will not be overwritten: $found" >&2
        exit 1
    fi
    drbdadm create-md --force r0
fi
drbdadm up r0

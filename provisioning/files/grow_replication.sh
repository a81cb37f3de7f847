# Takes larger disks into use on the node that holds the filesystem. Argument: the least size of the
# replicated device in KiB.
least=$1
size() {
    read -r sectors </sys/block/drbd0/size
    echo "$((sectors / 2))"
}

if [ "$(size)" -lt "$least" ]; then
    if ! grep -q '^ *0: cs:Connected .* ds:UpToDate/UpToDate ' /proc/drbd; then
        echo "both copies must be connected and up to date before they can grow:" >&2
        cat /proc/drbd >&2
        exit 1
    fi
    drbdadm resize r0
    # The size is agreed upon with the other node, which answers when it has looked at its disk.
    tries=100
    while [ "$(size)" -lt "$least" ] && [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
    done
    if [ "$(size)" -lt "$least" ]; then
        echo "the replicated device has $(size) KiB instead of $least: are both disks larger?" >&2
        exit 1
    fi
fi
resize2fs /dev/drbd0

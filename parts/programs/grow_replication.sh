# Takes larger disks into use on the node that holds the filesystem. Arguments: DRBD's name of the
# replication, its minor number, the least size of the replicated device in KiB.
resource=$1 minor=$2 least=$3
size() {
    read -r sectors <"/sys/block/drbd$minor/size"
    echo "$((sectors / 2))"
}

if [ "$(size)" -lt "$least" ]; then
    if ! grep -q "^ *$minor: cs:Connected .* ds:UpToDate/UpToDate " /proc/drbd; then
        echo "both copies must be connected and up to date before they can grow:" >&2
        cat /proc/drbd >&2
        exit 1
    fi
    drbdadm resize "$resource"
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
resize2fs "/dev/drbd$minor"

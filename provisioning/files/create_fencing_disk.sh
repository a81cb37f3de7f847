# Writes the header of the fencing disk. Arguments: device, watchdog and msgwait timeout in seconds.
disk=$1 watchdog=$2 msgwait=$3
if found=$(blkid --probe --output export "$disk"); then
    echo "$disk is not empty, it will not be overwritten: $found" >&2
    exit 1
fi
sbd -d "$disk" -1 "$watchdog" -4 "$msgwait" create

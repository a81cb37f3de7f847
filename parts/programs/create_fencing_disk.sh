# Writes the header of the fencing disk, and a slot for each node: nodes that start together would
# look for free ones at the same time, each for longer than its watchdog may have to wait on a slow
# machine. Arguments: device, watchdog and msgwait timeout in seconds, names of the nodes.
disk=$1 watchdog=$2 msgwait=$3
shift 3
if found=$(blkid --probe --output export "$disk"); then
    echo "$disk is not empty, it will not be overwritten: $found" >&2
    exit 1
fi
# A second to see whether somebody else has taken a slot: nobody else writes here now.
sbd -d "$disk" -1 "$watchdog" -2 1 -4 "$msgwait" create
for node; do sbd -d "$disk" allocate "$node"; done

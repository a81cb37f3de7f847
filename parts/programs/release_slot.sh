# Gives up a node's slot on the fencing disk; sbd has no word for that. Arguments: device, node.
# A free slot is a sector of zeros, and so is its empty mailbox, as `sbd create` writes both: slot N
# stands in sector 1 + 2 N, its mailbox behind it (sbd-md.c, SLOT_TO_SECTOR and MBOX_TO_SECTOR).
disk=$1 node=$2
size=$(sbd -d "$disk" dump | sed -n 's/^Sector size *: *//p')
slot=$(sbd -d "$disk" list | awk -F '\t' -v node="$node" '$2 == node { print $1 }')
if [ -n "$slot" ]; then
    # Past the cache, whose blocks are larger: the mailboxes of others stand beside this one.
    dd if=/dev/zero of="$disk" bs="$size" seek=$((1 + 2 * slot)) count=2 \
        conv=notrunc oflag=direct status=none
fi

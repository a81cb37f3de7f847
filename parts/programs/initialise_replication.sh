# Makes the replicated filesystem, once. Arguments: DRBD's name of it, its minor number, a label,
# file that notes it, the lab's name, shell text that fills the folder that it gets as $1.
resource=$1 minor=$2 label=$3 note=$4 lab=$5 fill=$6
device=/dev/drbd$minor

drbdadm wait-connect "$resource"
# Both sides were just created: declare their unwritten contents equal instead of copying them.
if grep -q "^ *$minor: .* ds:Inconsistent/Inconsistent " /proc/drbd; then
    drbdadm new-current-uuid --clear-bitmap "$resource/0"
    # What the other side said of itself while it connected may arrive only now, and DRBD believes
    # it. A new connection puts that right, as long as nothing is written.
    tries=5
    while [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
        if grep -q "^ *$minor: .* ds:UpToDate/Inconsistent " /proc/drbd; then
            drbdadm disconnect "$resource"
            drbdadm connect "$resource"
            drbdadm wait-connect "$resource"
            tries=5
        fi
    done
fi
drbdadm primary "$resource"
if ! blkid --probe "$device" >/dev/null; then
    # Everything is written now: nothing is left to trickle through replication later.
    make_filesystem "$device" "$label" "$fill" lazy_itable_init=0,lazy_journal_init=0,nodiscard
fi
drbdadm secondary "$resource"
mkdir -p "${note%/*}"
echo "$lab" >"$note"
sync

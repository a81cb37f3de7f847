# Makes the replicated filesystem, once. Arguments: file that notes it, index page, the lab's name.
note=$1 page=$2 lab=$3

drbdadm wait-connect r0
# Both sides were just created: declare their unwritten contents equal instead of copying them.
if grep -q '^ *0: .* ds:Inconsistent/Inconsistent ' /proc/drbd; then
    drbdadm new-current-uuid --clear-bitmap r0/0
    # What the other side said of itself while it connected may arrive only now, and DRBD believes
    # it. A new connection puts that right, as long as nothing is written.
    tries=5
    while [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        sleep 0.2
        if grep -q '^ *0: .* ds:UpToDate/Inconsistent ' /proc/drbd; then
            drbdadm disconnect r0
            drbdadm connect r0
            drbdadm wait-connect r0
            tries=5
        fi
    done
fi
drbdadm primary r0
if ! blkid --probe /dev/drbd0 >/dev/null; then
    tree=$(mktemp -d)
    install -d -m 0755 "$tree/www"
    install -d -m 0755 -o www-data -g www-data "$tree/www/ledger" "$tree/www/.drafts"
    install -m 0644 "$page" "$tree/www/index.html"
    # Everything is written now: nothing is left to trickle through replication later.
    mke2fs -q -t ext4 -d "$tree" -L data -i 65536 -J size=16 \
        -E lazy_itable_init=0,lazy_journal_init=0,nodiscard /dev/drbd0
    rm -rf "$tree"
fi
drbdadm secondary r0
mkdir -p "${note%/*}"
echo "$lab" >"$note"
sync

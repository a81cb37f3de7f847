# Makes a shared volume group, a logical volume and GFS2 on a disk, once, while nobody else uses any
# of them. Corosync must run. Arguments: seconds to wait at most for a quorum, shell text that is true
# with one, the disk, names of the group and of the volume, file that notes it, the lab's name, how
# many journals and of how many MiB, shell text that fills the folder that it gets as $1.
most=$1 quorate=$2 disk=$3 group=$4 volume=$5 note=$6 lab=$7 journals=$8 journal_mib=$9
shift 9
fill=$1
device=/dev/$group/$volume
lock_manager=halab-lock-manager.service

# shellcheck disable=SC2034 # await says what is missing.
joined() {
    missing="there is no quorum"
    eval "$quorate"
}

# Later the cluster runs both lock managers.
leave() {
    lvchange --activate n "$group/$volume" >/dev/null 2>&1 || :
    lvmlockctl --stop-lockspaces --wait 1 >/dev/null 2>&1 || :
    systemctl stop lvmlockd.service
    systemctl stop "$lock_manager"
}

# It grants no lock before there is a quorum.
await "$most" 1 joined
trap leave EXIT
# As ocf:pacemaker:controld does: without fencing those who run none yet. Its unit would start SBD of
# remote nodes along, which fails here.
modprobe dlm
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
systemd-run --quiet --collect --unit="$lock_manager" --service-type=forking dlm_controld -s 0
systemctl start lvmlockd.service

if ! vgs --nolocking "$group" >/dev/null 2>&1; then
    # A physical volume in no group holds nothing: so an interruption leaves it.
    if found=$(blkid --probe --output export "$disk") &&
        ! pvs --nolocking --noheadings --options pv_name --select 'vg_name=""' "$disk" 2>/dev/null |
        grep -q .; then
        echo "$disk is not empty, it will not be overwritten: $found" >&2
        exit 1
    fi
    # To activate it is for the cluster, and never for a boot.
    vgcreate --yes --lock-type dlm --setautoactivation n "$group" "$disk"
fi
vgchange --lock-start "$group"
if ! lvs --nolocking "$group/$volume" >/dev/null 2>&1; then
    lvcreate --yes --activate n --extents 100%FREE --name "$volume" "$group"
fi
# Nobody else can have it until it is let go.
lvchange --activate ey "$group/$volume"
if ! blkid --probe "$device" >/dev/null; then
    mkfs.gfs2 -O -q -K -p lock_nolock -t "$lab:$volume" -j "$journals" -J "$journal_mib" "$device"
fi
# What it says of locks tells whether it has been filled: an interruption may leave it half so.
if tunegfs2 -l "$device" | grep -q lock_nolock; then
    tree=$(mktemp -d)
    mount -t gfs2 "$device" "$tree"
    chmod 0755 "$tree"
    /bin/sh -euc "$fill" fill "$tree"
    umount "$tree"
    rmdir "$tree"
    tunegfs2 -o lockproto=lock_dlm "$device" >/dev/null
fi
trap - EXIT
leave
mkdir -p "${note%/*}"
echo "$lab" >"$note"
sync

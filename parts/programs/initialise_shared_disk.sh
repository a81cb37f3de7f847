# Makes a volume group, a logical volume and a filesystem on a shared disk, once. Arguments: the
# disk, names of the group and of the volume, file that notes it, the lab's name, shell text that
# fills the folder that it gets as $1.
disk=$1 group=$2 volume=$3 note=$4 lab=$5 fill=$6
device=/dev/$group/$volume

owner() { vgs --foreign --noheadings --options vg_systemid "$group" 2>/dev/null | tr -d ' '; }

# A volume group that another node owns was made before: the cluster gave it away.
if ! vgs --foreign "$group" >/dev/null 2>&1 || [ "$(owner)" = "$(uname -n)" ]; then
    if ! vgs "$group" >/dev/null 2>&1; then
        # A physical volume in no group holds nothing: so an interruption leaves it.
        if found=$(blkid --probe --output export "$disk") &&
            ! pvs --noheadings --options pv_name,vg_name --select 'vg_name=""' "$disk" 2>/dev/null |
            grep -q .; then
            echo "$disk is not empty, it will not be overwritten: $found" >&2
            exit 1
        fi
        # To activate it is for the cluster, and never for a boot.
        vgcreate --yes --setautoactivation n "$group" "$disk"
    fi
    if ! lvs "$group/$volume" >/dev/null 2>&1; then
        lvcreate --yes --extents 100%FREE --name "$volume" "$group"
    fi
    lvchange --activate y "$group/$volume"
    if ! blkid --probe "$device" >/dev/null; then
        make_filesystem "$device" "$volume" "$fill" nodiscard
    fi
    lvchange --activate n "$group/$volume"
fi
mkdir -p "${note%/*}"
echo "$lab" >"$note"
sync

# Waits until corosync is connected with other nodes. Arguments: seconds to wait at most, corosync's
# statistics of the links, one each.
most=$1
shift
read -r now _ </proc/uptime
end=$((${now%.*} + most))
for link; do
    until corosync-cmapctl -m stats -g "$link" 2>/dev/null | grep -q ' = 1$'; do
        read -r now _ </proc/uptime
        if [ "${now%.*}" -ge "$end" ]; then
            echo "$link is not 1 within $most s" >&2
            exit 1
        fi
        sleep 1
    done
done

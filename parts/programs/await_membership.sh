#!/bin/sh
# Waits until nobody joins or leaves corosync's membership any more. Arguments: seconds without a
# change, seconds to wait at most, corosync statistics that change when nodes meet.
rest=$1 most=$2
shift 2

# Who is stopped while it waits has not failed.
trap 'exit 0' TERM

# Clocks may jump; the time since boot does not.
look() {
    met=$(corosync-cmapctl -m stats "$@" 2>&1)
    answered=$?
    read -r now _ </proc/uptime
    now=${now%.*}
}

look "$@"
begun=$now changed=$now known=$met
until [ $((now - changed)) -ge "$rest" ]; do
    if [ $((now - begun)) -ge "$most" ]; then
        echo "the membership has not rested for $rest s within $most s"
        break
    fi
    sleep 1
    look "$@"
    if [ "$answered" -ne 0 ] || [ "$met" != "$known" ]; then
        known=$met changed=$now
    fi
done

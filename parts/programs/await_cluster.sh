# Waits until corosync is connected with other nodes and has a quorum with them. Arguments: seconds to
# wait at most, shell text that is true with a quorum, corosync's statistics of the links, one each.
most=$1 quorate=$2
shift 2
# shellcheck disable=SC2034 # await says what is missing.
joined() {
    for link; do
        missing="$link is not 1"
        corosync-cmapctl -m stats -g "$link" 2>/dev/null | grep -q ' = 1$' || return 1
    done
    missing="there is no quorum"
    eval "$quorate"
}
await "$most" 1 joined "$@"

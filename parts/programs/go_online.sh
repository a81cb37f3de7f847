# Lets resources run on this new node once the cluster has it as a member. Arguments: seconds to wait
# at most, its name, what makes its Pacemaker start as a new node's, the note that it is one.
most=$1 node=$2 setting=$3 note=$4
# shellcheck disable=SC2034 # await says what is missing.
member() {
    missing="$node is no member of the cluster"
    crm_mon --output-as xml 2>/dev/null | grep "<node name=\"$node\"" |
        grep 'online="true"' | grep 'pending="false"' | grep -q 'unclean="false"'
}
await "$most" 2 member
crm_standby --node "$node" --delete
rm -f "$setting"
systemctl daemon-reload
# Last: until then all of this would be done again.
rm -f "$note"

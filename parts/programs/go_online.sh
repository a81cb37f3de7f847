# Lets resources run on this new node once the cluster has it as a member. Arguments: seconds to wait
# at most, its name, the note that says that it is new.
most=$1 node=$2 note=$3
read -r now _ </proc/uptime
end=$((${now%.*} + most))
until crm_mon --output-as xml 2>/dev/null | grep "<node name=\"$node\"" |
    grep 'online="true"' | grep 'pending="false"' | grep -q 'unclean="false"'; do
    read -r now _ </proc/uptime
    if [ "${now%.*}" -ge "$end" ]; then
        echo "$node is no member of the cluster within $most s" >&2
        exit 1
    fi
    sleep 2
done
crm_standby --node "$node" --delete
rm "$note"

# Feeds node states as Pacemaker 3 writes them to the handler's judgement. Argument: the handler.
# Prints nothing when it judges right.
exec bash -euc '
eval "$(sed -n "/^guess_if_pacemaker_will_fence()/,/^}/p" "$1")"
judge() {
    node_state="<node_state id=\"2\" uname=\"peer\" $1>"
    guess_if_pacemaker_will_fence
    [ "$in_ccm $crmd $will_fence" = "$2" ] && return
    echo "$0: takes a peer with $1 for: $in_ccm $crmd $will_fence, not $2" >&2
    exit 1
}
set +e
stonith_enabled=true startup_fencing=true
now=1700000000
judge "in_ccm=\"$now\" crmd=\"$now\" join=\"member\" expected=\"member\"" "true online false"
judge "in_ccm=\"0\" crmd=\"0\" join=\"down\" expected=\"down\"" "false offline false"
judge "in_ccm=\"0\" crmd=\"0\" join=\"member\" expected=\"member\"" "false offline true"
judge "in_ccm=\"$now\" crmd=\"$now\" join=\"banned\" expected=\"member\"" "true online true"
' "$1" "$1"

# Puts new firewall rules into force for a trial: unless they are confirmed, the old ones return.
# Arguments: file with the new rules, seconds of the trial.
trial=$1 seconds=$2
folder=${trial%/*}
unit=halab-firewall-trial
before=$folder/firewall.before
undecided=$folder/firewall.undecided

nft --check --file "$trial"

# Whoever moves this file away decides: a confirmation or the end of the trial, never both.
cat >"$folder/end-trial" <<END
mv "$undecided" "$undecided.not" 2>/dev/null && nft --file "$before" && : >"$folder/firewall.restored"
END
# An earlier trial that nobody waits for any more ends now.
systemctl stop "$unit.timer" 2>/dev/null || :
sh "$folder/end-trial" || :

{
    printf 'table inet halab\ndelete table inet halab\n'
    nft list table inet halab 2>/dev/null || :
} >"$before"
rm -f "$folder/firewall.restored" "$folder/firewall.confirmed"
: >"$undecided"
systemd-run --quiet --collect --unit "$unit" --on-active "$seconds" \
    --timer-property AccuracySec=100ms /bin/sh "$folder/end-trial"
nft --file "$trial"

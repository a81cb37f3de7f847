# Installs the packages given as arguments; no daemon starts before it is configured. Options of
# apt-get may stand among them. Without any it only ends what dpkg was interrupted at.
guard=/usr/sbin/policy-rc.d
# A machine that lost its power in the middle has kept the guard.
if grep -qs "^# halab$" "$guard"; then rm "$guard"; fi
if [ -e "$guard" ]; then mv "$guard" "$guard.halab"; fi
restore() {
    rm -f "$guard"
    if [ -e "$guard.halab" ]; then mv "$guard.halab" "$guard"; fi
}
trap restore EXIT
printf '#!/bin/sh\n# halab\nexit 101\n' >"$guard"
chmod 0755 "$guard"

export DEBIAN_FRONTEND=noninteractive
# A machine that lost its power while dpkg worked keeps a journal, and apt refuses everything then.
# A dpkg that is at work has one as well, and is waited for.
if [ -n "$(ls /var/lib/dpkg/updates)" ]; then
    apt-get -q -o DPkg::Lock::Timeout=300 check || dpkg --configure -a --force-confold
fi
if [ $# -eq 0 ]; then exit 0; fi
apt-get -q update
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \
    install --no-install-recommends "$@"

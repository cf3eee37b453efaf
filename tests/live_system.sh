#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The Debian packages in a booted system: installed, asked, killed, upgraded, removed, purged.
#
# usage: tests/live_system.sh BASE PACKAGE.deb...
# BASE is where the machine is kept that others are copied from; CERTEXC_CLAWS_DEB, if set, names the package of
# the plugin for Claws Mail.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/booted.sh
. "$source_dir/tests/booted.sh"

booted_begin "$@"

# -- installing ------------------------------------------------------------------------------------

must 'the packages install' 0 . box_run sh -c 'dpkg --install /packages/*.deb'
must 'the socket listens from then on' 0 '^active$' box_run systemctl is-active certexcd.socket
must 'the daemon does not run before it is asked' 3 inactive box_run systemctl is-active certexcd.service
must 'a person is answered, and the daemon was started by it' 3 self-signed check_as one
must 'the daemon runs' 0 '^active$' box_run systemctl is-active certexcd.service
must 'it runs as its own user' 0 '^certexc$' box_run ps -o user= -p "$(property MainPID)"
must 'it tells systemd how it is' 0 . property StatusText
must 'all its threads are behind a filter' 0 '^2 *$' box_run sh -c \
  "sed -n 's/^Seccomp:[[:space:]]*//p' /proc/$(property MainPID)/task/*/status | sort -u"
must 'its exposure is 0.4 at most' 0 . box_run systemd-analyze security --no-pager --threshold=4 certexcd.service

# -- decisions -------------------------------------------------------------------------------------

must 'a person allows' 0 . box_run_as one certexc allow mail.example.org:993 --chain=/root-of-none/chain.pem --yes
must 'and is not asked again' 0 accept check_as one
must 'another person is' 3 prompt check_as other
must 'and sees nothing of the first' 0 '^\[\]$\|"exceptions": *\[ *\]\|^$' box_run_as other certexc --json list
must 'nobody reads the store from outside' 2 'denied' box_run_as one ls /var/lib/certexc
must 'root denies for everybody' 0 . box_run certexc deny bad.example.com:993 --owner=system --chain=/root-of-none/chain.pem --yes
must 'and that holds for a person' 4 reject check_as one bad.example.com:993

# -- the tests of the packages themselves ----------------------------------------------------------

# As autopkgtest runs them: in the source tree, one after the other.
mkdir -p "$box/root/source/debian"
cp -R "$source_dir/packaging/debian/tests" "$box/root/source/debian/"
cp -R "$source_dir/man" "$box/root/source/"
mapfile -t own < <(sed -n 's/^Tests: //p' "$source_dir/packaging/debian/tests/control")
for name in "${own[@]}"; do
  must "their own test \"$name\" passes" 0 '' box_run sh -c "cd /source && exec debian/tests/$name"
done

# -- the bus and polkit ----------------------------------------------------------------------------

bus_status() { # USER
  box_run_as "$1" busctl --system call org.certexc1 /org/certexc1 org.certexc1.Manager GetStatus 'a{sv}' 0
}

box_run systemctl stop certexcd.service
must 'the daemon does not run' 3 inactive box_run systemctl is-active certexcd.service
must 'a question over the bus is answered, and the daemon was started by it' 0 '"mode" s "system"' bus_status one
becomes 'the daemon runs again' active box_run systemctl is-active certexcd.service
must 'nobody else gets its name' 1 'Access denied' box_run_as one busctl --system call org.freedesktop.DBus /org/freedesktop/DBus \
  org.freedesktop.DBus RequestName su org.certexc1 0
must 'without a word from polkit, a person decides for nobody else' 1 . box_run_as one certexc deny bad.example.com:143 \
  --owner=system --chain=/root-of-none/chain.pem --yes
mkdir -p "$box/root/etc/polkit-1/rules.d"
cat >"$box/root/etc/polkit-1/rules.d/50-one.rules" <<'RULES'
polkit.addRule(function(action, subject) {
  if (action.id == "org.certexc1.manage-system")
    return subject.user == "one" ? polkit.Result.YES : polkit.Result.NO;
});
RULES
chmod a+r "$box/root/etc/polkit-1/rules.d/50-one.rules"
box_run systemctl restart polkit.service
must 'whom polkit lets decides for everybody' 0 . box_run_as one certexc deny bad.example.com:143 --owner=system \
  --chain=/root-of-none/chain.pem --yes
must 'which holds for others' 4 reject check_as other bad.example.com:143
must 'whom polkit does not let does not' 1 . box_run_as other certexc deny bad.example.com:110 --owner=system \
  --chain=/root-of-none/chain.pem --yes

# -- decisions in files ----------------------------------------------------------------------------

must 'there is a place for decisions in files' 0 '' box_run test -d /etc/certexc/exceptions.d
must 'what root decided can be taken along' 0 '' box_run sh -c \
  'certexc export --owner=system >/etc/certexc/exceptions.d/50-fleet.json && sed -i s/bad.example.com/fleet.example.com/ /etc/certexc/exceptions.d/50-fleet.json'
must 'systemctl reload reads it' 0 '' box_run systemctl reload certexcd.service
becomes 'it holds for a person' '.*The administrator refused this certificate.*' check_as one fleet.example.com:993
must 'who is told that it is in a file' 0 ' file$' box_run_as one certexc list
must 'and cannot take it back' 1 '50-fleet.json' box_run_as one certexc revoke fleet.example.com:993
box_run sh -c 'echo "{" >/etc/certexc/exceptions.d/50-fleet.json'
must 'broken, it is read again' 0 '' box_run systemctl reload certexcd.service
becomes 'which a person is told' '.*50-fleet.json.*' box_run_as one certexc status
must 'and its last good reading holds' 4 reject check_as one fleet.example.com:993
box_run rm /etc/certexc/exceptions.d/50-fleet.json
must 'taken away, it is gone after a reload' 0 '' box_run systemctl reload certexcd.service
becomes 'and a person is asked' '.*prompt.*' check_as one fleet.example.com:993

# -- reload, restart, watchdog ---------------------------------------------------------------------

before=$(property MainPID)
must 'a reload succeeds' 0 '' box_run systemctl reload certexcd.service
[ "$(property MainPID)" = "$before" ] || fails 'the same process goes on after a reload'
holds 'the same process goes on after a reload'
must 'a restart succeeds' 0 '' box_run systemctl restart certexcd.service
must 'what was allowed is still allowed' 0 accept check_as one

box_run mkdir -p /run/systemd/system/certexcd.service.d
box_run sh -c 'printf "[Service]\nWatchdogSec=1\n" >/run/systemd/system/certexcd.service.d/watchdog.conf'
box_run systemctl daemon-reload
box_run systemctl restart certexcd.service
stopped=$(property MainPID)
box_run kill -STOP "$stopped"
becomes 'a daemon that hangs is ended by the watchdog and started again' 1 property NRestarts
must 'what was allowed is still allowed after that' 0 accept check_as one
box_run rm /run/systemd/system/certexcd.service.d/watchdog.conf
box_run systemctl daemon-reload
box_run systemctl restart certexcd.service

# -- kill -9 under load ----------------------------------------------------------------------------

# Allows at one port after the other and notes what was acknowledged.
goes_on one load <<'LOAD'
#!/bin/sh
port=10000
while [ ! -e /var/tmp/enough ]; do
  port=$((port + 1))
  if certexc allow mail.example.org:$port --chain=/root-of-none/chain.pem --yes >/dev/null 2>&1; then
    echo "mail.example.org:$port"
  fi
done
LOAD
acknowledged=$box/root/var/tmp/load
kills=0
while [ "$kills" -lt 5 ]; do
  count=$(wc -l <"$acknowledged")
  until [ "$(wc -l <"$acknowledged")" -gt $((count + 10)) ]; do
    box_run systemctl --quiet is-active load.service || fails 'the load goes on'
    sleep 0.05
  done
  pid=$(property MainPID)
  if [ "$pid" != 0 ]; then
    box_run kill -KILL "$pid"
    kills=$((kills + 1))
  fi
done
has_ended load
box_run_as one certexc --json list >"$box/listed"
lost=0
while IFS=: read -r _ port; do
  grep -q "\"port\": *$port\b" "$box/listed" || lost=$((lost + 1))
done <"$acknowledged"
[ "$lost" = 0 ] || fails "$lost of $(wc -l <"$acknowledged") acknowledged decisions are gone after $kills kills"
holds "none of $(wc -l <"$acknowledged") acknowledged decisions is gone after $kills kills"

# -- sessions --------------------------------------------------------------------------------------

# su's own session lasts as long as the command.
must 'a person allows for the session' 0 accept box_run su --login one --command \
  'certexc allow box.example.com:993 --chain=/root-of-none/chain.pem --session --yes &&
   certexc check box.example.com:993 --chain=/root-of-none/chain.pem'
becomes 'which ends with the log-out' yes logged_out one
must 'and then they are asked again' 3 prompt check_as one box.example.com:993

# -- upgrading -------------------------------------------------------------------------------------

# The same packages under a later version, in the machine's DIRECTORY.
make_later() { # DIRECTORY PACKAGE.deb...
  local package
  for package in "${@:2}"; do
    dpkg-deb --raw-extract "$package" "$box/tree"
    sed -i 's/^Version: .*/&+later/; s/\(libcertexc0 (= [^)]*\))/\1+later)/' "$box/tree/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$box/tree" "$box/$(basename "$package")" >/dev/null
    box_copy "$box/$(basename "$package")" "$1"
    rm -rf "$box/tree"
  done
}

make_later /later "${packages[@]}"
goes_on one asking <<'ASK'
#!/bin/sh
while [ ! -e /var/tmp/enough ]; do
  certexc check mail.example.org:993 --chain=/root-of-none/chain.pem >/tmp/answer 2>&1 || { echo "status $?"; cat /tmp/answer; }
done
ASK
before=$(property MainPID)
must 'a later version installs over it' 0 . box_run sh -c 'dpkg --install /later/*.deb'
[ "$(property MainPID)" != "$before" ] || fails 'the daemon that runs is exchanged'
holds 'the daemon that runs is exchanged'
has_ended asking
if [ -s "$box/root/var/tmp/asking" ]; then
  cat "$box/root/var/tmp/asking" >&2
  fails 'nobody who asked meanwhile is turned away'
fi
holds 'nobody who asked meanwhile is turned away'
must 'what was allowed is still allowed by the later version' 0 accept check_as one

# -- a boot ----------------------------------------------------------------------------------------

must 'a person allows for the session again' 0 . box_run su --login one --command \
  'certexc allow box.example.com:993 --chain=/root-of-none/chain.pem --session --yes'
box_halt
began=$(date +%s%N)
box_boot
must 'after a boot what was allowed is still allowed' 0 accept check_as one
echo "boot to first verdict: $(( ($(date +%s%N) - began) / 1000000 )) ms"
must 'and what was allowed for the session is not' 3 prompt check_as one box.example.com:993

# -- one user's own daemon -------------------------------------------------------------------------

own_manager() { # ARGUMENT...
  box_run_as other env XDG_RUNTIME_DIR=/run/user/1002 systemctl --user "$@"
}

box_run loginctl enable-linger other
becomes "a user's own manager runs" active box_run systemctl is-active user@1002.service
must "a user's own socket starts" 0 '' own_manager start certexcd.socket
must 'and is asked first' 0 '/run/user/1002/' box_run_as other env XDG_RUNTIME_DIR=/run/user/1002 certexc status
own_manager stop certexcd.socket certexcd.service

# -- the plugin for Claws Mail ---------------------------------------------------------------------

# A package in the place of Claws Mail and all that it needs, which is more than all the rest here.
make_stand_in() { # PACKAGE.deb
  local provides
  provides=$(dpkg-deb --field "$1" Depends | tr ',' '\n' | sed -n '
    /certexc/d; s/ //g
    s/^claws-mail(>=\(.*\)~)$/claws-mail (= \1)/p; /^claws-mail/d
    s/(.*)//; s/|.*//; s/$/ (= 99:99)/p' | paste --serial --delimiters=,)
  mkdir -p "$box/tree/DEBIAN"
  printf 'Package: stand-in\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nProvides: %s\nDescription: %s\n' \
    "$provides" 'in the place of others' >"$box/tree/DEBIAN/control"
  dpkg-deb --root-owner-group --build "$box/tree" "$box/root/packages/stand-in.deb" >/dev/null
  rm -rf "$box/tree"
}

plugin_files() {
  box_run find / -xdev '(' -path '*/claws-mail/plugins/certexc*' -o -name 'certexc-claws-mail.mo' -o -path '*/doc/claws-mail-certexc*' ')'
}

if [ -n "${CERTEXC_CLAWS_DEB:-}" ]; then
  make_stand_in "$CERTEXC_CLAWS_DEB"
  box_copy "$CERTEXC_CLAWS_DEB" /plugin
  make_later /plugin/later "$CERTEXC_CLAWS_DEB"
  must "the plugin's package installs" 0 . box_run sh -c 'dpkg --install /packages/stand-in.deb /plugin/*.deb'
  must 'where Claws Mail looks for plugins' 0 '/claws-mail/plugins/certexc.so$' plugin_files
  must 'a later version installs over it, too' 0 . box_run sh -c 'dpkg --install /plugin/later/*.deb'
  must 'and is the one that is there' 0 '+later$' box_run dpkg-query --show claws-mail-certexc
  must 'removed, it leaves no file' 0 '' is_silent eval 'box_run dpkg --remove claws-mail-certexc >/dev/null && plugin_files'
  must 'nor anything to purge' 1 'no packages found' box_run dpkg-query --show claws-mail-certexc
  must 'the decisions are still there' 0 accept check_as one
fi

# -- removing --------------------------------------------------------------------------------------

must 'the packages can be removed' 0 . box_run dpkg --remove certexcd libcertexc-dev
must 'nothing of the daemon runs then' 3 . box_run systemctl is-active certexcd.service certexcd.socket
must 'the decisions stay' 0 certexc.db box_run ls /var/lib/certexc
must 'installed again, the packages find them' 0 . box_run sh -c 'dpkg --install /later/*.deb'
must 'what was allowed is still allowed then' 0 accept check_as one
must 'purged, they take them along' 0 . box_run dpkg --purge certexcd libcertexc-dev
must 'nothing is left' 2 'No such file' box_run ls /var/lib/certexc
must 'nothing has failed meanwhile' 0 '^0 loaded' box_run systemctl --failed

echo "$passed passed"

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The service of the Debian packages as a booted system runs it: its files, its comings and goings, and who
# may do what.
#
# usage: tests/live_service.sh BASE PACKAGE.deb...
# BASE is where the machine is kept that others are copied from; CERTEXC_BUILD_DIR has tests/subscriber and
# tests/live_isolation.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/booted.sh
. "$source_dir/tests/booted.sh"

build_dir=${CERTEXC_BUILD_DIR:-$source_dir/build}
booted_begin "$@"
box_run sh -c 'dpkg --install /packages/*.deb' >"$box/output" 2>&1 || fails 'the packages install'

# -- its files -------------------------------------------------------------------------------------

as_one() { # COMMAND...
  box_run_as one env HOME=/home/one XDG_RUNTIME_DIR=/run/user/1001 "$@"
}

box_run loginctl enable-linger one
becomes "a user's own manager runs" active box_run systemctl is-active user@1001.service
must "systemd finds nothing wrong with the system's units" 0 '' is_silent box_run systemd-analyze verify --man=no \
  certexcd.service certexcd.socket
must "nor with users' own" 0 '' is_silent as_one systemd-analyze --user verify --man=no certexcd.service certexcd.socket

box_run mkdir -p /fresh/etc /fresh/usr/lib/sysusers.d /etc/systemd/system-preset
box_run cp /usr/lib/sysusers.d/certexc.conf /fresh/usr/lib/sysusers.d/
must 'its user is made where there is none' 0 "[Cc]reat.* user .*certexc" box_run systemd-sysusers --dry-run --root=/fresh \
  /usr/lib/sysusers.d/certexc.conf
must 'and left alone where it is' 0 '' is_silent box_run systemd-sysusers --dry-run certexc.conf
must 'its directories are among those of each boot' 0 '^d /etc/certexc/exceptions.d ' box_run systemd-tmpfiles --cat-config
box_run rm -r /etc/certexc
must 'with an empty /etc' 0 '' is_silent box_run systemd-tmpfiles --create certexc.conf
must 'they come back' 0 '^root 755$' box_run stat --format='%U %a' /etc/certexc/exceptions.d

# As Fedora has it; Debian enables what is not named.
box_run sh -c 'echo "disable *" >/etc/systemd/system-preset/99-default-disable.preset'
box_run systemctl --quiet preset certexcd.socket
must "by its preset the system's socket is enabled" 0 '^enabled' box_run systemctl is-enabled certexcd.socket
box_run systemctl --global --quiet preset certexcd.socket
must "and users' own are not" 1 '^disabled' box_run systemctl --global is-enabled certexcd.socket

mapfile -t messages < <(sed -n 's/^-- \([0-9a-f]*\)$/\1/p' "$source_dir/daemon/certexc.catalog")
for message in "${messages[@]}"; do
  must "the journal's catalogue knows $message" 0 '^Defined-By: certexc' box_run journalctl --dump-catalog "$message"
done
must 'a person is answered' 3 prompt check_as one
box_run sh -c 'echo "{" >/etc/certexc/exceptions.d/50-broken.json'
must 'a file of decisions that is broken is read' 0 '' box_run systemctl reload certexcd.service
becomes 'which journalctl -x explains' '.*Subject: A file of TLS security exceptions was refused' \
  box_run journalctl --no-pager -x --unit=certexcd.service
must 'with the way out' 0 'systemctl reload certexcd' box_run journalctl --no-pager -x --unit=certexcd.service
box_run rm /etc/certexc/exceptions.d/50-broken.json
must 'taken away, it is forgotten' 0 '' box_run systemctl reload certexcd.service

# -- somebody who lingers --------------------------------------------------------------------------

session_check() {
  box_run su --login one --command 'certexc check box.example.com:993 --chain=/root-of-none/chain.pem'
}

sessions_of() { # USER
  local sessions
  sessions=$(box_run loginctl show-user "$1" --value --property=Sessions)
  echo "${sessions:-none}"
}

must 'who lingers has not logged in, and nothing lasts for a session' 1 'session' box_run_as one \
  certexc allow box.example.com:993 --chain=/root-of-none/chain.pem --session --yes
must 'logged in, they allow for the session' 0 accept box_run su --login one --command \
  'certexc allow box.example.com:993 --chain=/root-of-none/chain.pem --session --yes &&
   certexc check box.example.com:993 --chain=/root-of-none/chain.pem'
becomes 'they log out' none sessions_of one
must 'their manager lives on' 0 '^active$' box_run systemctl is-active user@1001.service
must 'and yet what they allowed has ended' 3 prompt check_as one box.example.com:993
must 'also when they log in again' 3 prompt session_check

# -- who waits in the socket -----------------------------------------------------------------------

# Who has connected and was not let in yet has no inode.
n_waiting() {
  # shellcheck disable=SC2016 # for awk
  box_run awk '$8 == "/run/certexc/org.certexc1" && $7 == 0 { n++ } END { print n + 0 }' /proc/net/unix
}

# Five people ask while the daemon does not look.
five_ask() { # SENTENCE
  local i
  askers=()
  for i in 1 2 3 4 5; do
    check_as one >"$box/asker$i" 2>&1 </dev/null &
    askers+=($!)
  done
  becomes "$1" 5 n_waiting
}

five_are_answered() { # SENTENCE
  local i status
  for i in 1 2 3 4 5; do
    status=0
    wait "${askers[$((i - 1))]}" || status=$?
    if [ "$status" != 0 ] || ! grep -q accept "$box/asker$i"; then
      cat "$box/asker$i" >&2
      fails "$1 (one ended with $status)"
    fi
  done
  holds "$1"
}

must 'a person allows' 0 . box_run_as one certexc allow mail.example.org:993 --chain=/root-of-none/chain.pem --yes
box_run mkdir -p /run/systemd/system/certexcd.service.d
box_run sh -c 'mkfifo /run/gate && printf "[Service]\nExecStartPre=+/bin/sh -c \"read go </run/gate\"\n" \
  >/run/systemd/system/certexcd.service.d/gate.conf'
box_run systemctl daemon-reload
box_run systemctl stop certexcd.service
five_ask 'while the daemon starts, connections wait'
must 'it has not started yet' 3 '^activating$' box_run systemctl is-active certexcd.service
box_run sh -c 'echo go >/run/gate'
five_are_answered 'and are answered when it has started'
box_run rm /run/systemd/system/certexcd.service.d/gate.conf
box_run systemctl daemon-reload

pid=$(property MainPID)
box_run kill -STOP "$pid"
five_ask 'while the daemon hangs, connections wait'
must 'reloaded meanwhile' 0 '' box_run systemctl reload certexcd.service
box_run kill -CONT "$pid"
five_are_answered 'it answers them when it goes on'
must 'as the same process' 0 "^$pid\$" property MainPID
box_run kill -STOP "$pid"
five_ask 'while it hangs again, connections wait'
must 'restarted' 0 '' box_run systemctl restart certexcd.service
five_are_answered 'they are answered'
pid=$(property MainPID)
box_run kill -STOP "$pid"
five_ask 'while that one hangs, connections wait'
box_run kill -KILL "$pid"
five_are_answered 'killed, they are answered by the next'

# -- nobody asks -----------------------------------------------------------------------------------

box_run sh -c 'printf "[Daemon]\nIdleExitSec=1\n" >/etc/certexc/certexcd.conf'
must 'a daemon that is to leave when nobody asks starts' 0 '' box_run systemctl restart certexcd.service
goes_on one listening <<'LISTEN'
#!/bin/sh
before=$(systemctl show --value --property=MainPID certexcd.service)
timeout 3 certexc monitor
[ "$before" != 0 ] && [ "$(systemctl show --value --property=MainPID certexcd.service)" = "$before" ] && echo 'it stays'
LISTEN
has_ended listening
must 'while somebody listens to changes it stays' 0 '^it stays$' cat "$box/root/var/tmp/listening"
becomes 'when nobody does it leaves' inactive box_run systemctl is-active certexcd.service
must 'in order' 0 '^success$' property Result
must 'its socket listens on' 0 '^active$' box_run systemctl is-active certexcd.socket
must 'the next question starts it again' 0 accept check_as one
becomes 'and it leaves again' inactive box_run systemctl is-active certexcd.service
must 'as one over the bus does' 0 '"mode" s "system"' box_run_as one busctl --system call org.certexc1 /org/certexc1 \
  org.certexc1.Manager GetStatus 'a{sv}' 0
becomes 'and then it leaves, too' inactive box_run systemctl is-active certexcd.service
box_run rm /etc/certexc/certexcd.conf

# -- a password at a terminal ----------------------------------------------------------------------

export -f box_run box_run_as
export box_control box_first

# What one types as PASSWORD at a terminal of their own, when they are asked for it by COMMAND.
at_terminal() { # PASSWORD COMMAND
  # shellcheck disable=SC2016 # for the shell within
  "$source_dir/tests/typed" --at='Password: ' "$1" -- bash -c 'box_run su --pty --login one --command "$1"' at-terminal "$2"
}

deny='certexc deny pw.example.com:993 --owner=system --chain=/root-of-none/chain.pem --yes'
box_run sh -c 'echo root:correct-horse | chpasswd'
must 'without a terminal nobody is asked for a password' 1 'polkit wants an administrator to authenticate' \
  box_run su --login one --command "$deny"
must 'at one root is asked, and a wrong password does not do' 1 'does not permit.*polkit' at_terminal wrong "$deny"
must 'nor does none' 1 'does not permit.*polkit' at_terminal '' "$deny"
# It ends the agent and certexc; whichever is first, one dies of it or polkit says no.
ended=0
at_terminal $'\003' "$deny" >"$box/output" 2>&1 </dev/null || ended=$?
case $ended in
  1 | 130) holds 'nor does Ctrl+C' ;;
  *) fails "nor does Ctrl+C (ended with $ended)" ;;
esac
must 'of all that nothing was stored' 0 '"exceptions": *\[ *\]\|^\[\]$\|^$' box_run certexc --json --owner=system list
must 'the right one does' 0 'denied' at_terminal correct-horse "$deny"
[ "$(grep -c AUTHENTICATING "$box/output")" = 1 ] || fails 'for all calls of the command it is asked for once'
holds 'for all calls of the command it is asked for once'
must 'for everybody' 4 reject check_as other pw.example.com:993
must 'where output goes elsewhere it is asked for as well' 0 '' at_terminal correct-horse \
  'certexc --json --owner=system list >/tmp/list'
must 'and is no part of it' 0 '' box_run grep -q '^[[{].*pw.example.com' /tmp/list
must 'nobody is left who reads from the terminal' 1 '' box_run pgrep pkttyagent

# -- the state directory ---------------------------------------------------------------------------

# What somebody does to it while the daemon is away.
meanwhile() { # SCRIPT
  box_run systemctl stop certexcd.service 2>/dev/null
  box_run sh -c "$1"
}

meanwhile 'chmod 777 /var/lib/certexc'
must 'a state directory that is open to everybody is used' 0 accept check_as one
must 'and closed' 0 '^certexc 700$' box_run stat --format='%U %a' /var/lib/certexc
meanwhile 'chown -R other:other /var/lib/certexc'
must "somebody else's is taken back with all that is in it" 0 accept check_as one
meanwhile 'chown other:other /var/lib/certexc/journal'
must "of a file that is somebody else's it is told what helps" 1 'a file in it.*back to the daemon' check_as one
box_run chown certexc:certexc /var/lib/certexc/journal
becomes 'given back, it is used' '.*accept.*' check_as one
meanwhile 'mkdir -p -m 700 /var/lib/private && mv /var/lib/certexc /var/lib/private && ln -s private/certexc /var/lib/certexc'
must 'one that was private to a service is moved back' 0 accept check_as one
must 'to its place' 0 '^directory$' box_run stat --format=%F /var/lib/certexc
meanwhile 'mv /var/lib/certexc /srv && ln -s /srv/certexc /var/lib/certexc'
must 'behind a symbolic link it is not used, and people are sent to the log' 1 'did not answer.*its log' check_as one
must 'which names it' 0 'STATE_DIRECTORY' box_run journalctl --no-pager --lines=20 --unit=certexcd.service
box_run sh -c 'rm /var/lib/certexc && mv /srv/certexc /var/lib'
becomes 'put back, it is used again' '.*accept.*' check_as one

# -- others on the bus -----------------------------------------------------------------------------

box_copy "$build_dir/tests/subscriber" "$build_dir/tests/live_isolation" /usr/local/bin

# USER listens to what the daemon says on the bus; what they hear is in $box/USER.
subscribes() { # USER
  box_run_as "$1" subscriber >"$box/$1" 2>&1 </dev/null &
  becomes "$1 listens to changes on the bus" subscribed cat "$box/$1"
}

must 'a person cannot take its name' 1 'Access denied' box_run_as one busctl --system call \
  org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus RequestName su org.certexc1 0
box_run systemctl stop certexcd.service certexcd.socket
must 'nor while nobody has it' 1 'Access denied' box_run_as one busctl --system call \
  org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus RequestName su org.certexc1 0
box_run systemctl start certexcd.socket
subscribes one
subscribes other
must 'one of them allows' 0 . box_run_as one certexc allow bus.example.com:993 --chain=/root-of-none/chain.pem --yes
becomes 'and hears of it' ExceptionAdded cat "$box/one"
must 'the other one denies' 0 . box_run_as other certexc deny bus.example.com:993 --chain=/root-of-none/chain.pem --yes
becomes 'and hears of that' ExceptionAdded cat "$box/other"
must 'and of nothing else' 0 '^1$' grep -c -v -x subscribed "$box/other"
must 'nobody listens to what others say' 1 '.' box_run_as other busctl --system monitor org.certexc1
as_nobody() { # COMMAND...
  box_run setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"
}

must 'who is nobody is told' 3 prompt as_nobody certexc check bus.example.com:993 --chain=/root-of-none/chain.pem
must 'and decides nothing' 1 'does not permit' as_nobody certexc allow bus.example.com:993 --chain=/root-of-none/chain.pem --yes

# -- somebody hostile ------------------------------------------------------------------------------

must 'while somebody hostile is at every limit others are answered' 0 ratio \
  box_run live_isolation /run/certexc/org.certexc1
sed 's/^/    | /' "$box/output"
must 'the daemon is still the same' 0 '^0$' property NRestarts

echo "$passed passed"

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc doctor against the real daemon: all is well, what is not is named with the way out, --rebuild
# mends it with nothing lost, another uid is told of its own, and without a daemon there is a reason.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
live_certificate server mail.example.net
live_daemon "$([ "$(id -u)" = 0 ] && echo --system || echo --user)"
python3 "$source_dir/tests/adds" "$CERTEXC_SOCKET" "$live/server.pem" 1 120 >/dev/null

# Overwrites three bytes in the middle of the journal.
damage() {
  printf '###' | dd of="$live/state/journal" bs=1 seek=$(($(stat -c %s "$live/state/journal") / 2)) conv=notrunc 2>/dev/null
}

# That the finding ID is in what --json says, and its exit status.
expect_json() { # SENTENCE STATUS SEVERITY ID
  local status=0
  certexc doctor --deep --json >"$live/json" || status=$?
  [ "$status" = "$2" ] || live_fail "$1: exit status $status, not $2"
  python3 - "$live/json" "$3" "$4" <<'PYTHON' || live_fail "$1: $(cat "$live/json")"
import json, sys
doctor = json.load(open(sys.argv[1]))
assert set(doctor) == {"findings", "status", "check"}
assert doctor["check"]["whole"] and doctor["check"]["deep"] and doctor["check"]["rows"] > 120
found = {(f["severity"], f["id"]) for f in doctor["findings"]}
assert sys.argv[3] == "" or (sys.argv[2], sys.argv[3]) in found
assert sys.argv[3] or not [f for f in doctor["findings"] if f["severity"] != "note"]
PYTHON
  printf 'ok: %s\n' "$1"
}

live_expect 'all is well' 0 'All is well' '120 allowed' 'lines of the journal that hold' -- certexc doctor
live_expect 'all of it, too' 0 'All is well' -- certexc doctor --deep
expect_json 'for programs' 0 well ''
! grep -q $'\r' "$live/out" || live_fail 'progress where nobody watches'

chmod 755 "$live/state"
live_expect 'a directory that others may look into' 5 'directory-open' 'chmod 0700' -- certexc doctor
chmod 700 "$live/state"

damage
live_expect 'a damaged journal' 5 'journal-damaged' 'certexc doctor --rebuild' -- certexc doctor
expect_json 'the same for programs' 5 damage journal-damaged
live_expect 'it is rebuilt' 0 'Rebuilt' 'changes are missing' 'set-aside' -- certexc doctor --rebuild
[ "$(grep -c 'corrupt-' "$live/out")" = "$(find "$live/state" -name '*corrupt-*' | wc -l)" ] ||
  live_fail "each file that was set aside is named once: $(cat "$live/out")"
echo 'ok: each file that was set aside is named once'
live_expect 'and says which files it set aside' 0 'Set aside' 'certexc.db.corrupt-' -- certexc status
for file in "$live"/state/*corrupt-*; do
  grep -qF " ${file##*/}" "$live/out" || live_fail "$file is not listed"
done
echo 'ok: logs are listed beside their databases'
live_expect 'and well' 0 'All is well' '120 allowed' -- certexc doctor --deep
certexc export | grep -c '"host"' >"$live/n"
[ "$(cat "$live/n")" = 120 ] || live_fail "$(cat "$live/n") decisions are there, not 120"
echo 'ok: nothing was lost'

live_expect 'no arguments' 2 'certexc doctor' -- certexc doctor everything
live_expect '--deep is for doctor' 2 'no meaning' -- certexc list --deep

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  live_expect 'another uid is told of its own' 0 'rows of your own that hold' '0 allowed' -- live_as_other doctor
  ! grep -qF corrupt "$live/out" || live_fail 'another uid sees what was set aside'
  live_expect 'not of all pages' 1 'does not permit' -- live_as_other doctor --deep
  live_expect 'and rebuilds nothing' 1 'does not permit' -- live_as_other doctor --rebuild
else
  echo 'skipped: another uid (this is not root)'
fi

live_stop "$daemon_pid"
live_expect 'without a daemon' 1 'cannot be reached' 'Socket' "$CERTEXC_SOCKET" 'there is no socket' 'Unit' 'certexcd.socket' \
  'Clock' 'to be looked at: see above' -- certexc doctor
live_expect 'as JSON' 1 '"error":"unreachable"' '"id":"no-daemon","severity":"damage"' '"id":"no-socket"' -- \
  certexc doctor --json
if [ ! -e /run/certexc/org.certexc1 ]; then
  live_expect 'both places are told where it was looked for' 1 "Socket       $live/run/certexc/org.certexc1:" \
    'Socket       /run/certexc/org.certexc1:' -- \
    env -u CERTEXC_SOCKET XDG_RUNTIME_DIR="$live/run" "$build_dir/certexc" doctor
else
  echo 'skipped: where it is looked for (this machine has a daemon)'
fi

# Two databases of the same second, and their logs.
for name in -01 '' -01-wal -wal; do
  : >"$live/state/certexc.db.corrupt-20260101T000000Z$name"
done
live_daemon "$([ "$(id -u)" = 0 ] && echo --system || echo --user)"
certexc status >"$live/out"
[ "$(grep -o '20260101T000000Z.*' "$live/out" | tr '\n' ' ')" = \
  '20260101T000000Z 20260101T000000Z-wal 20260101T000000Z-01 20260101T000000Z-01-wal ' ] ||
  live_fail "each log stands behind its database: $(cat "$live/out")"
echo 'ok: each log stands behind its database'
live_stop "$daemon_pid"

# Both copies go; the witness alone knows how far they had come.
rm "$live/state/certexc.db" "$live/state/journal"
live_daemon "$([ "$(id -u)" = 0 ] && echo --system || echo --user)"
certexc list >/dev/null # which waits until the store is whole again
live_expect 'a loss' 5 'Lost' 'changes were missing' "$live/state/losses" -- certexc doctor
live_expect 'is told beside a later rebuild without one' 5 'Rebuilt' ', 0' 'Lost' 'changes were missing' -- \
  certexc doctor --rebuild
expect_lost() { # SENTENCE
  live_expect "$1" 5 'Lost' 'changes were missing' -- certexc doctor
  live_expect "$1: status" 0 'Lost' -- certexc status
}
live_stop "$daemon_pid"
grep -q 'certexc.db: a new and empty one' "$live/daemon.log" || live_fail 'the log says what lay there'
live_daemon "$([ "$(id -u)" = 0 ] && echo --system || echo --user)"
expect_lost 'after a restart, too'
rm "$live/state/losses"
live_expect 'and no more once the person says so' 0 'All is well' -- certexc doctor

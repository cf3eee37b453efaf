#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The daemon is killed with SIGKILL in the middle of 1000 adds, again and again: every exception
# that was acknowledged is there after the restart.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
live_certificate server mail.example.net
: >"$live/all"

# Adds the hosts FIRST to 1000 until DIE of them are acknowledged, then kills the daemon.
round() { # FIRST DIE
  local adder i die=$2
  live_daemon --user
  : >"$live/acknowledged"
  python3 "$source_dir/tests/adds" "$CERTEXC_SOCKET" "$live/server.pem" "$1" 1000 \
    >"$live/acknowledged" 2>"$live/adds.log" </dev/null &
  adder=$!
  for ((i = 0; i < die; i++)); do
    read -r _ || break
  done < <(timeout 60 tail -n +1 -s 0.01 --pid="$adder" -f "$live/acknowledged" 2>/dev/null)
  kill -KILL "$daemon_pid"
  wait "$adder" || live_fail "adding failed: $(cat "$live/adds.log")"
  live_stop "$daemon_pid"
  cat "$live/acknowledged" >>"$live/all"
}

compare() {
  local lost
  live_daemon --user
  python3 "$source_dir/tests/adds" "$CERTEXC_SOCKET" list | sort >"$live/held"
  live_stop "$daemon_pid"
  lost=$(sort "$live/all" | comm -23 - "$live/held")
  [ -z "$lost" ] || live_fail "acknowledged, but gone after the restart: $lost"
  printf 'ok: killed after %d acknowledged adds of this run; all %d are there (and %d more)\n' \
    "$(wc -l <"$live/acknowledged")" "$(wc -l <"$live/all")" \
    $(($(wc -l <"$live/held") - $(sort -u "$live/all" | wc -l)))
}

first=1
for die in 1 40 150 300; do
  round "$first" "$die"
  compare
  first=$(($(sed 's/host-\([0-9]*\).*/\1/' "$live/all" | sort -n | tail -n 1) + 1))
  [ "$(wc -l <"$live/acknowledged")" -ge "$die" ] || live_fail "only some of $die adds were acknowledged"
done
[ "$(wc -l <"$live/all")" -lt 1000 ] || live_fail 'the daemon was never killed in the middle'

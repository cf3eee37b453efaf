#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The real daemon where the kernel's watches of directories are used up, as a desktop's other programs may
# have done: it says so and serves.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
# A user name space has a count of its own, so that nobody else is robbed of theirs.
unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null ||
  live_skip 'no user name space of our own is allowed here'

live_begin
live_certificate server mail.example.net
mkdir "$live/state" "$live/socket"
export CERTEXC_SOCKET=$live/socket/org.certexc1
# shellcheck disable=SC2016 # for the shell within
unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"' sh \
  "$build_dir/certexcd" --user --no-bus --state-dir="$live/state" --conf-dir="$live/conf" \
  --socket="$CERTEXC_SOCKET" 2>"$live/daemon.log" </dev/null &
daemon_pid=$!
live_pids+=("$daemon_pid")
live_wait_line "$live/daemon.log" 'Started, with' "$daemon_pid" || live_fail "it does not start: $(cat "$live/daemon.log")"
grep -q 'Cannot watch' "$live/daemon.log" || live_fail "it does not say that it cannot watch: $(cat "$live/daemon.log")"

check() {
  "$build_dir/certexc" check mail.example.net:993 --chain="$live/server.pem"
}
live_expect 'questions are answered' 3 self-signed -- check
live_expect 'a decision is taken' 0 -- "$build_dir/certexc" allow mail.example.net:993 --chain="$live/server.pem" --yes
live_expect 'and holds' 0 accept -- check
rm "$live/state/certexc.db"
live_expect 'with the database removed it still holds' 0 accept -- check

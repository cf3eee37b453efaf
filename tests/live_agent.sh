#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc agent against the real daemon: what a person types at a terminal and what becomes of it, agents
# that are killed, questions that are taken back, hostile certificates, a program in the person's place.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

for tool in certtool python3; do
  command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done
live_begin
export LC_ALL=C.UTF-8 TERM=dumb
unset XDG_SESSION_ID

live_certificate server mail.example
live_key "$live/hostile.key"
printf 'cn = "\033[2Jpwned\xe2\x80\xae"\ndns_name = "mail.example"\nexpiration_days = 90\n' >"$live/hostile.template"
certtool --generate-self-signed --load-privkey "$live/hostile.key" --template "$live/hostile.template" \
  --outfile "$live/hostile.pem" >/dev/null 2>&1 || live_fail 'certtool made no hostile certificate'
live_expect 'without a daemon there is no agent' 1 'cannot be reached' -- \
  env CERTEXC_SOCKET="$live/none" "$build_dir/certexc" agent --json
live_daemon --user
live_expect 'where there is no terminal nobody can be asked' 2 'no terminal' -- certexc agent
live_expect 'nobody is asked in the name of another' 1 'its own user only' -- certexc agent --json --owner=54321
live_expect 'without an agent nobody waits' 3 'start "certexc agent"' -- \
  certexc check "mail.example:993" --chain="$live/server.pem" --ask
live_expect '--wait needs --ask' 2 'together with --ask' -- \
  certexc check "mail.example:993" --chain="$live/server.pem" --wait=5
for wait in 0 601 soon; do
  live_expect "--wait=$wait is nonsense" 2 'from 1 to 600' -- \
    certexc check "mail.example:993" --chain="$live/server.pem" --ask --wait="$wait"
done
python3 "$source_dir/tests/live_agent.py" "$build_dir/certexc" "$live/server.pem" "$live/hostile.pem"

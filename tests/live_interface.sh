#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The sessions of org.certexc1(5), as they stand there, typed into a shell against the real daemon.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

for tool in socat openssl certtool; do
  command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done
live_begin

# From the page's source: prompts go, what the daemon answers goes, troff's spellings are undone.
# What follows is done with varlinkctl, which live_varlink.sh is about.
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$source_dir/man/org.certexc1.5" |
  sed -n '/^\.Bd -literal/,/^\.Ed/p' |
  sed '/^\.[BE]d/d; /^{/d; /varlinkctl/d; s/^\$ //; s/\\(aq/'"'"'/g; s/\\e/\\/g; s/\\-/-/g' \
    >"$live/page"
[ "$(grep -c 'socat' "$live/page")" -ge 3 ] || live_fail 'org.certexc1(5) has no sessions'

live_certificate server imap.example.org 2020-01-01 2020-02-01
live_daemon --user
sed "s|/run/certexc/org.certexc1|$CERTEXC_SOCKET|" "$live/page" >"$live/session"

session() {
  cd "$live" && bash -euo pipefail session
}

live_expect 'the sessions of the manual page' 0 '{"parameters":{"exceptions":[]}}' \
  '"verdict":"prompt"' '"problems":["expired","self-signed"]' '"already":false' -- session
live_expect 'the same again: the exception is held' 0 '"verdict":"accept"' '"already":true' -- session

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The program of libcertexc(3), as it stands there: compiled, and run against a TLS server with a
# self-signed certificate and the real daemon.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

for tool in gnutls-serv certtool; do
  command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done
live_begin

# From the page's source: what troff writes as \- and \e is - and \.
sed -n '/^\.Bd -literal$/,/^\.Ed/p' "$source_dir/man/libcertexc.3" |
  sed '1d; $d; s/\\-/-/g; s/\\e/\\/g' >"$live/example.c"
[ -s "$live/example.c" ] || live_fail 'libcertexc(3) has no example'
lines=$(wc -l <"$live/example.c")
[ "$lines" -le 40 ] || live_fail "the example has $lines lines: 40 are what a page takes"

# What is installed is taken as pkg-config would say it, from a tree of its own.
mkdir -p "$live/include"
cp "$source_dir/client/certexc.h" "$live/include/"
# shellcheck disable=SC2046,SC2086 # flags are words
${CC:-cc} ${CFLAGS:-} -std=gnu11 -Wall -Wextra -Werror -I"$live/include" $(pkg-config --cflags gnutls) \
  "$live/example.c" -o "$live/example" ${LDFLAGS:-} -L"$build_dir/.libs" -lcertexc \
  $(pkg-config --libs gnutls) || live_fail 'the example does not compile'

live_certificate server localhost
port=$(live_port)
gnutls-serv --port "$port" --x509keyfile "$live/server.key" --x509certfile "$live/server.pem" \
  </dev/null >/dev/null 2>"$live/serv.log" &
live_pids+=($!)
live_wait_line "$live/serv.log" 'listening on IPv4' $! || live_fail "gnutls-serv: $(cat "$live/serv.log")"

example() {
  LD_LIBRARY_PATH=$build_dir/.libs "$live/example" 127.0.0.1 "$port"
}

mkdir -p "$live/socket"
export CERTEXC_SOCKET=$live/socket/org.certexc1
live_expect 'without a daemon nobody is asked, and nothing accepted' 1 'cannot be reached' "$CERTEXC_SOCKET" -- example
live_daemon --user
live_expect 'a self-signed certificate: prompt' 1 prompt self-signed -- example
live_expect 'certexc allow' 0 -- certexc allow "127.0.0.1:$port" --yes
live_expect 'the same certificate afterwards: accept' 0 accept -- example
live_stop "$daemon_pid"
live_expect 'the daemon stopped: not asked, not accepted' 1 'cannot be reached' -- example
live_daemon --user
live_expect 'the daemon started again: accept' 0 accept -- example

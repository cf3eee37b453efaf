#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Starts a private daemon, makes a chain, and measures: the figures are ratios of things that were
# measured side by side. On a machine that does other work they say little.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/../live.sh"

live_begin
live_certificate server mail.example.net
live_daemon --user
mkdir "$live/disk"
"$build_dir/tests/bench/bench" "$CERTEXC_SOCKET" "$live/server.pem" other.example.net \
  "$build_dir/certexc" "$live/disk"
# Two more users take part in this one.
[ "$(id -u)" != 0 ] || "$build_dir/tests/live_isolation" bench

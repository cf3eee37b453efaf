#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexcd.conf(5) has every key that daemon/conf.c reads, in its section, and no other.
set -euo pipefail

cd "${CERTEXC_SOURCE_DIR:-$(dirname "$0")/..}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sed -n 's/.*is_key(section, key, "\([A-Za-z]*\)", "\([A-Za-z]*\)").*/\1 \2/p' daemon/conf.c |
  sort >"$work/read"
awk '/^\.Sh/ { section = $2; gsub(/[][]/, "", section) }
  /^\.It Cm / { print section, $3 }' man/certexcd.conf.5 | sort >"$work/told"
[ -s "$work/read" ] || {
  echo 'daemon/conf.c has no keys that this test finds' >&2
  exit 1
}
diff -u --label daemon/conf.c --label man/certexcd.conf.5 "$work/read" "$work/told"

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc export against the real daemon: all that was decided, in an order of its own, each
# certificate once and true to its digest; two exports differ in the lines that tell what changed.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
live_certificate server mail.example.net
live_certificate other other.example.net
live_daemon --user

certexc() {
  "$build_dir/certexc" "$@"
}

export_to() { # NAME
  certexc export >"$live/$1" 2>"$live/$1.err" || live_fail "export failed: $(cat "$live/$1.err")"
}

# That it is what schema/export.md says, with so many decisions and certificates.
expect_export() { # NAME DECISIONS CERTIFICATES
  python3 - "$live/$1" "$2" "$3" <<'PYTHON' || live_fail "$1 is not as schema/export.md says"
import base64, hashlib, json, sys
text = open(sys.argv[1], encoding="ascii").read()
export = json.loads(text)
assert export["format"] == "certexc-export" and export["version"] == 1
decisions, certificates = export["decisions"], export["certificates"]
assert len(decisions) == int(sys.argv[2]) and len(certificates) == int(sys.argv[3])
authorities = export["authorities"]
assert len(text.splitlines()) == 4 + len(decisions) + len(authorities) + len(certificates)
order = [(d["host"], d["port"], d["action"], d["pin"], d["certificate"], d["created"]) for d in decisions]
assert order == sorted(order)
digests = [c["sha256"] for c in certificates]
assert digests == sorted(set(digests)) and set(digests) == {d["certificate"] for d in decisions + authorities}
for certificate in certificates:
    der = base64.b64decode(certificate["der"], validate=True)
    assert hashlib.sha256(der).hexdigest() == certificate["sha256"]
assert authorities == sorted(authorities, key=lambda a: (a["kind"], a["certificate"], a["pin"]))
for authority in authorities:
    assert set(authority) - {"only"} == {"kind", "state", "pin", "created", "certificate"}
    assert ("only" in authority) == (authority["kind"] == "authority")
for decision in decisions:
    fields = set(decision) - {"until"}
    assert fields == {"host", "port", "action", "state", "pin", "problems", "created", "certificate"}
    assert (decision["problems"] == []) == (decision["action"] == "deny")
PYTHON
  printf 'ok: %s has %d decisions and %d certificates\n' "$1" "$2" "$3"
}

# How many lines are in only one of the two.
expect_difference() { # SENTENCE A B LINES
  local n
  n=$(diff "$live/$2" "$live/$3" | grep -c '^[<>]' || true)
  [ "$n" = "$4" ] || live_fail "$1: $n lines differ, not $4: $(diff "$live/$2" "$live/$3" | cut -c1-200)"
  printf 'ok: %s\n' "$1"
}

export_to nothing
expect_export nothing 0 0

# More than one page of the daemon's list, added side by side: ids are in no order.
python3 "$source_dir/tests/adds" "$CERTEXC_SOCKET" "$live/server.pem" 1 150 >/dev/null
export_to many
expect_export many 150 1
export_to again
expect_difference 'nothing changed, nothing differs' many again 0

certexc deny host-7.example:465 --chain="$live/other.pem" --until=1y --yes >/dev/null
export_to denied
expect_export denied 151 2
# The last certificate has no comma behind it: it may be another one now.
grep -q '"host":"host-7.example","port":465,"action":"deny".*"until":' "$live/denied" ||
  live_fail 'the denial is not told with its end'

certexc revoke host-9.example:993 >/dev/null
export_to revoked
expect_difference 'what was taken back is one line less' denied revoked 1

if certexc allow host-9.example:993 --chain="$live/server.pem" --session --yes >"$live/out" 2>&1; then
  export_to session
  expect_difference 'until the end of a session is for here and now' revoked session 0
  grep -q '^certexc: 1 decisions that end with a session are left out' "$live/session.err" ||
    live_fail "it is not told that some are left out: $(cat "$live/session.err")"
else
  echo "skipped: no sessions here: $(cat "$live/out")"
fi

live_stop "$daemon_pid"
if certexc export >"$live/out" 2>"$live/err"; then
  live_fail 'no daemon, and no failure'
fi
[ ! -s "$live/out" ] || live_fail 'half an export without a daemon'
[ -s "$live/err" ] || live_fail 'no daemon, and no reason'
echo 'ok: without a daemon there is no export, and a reason'

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc import against the real daemon: what was exported comes back whole in a store that is new, and
# nothing is widened or revived where something is held; what is no export is refused, and stores nothing.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
live_certificate server mail.example.net
live_certificate other other.example.net
mode=$([ "$(id -u)" = 0 ] && echo --system || echo --user)
live_daemon "$mode"

fresh() {
  live_stop "$daemon_pid"
  rm -rf "$live/state"
  live_daemon "$mode"
}

# The export without the times at which things were decided, which are those of the import.
export_to() { # NAME
  certexc export | sed 's/"created":[0-9]*,//' >"$live/$1"
}

expect_same() { # SENTENCE A B
  diff "$live/$2" "$live/$3" >"$live/difference" || live_fail "$1: $(cut -c1-200 "$live/difference")"
  printf 'ok: %s\n' "$1"
}

# -- there and back --------------------------------------------------------------------------------

python3 "$source_dir/tests/adds" "$CERTEXC_SOCKET" "$live/server.pem" 1 150 >/dev/null
certexc allow pinned.example:993 --chain="$live/server.pem" --pin=key --until=1y --yes >/dev/null
certexc deny denied.example:465 --chain="$live/other.pem" --yes >/dev/null
certexc export >"$live/file"
export_to before
live_expect 'all is held already' 0 '0 decisions were added' -- certexc import "$live/file"
fresh
live_expect 'what would come of it' 0 'denied.example:465' '152 decisions would be added. Nothing was stored' -- \
  certexc import --dry-run "$live/file"
certexc list 2>&1 | grep -q example && live_fail 'a dry run stores'
live_expect 'it is imported' 0 '152 decisions were added' -- certexc import "$live/file"
export_to after
expect_same 'there and back nothing changed' before after
live_expect 'the exception accepts' 0 accept -- certexc check host-7.example:993 --chain="$live/server.pem"
live_expect 'the denial refuses' 4 reject -- certexc check denied.example:465 --chain="$live/other.pem"
live_expect 'the history tells' 0 imported -- certexc history 7
live_expect 'doctor finds nothing' 0 'All is well' -- certexc doctor --deep
live_stop "$daemon_pid"
rm "$live/state/certexc.db" "$live/state/certexc.db-wal" 2>/dev/null || true
live_daemon "$mode"
export_to rebuilt
expect_same 'it is in the journal as well' after rebuilt
live_expect 'with its history' 0 imported -- certexc history 7

# -- several about the same ------------------------------------------------------------------------

# Each says more than the one before, as in the store that they are from: the file is no conflict with itself.
certexc allow often.example:993 --chain="$live/server.pem" --until=2w --yes >/dev/null
certexc allow often.example:993 --chain="$live/server.pem" --until=3w --yes >/dev/null
certexc allow often.example:993 --chain="$live/server.pem" --yes >/dev/null
certexc export >"$live/often"
fresh
live_expect 'it comes back into an empty store' 0 'were added' -- certexc import "$live/often"
live_expect 'as it was last' 0 'for ever' -- certexc check often.example:993 --chain="$live/server.pem"
fresh
certexc import "$live/file" >/dev/null

# -- what is here counts ---------------------------------------------------------------------------

id=$(certexc list host-7.example --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["exceptions"][0]["id"])')
certexc revoke "$id" >/dev/null
certexc revoke host-8.example >/dev/null
certexc deny host-8.example:993 --chain="$live/server.pem" --yes >/dev/null
certexc revoke pinned.example >/dev/null
certexc allow pinned.example:993 --chain="$live/server.pem" --pin=key --until=30d --yes >/dev/null
live_expect 'what was taken back or denied is not overridden' 1 'or refused: 3 of' \
  'host-7.example:993  allow  revoked-here' 'host-8.example:993  allow  denied-here' \
  'pinned.example:993  allow  later' -- certexc import "$live/file"
live_expect 'nor in a dry run' 1 'or refused: 3 of' -- certexc import --dry-run "$live/file"
live_expect 'the rest can be had' 0 '0 decisions were added' -- certexc import --skip "$live/file"
live_expect 'it is still taken back' 3 prompt -- certexc check host-7.example:993 --chain="$live/server.pem"
live_expect 'what the file says can be had' 0 '3 decisions were added' -- certexc import --replace "$live/file"
live_expect 'and it accepts' 0 accept -- certexc check host-7.example:993 --chain="$live/server.pem"
live_expect 'the denial gave way' 0 accept -- certexc check host-8.example:993 --chain="$live/server.pem"

# -- other files -----------------------------------------------------------------------------------

# A change of the first decision or certificate of the file, as Python.
change() { # NAME CHANGE
  python3 - "$live/file" "$live/$1" "$2" <<'PYTHON'
import json, sys
export = json.load(open(sys.argv[1]))
d, c = export["decisions"][0], export["certificates"][0]
exec(sys.argv[3])
json.dump(export, open(sys.argv[2], "w"))
PYTHON
}

refused() { # SENTENCE WORD CHANGE
  change changed "$3"
  live_expect "$1" 1 "$2" -- certexc import "$live/changed"
  certexc list --all 2>&1 | grep -q example && live_fail "$1: something was stored"
  ! grep -q $'\033' "$live/out" || live_fail "$1: an escape reached the terminal"
}

fresh
refused 'a wrong fingerprint' 'not the one that its fingerprint says' 'c["sha256"] = "00" * 32'
refused 'another certificate for the fingerprint' 'not the one that its fingerprint says' \
  'c["der"] = export["certificates"][1]["der"]'
refused 'a host that is none' 'no host name' 'd["host"] = "mail example"'
refused 'a host that would harm a terminal' 'no host name' 'd["host"] = "\x1b[2Jmail.example"'
refused 'a port that is none' 'lacks its host, port' 'd["port"] = 0'
refused 'a problem that is none' 'no problem' 'd["action"] = "allow"; d["problems"] = ["\x1b[31mexpired"]'
refused 'a problem that nobody may allow' not-exceptable 'd["action"] = "allow"; d["problems"] = ["revoked"]'
refused 'a problem that is not there' nothing-left 'd["action"] = "allow"; d["problems"] = ["expired"]'
refused 'an action that is none' 'neither allow nor deny' 'd["action"] = "ask"'
refused 'another format' 'first line' 'export["format"] = "other"'
refused 'a newer version' 'newer version' 'export["version"] = 2'
refused 'a certificate that is none' unreadable \
  'import base64, hashlib; x = b"\x30\x03abc"; h = hashlib.sha256(x).hexdigest(); c["der"] = base64.b64encode(x).decode(); [e.update(certificate=h) for e in export["decisions"] if e["certificate"] == c["sha256"]]; c["sha256"] = h'
refused 'more than one may have' too-many \
  'export["decisions"] = [dict(d, host="h%d.example" % i) for i in range(1001)]'
refused 'more than one import takes' 'A limit of the daemon' \
  'export["decisions"] = [dict(d, host="h%d.example" % i) for i in range(2001)]'

head -c 3000 "$live/file" >"$live/cut"
live_expect 'a file that is cut' 1 'nothing was taken from it' -- certexc import "$live/cut"
sed 's/"port":993/"port":993,"port":994/' "$live/file" >"$live/twice"
live_expect 'a key that comes twice' 1 'nothing was taken from it' -- certexc import "$live/twice"
head -c 100000000 /dev/zero | tr '\0' x >"$live/long"
live_expect 'a line of 100 MB' 1 'larger than any export' -- certexc import "$live/long"
: >"$live/empty"
live_expect 'an empty file' 1 'nothing was taken from it' -- certexc import "$live/empty"
live_expect 'no file' 1 'cannot be read' -- certexc import "$live/none"
live_expect 'nothing of all that was stored' 0 -- certexc list
! grep -q example "$live/out" || live_fail 'something of it was stored'

change unconfirmed 'export["decisions"] = [dict(e, problems=[]) for e in export["decisions"] if e["action"] == "allow"][:2]; export["decisions"][1]["problems"] = ["self-signed"]; export["decisions"][1]["certificate"] = "11" * 32'
live_expect 'without problems or certificate' 0 '2 decisions were added' -- certexc import "$live/unconfirmed"
certexc list | grep -c unconfirmed | grep -qx 2 || live_fail 'they are not both unconfirmed'
live_expect 'they ask' 3 unconfirmed -- certexc check host-1.example:993 --chain="$live/server.pem" --json
live_expect 'and say since when' 3 'it was taken over from elsewhere' -- \
  certexc check host-1.example:993 --chain="$live/server.pem"
export_to unconfirmed
live_expect 'they are exported as such' 0 'state":"unconfirmed' -- certexc export
change ended 'd["until"] = 1000; export["decisions"] = [d]'
live_expect 'what has ended is not revived' 0 'ended' '0 decisions were added' -- certexc import "$live/ended"

# -- others ----------------------------------------------------------------------------------------

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 644 "$live/file"
  live_expect 'another uid has its own' 0 '152 decisions were added' -- live_as_other import "$live/file"
  live_expect 'and not the system' 1 'does not permit' -- live_as_other import --owner=system "$live/file"
  live_expect 'root for everyone' 0 '152 decisions were added' -- certexc import --owner=system "$live/file"
else
  echo 'skipped: another uid (this is not root)'
fi
live_expect 'the store is well' 0 'All is well' -- certexc doctor --deep
live_stop "$daemon_pid"
live_expect 'without a daemon' 1 'cannot be reached' -- certexc import "$live/file"

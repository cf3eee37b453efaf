#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Authorities in certexc export and import against the real daemon: they come back whole in a store that is
# new, nothing is believed before a person has agreed, nothing is widened or revived where something is
# held, and nobody can have the system believe anything.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
export live TZ=UTC0 LC_ALL=C.UTF-8 TERM=xterm
mode=$([ "$(id -u)" = 0 ] && echo --system || echo --user)

# An authority NAME in $live/NAME.pem, and a server's certificate of its own for HOST in $live/NAME-leaf.pem.
authority() { # NAME HOST
  live_key "$live/$1.key"
  live_key "$live/$1-leaf.key"
  printf 'cn = "Authority %s"\nca\ncert_signing_key\nexpiration_days = 90\n' "$1" >"$live/$1.template"
  printf 'cn = "%s"\ndns_name = "%s"\nsigning_key\ntls_www_server\nexpiration_days = 80\n' "$2" "$2" >"$live/$1-leaf.template"
  certtool --generate-self-signed --load-privkey "$live/$1.key" --template "$live/$1.template" \
    --outfile "$live/$1.pem" >/dev/null 2>&1 || live_fail "certtool made no authority $1"
  certtool --generate-certificate --load-privkey "$live/$1-leaf.key" --load-ca-certificate "$live/$1.pem" \
    --load-ca-privkey "$live/$1.key" --template "$live/$1-leaf.template" --outfile "$live/$1-leaf.pem" >/dev/null 2>&1 ||
    live_fail "certtool made no certificate of $1"
}

authority some mail.example.org
authority all bank.example
authority none evil.example
live_certificate server mail.example.net
live_daemon "$mode"

fresh() {
  live_stop "$daemon_pid"
  rm -rf "$live/state"
  live_daemon "$mode"
}

export_to() { # NAME
  certexc export | sed 's/"created":[0-9]*,//' >"$live/$1"
}

expect_same() { # SENTENCE A B
  diff "$live/$2" "$live/$3" >"$live/difference" || live_fail "$1: $(cut -c1-200 "$live/difference")"
  printf 'ok: %s\n' "$1"
}

checked() { # SENTENCE STATUS NAME HOST
  live_expect "$1" "$2" -- certexc check "$4:993" --chain="$live/$3-leaf.pem"
}

nothing_stored() { # SENTENCE
  { certexc authority list && certexc list; } >"$live/stored" 2>&1
  ! grep -q -e ' own ' -e example "$live/stored" || live_fail "$1: something was stored: $(cat "$live/stored")"
  printf 'ok: %s: nothing was stored\n' "$1"
}

# -- there and back --------------------------------------------------------------------------------

certexc authority import "$live/some.pem" --only=example.org,10.0.0.0/8 --yes >/dev/null
certexc authority import "$live/all.pem" --yes >/dev/null
certexc authority distrust "$live/none.pem" >/dev/null
certexc allow mail.example.net:993 --chain="$live/server.pem" --yes >/dev/null
certexc export >"$live/file"
export_to before
grep -q '"kind":"authority","state":"live","pin":"certificate","only":\["10.0.0.0/8","example.org"\],"created":' \
  "$live/file" || live_fail "the authority for some names is not told: $(grep authority "$live/file")"
grep -q '"only":\[\],' "$live/file" || live_fail 'the authority for all names is not told'
grep -q '"kind":"distrust","state":"live","pin":"key","created":' "$live/file" || live_fail 'the distrust is not told'
live_expect 'all is held already' 0 '0 decisions were added' -- certexc import --yes "$live/file"

fresh
live_expect 'nobody is there to agree' 2 'nobody to ask' 'would have you believe' 'Authority all' \
  'every name in the world' 'May speak for: 10.0.0.0/8, example.org' -- certexc import "$live/file"
nothing_stored 'without a word'
live_expect 'from a pipe, too' 2 'nobody to ask' -- sh -c "'$build_dir/certexc' import <'$live/file'"
live_expect 'only to look' 0 'Authority all  authority  added' 'would be added. Nothing was stored' -- \
  certexc import --dry-run "$live/file"
nothing_stored 'a dry run'
for answer in '' yes y no; do
  live_expect "\"$answer\" is no" 1 'Nothing was stored' -- python3 "$source_dir/tests/typed" "$answer" -- "$build_dir/certexc" \
    import "$live/file"
done
nothing_stored 'anything but the word'
live_expect 'by the word it is imported' 0 '4 decisions were added' -- python3 "$source_dir/tests/typed" import -- \
  "$build_dir/certexc" import "$live/file"
export_to after
expect_same 'there and back nothing changed' before after
checked 'it is believed for its name' 0 some mail.example.org
checked 'and for all names' 0 all bank.example
live_expect 'doctor finds nothing' 0 'All is well' -- certexc doctor --deep
live_stop "$daemon_pid"
rm -f "$live/state/certexc.db" "$live/state/certexc.db-wal"
live_daemon "$mode"
export_to rebuilt
expect_same 'it is in the journal as well' after rebuilt

# -- what is here counts ---------------------------------------------------------------------------

fresh
certexc authority import "$live/some.pem" --only=mail.example.org --yes >/dev/null
live_expect 'it is not widened' 1 'Authority some  authority  wider' 'or refused: 1 of 4 in' -- certexc import --yes "$live/file"
certexc authority import "$live/some.pem" --only=example.org,10.0.0.0/8,example.net --yes >/dev/null
live_expect 'nor narrowed, without a word' 0 'Authority some  authority  held' -- certexc import --yes "$live/file"
checked 'what was new is believed' 0 all bank.example

fresh
certexc authority import "$live/some.pem" --only=mail.example.org --yes >/dev/null
live_expect 'it is widened as the file says' 0 '4 decisions were added' -- certexc import --replace --yes "$live/file"
live_expect 'it is as the file says' 0 '10.0.0.0/8, example.org' -- certexc authority list

fresh
certexc authority import "$live/all.pem" --yes >/dev/null
live_expect 'a distrust says what import it takes back' 0 'distrusted from now on' 'It had been imported (number 1)' -- \
  certexc authority distrust "$live/all.pem"
live_expect 'an import says what distrust it takes back' 0 'It is distrusted here (number 2)' \
  'That it was distrusted (number 2) is taken back' -- certexc authority import "$live/all.pem" --yes
live_expect 'as JSON, too' 0 'It had been imported (number 3)' -- certexc authority distrust "$live/all.pem" --json
live_expect 'where nobody is asked nothing is taken back' 2 'It is distrusted here (number 4)' -- \
  certexc authority import "$live/all.pem"
live_expect 'it is distrusted still' 0 '4 own    distrust' -- certexc authority list
live_expect 'a distrust that is held takes nothing back' 0 'already distrusted' -- certexc authority distrust "$live/all.pem"
! grep -q 'taken back' "$live/out" || live_fail 'and says nothing of that'

fresh
certexc authority distrust "$live/all.pem" >/dev/null
certexc authority import "$live/none.pem" --only=example --yes >/dev/null
certexc authority import "$live/some.pem" --yes >/dev/null
id=$(certexc authority list --json | python3 -c 'import json,sys
print([a["id"] for a in json.load(sys.stdin)["authorities"] if "some" in a["certificate"]["subject"]][0])')
certexc authority remove "$id" >/dev/null
live_expect 'what was distrusted, imported or removed is not overridden' 1 'Authority all  authority  distrusted-here' \
  'Authority none  distrust  trusted-here' 'Authority some  authority  revoked-here' 'or refused: 3 of 4 in' -- \
  certexc import --yes "$live/file"
live_expect 'the rest can be had' 0 '1 decision was added' -- certexc import --skip --yes "$live/file"
checked 'it is still distrusted' 3 all bank.example
live_expect 'what the file says can be had, if one agrees' 2 'would have you believe' 'nobody to ask' -- \
  certexc import --replace "$live/file"
checked 'before that it is still distrusted' 3 all bank.example
live_expect 'and then' 0 '3 decisions were added' -- certexc import --replace --yes "$live/file"
checked 'it is believed' 0 all bank.example
export_to replaced
expect_same 'all is as the file says' before replaced

# -- other files -----------------------------------------------------------------------------------

change() { # NAME CHANGE
  python3 - "$live/file" "$live/$1" "$2" <<'PYTHON'
import json, sys
export = json.load(open(sys.argv[1]))
authorities, certificates = export["authorities"], export["certificates"]
a = [x for x in authorities if x["kind"] == "authority"][0]
d = [x for x in authorities if x["kind"] == "distrust"][0]
leaf = export["decisions"][0]["certificate"]
exec(sys.argv[3])
json.dump(export, open(sys.argv[2], "w"))
PYTHON
}

refused() { # SENTENCE WORD CHANGE
  change changed "$3"
  live_expect "$1" 1 "$2" -- certexc import --yes "$live/changed"
  { certexc authority list && certexc list; } >"$live/stored" 2>&1
  ! grep -q -e ' own ' -e example "$live/stored" || live_fail "$1: something was stored: $(cat "$live/stored")"
  ! grep -q $'\033' "$live/out" || live_fail "$1: an escape reached the terminal"
}

fresh
refused 'a certificate that can be no authority' not-an-authority 'a["certificate"] = leaf'
refused 'an authority without its certificate' no-certificate 'a["certificate"] = "11" * 32'
refused 'what is distrusted without its certificate' no-certificate 'd["certificate"] = "11" * 32'
refused 'one that does not say for which names' 'what it may speak for' 'del a["only"]'
refused 'a name that is none' 'number' 'a["only"] = ["*.example.org"]'
refused 'a name that would harm a terminal' 'number' 'a["only"] = ["\x1b[2Jexample.org"]'
refused 'names that are no texts' 'no text' 'a["only"] = [5]'
refused 'a kind that is none' 'neither authority nor distrust' 'a["kind"] = "root"'
refused 'a state that is none' 'neither live nor unconfirmed' 'a["state"] = "removed"'
refused 'a pin that is none' 'neither certificate nor key' 'd["pin"] = "name"'
refused 'the same believed and distrusted' trusted-here 'd["certificate"] = a["certificate"]'
refused 'more than one may have' too-many 'import base64, hashlib, os, subprocess
cert = lambda i: subprocess.run(["certtool", "--generate-self-signed", "--load-privkey", os.environ["live"] + "/some.key", "--template", "/dev/stdin", "--outder"], input=("cn = \"A%d\"\nca\ncert_signing_key\nexpiration_days = 9\n" % i).encode(), capture_output=True).stdout
for i in range(65):
    der = cert(i); h = hashlib.sha256(der).hexdigest()
    certificates.append({"sha256": h, "der": base64.b64encode(der).decode()}); authorities.append(dict(a, certificate=h))'
refused 'more than one import takes' 'A limit of the daemon' 'export["authorities"] = [a] * 129'

change unconfirmed 'a["state"] = "unconfirmed"; export["authorities"] = [a, d]'
live_expect 'what waits to be confirmed is believed by nobody, and needs no consent' 0 '3 decisions were added' -- \
  certexc import "$live/unconfirmed"
live_expect 'it is unconfirmed' 0 unconfirmed -- certexc authority list
live_expect 'it is exported as such' 0 'authority","state":"unconfirmed' -- certexc export
fresh
change decisions 'del export["authorities"]'
live_expect 'a file from before there were authorities in it' 0 '1 decision was added' -- certexc import "$live/decisions"

# -- others ----------------------------------------------------------------------------------------

fresh
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 644 "$live/file"
  live_expect 'another uid has its own' 0 '4 decisions were added' -- live_as_other import --yes "$live/file"
  live_expect 'and not the system' 1 'does not permit' -- live_as_other import --yes --owner=system "$live/file"
  checked 'nobody else believes it' 3 all bank.example
  live_expect 'for everyone it is said to be so' 2 'everybody on this machine' 'nobody to ask' -- \
    certexc import --owner=system "$live/file"
  live_expect 'root for everyone' 0 '4 decisions were added' -- certexc import --yes --owner=system "$live/file"
  checked 'everybody believes it' 0 all bank.example
  live_expect 'it is exported as the system has it' 0 '"kind":"authority"' -- certexc export --owner=system
  certexc export >"$live/out"
  ! grep -q '"kind"' "$live/out" || live_fail 'what everybody believes is exported as one of the own'
  live_stop "$daemon_pid"
  mkdir -p "$live/conf"
  printf '[Verdict]\nUserAuthorities=no\n' >"$live/conf/certexcd.conf"
  rm -rf "$live/state"
  live_daemon "$mode"
  live_expect 'where only the administrator may' 1 forbidden -- certexc import --yes "$live/file"
  live_expect 'the rest can be had' 0 '2 decisions were added' -- certexc import --yes --skip "$live/file"
else
  echo 'skipped: another uid (this is not root)'
fi

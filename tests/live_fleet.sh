#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Decisions in files, as an administrator and a person at a terminal meet them: export, a file, a reload,
# and what list, show, check, allow, revoke, export, status and doctor say then.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v certtool >/dev/null || live_skip 'certtool is not installed'

live_begin
live_certificate server mail.example.net
mkdir -p "$live/conf/exceptions.d"
live_daemon --user
place=mail.example.net:993
file=$live/conf/exceptions.d/50-fleet.json
first=1000000000001

# A command's status and words in all that it says.
must() { # SENTENCE STATUS WORDS ARGUMENT...
  local sentence=$1 wanted=$2 expected=$3 status=0
  shift 3
  # One line, since what is said at a terminal is broken into several.
  certexc "$@" >"$live/said" 2>&1 </dev/null || status=$?
  if [ "$status" != "$wanted" ] || ! tr -s ' \n' '  ' <"$live/said" | grep -q -e "$expected"; then
    cat "$live/said" >&2
    live_fail "$sentence (ended with $status)"
  fi
  printf 'ok: %s\n' "$sentence"
}

must_not_say() { # SENTENCE WORDS
  ! grep -q -e "$2" "$live/said" || live_fail "$1"
  printf 'ok: %s\n' "$1"
}

reload() { # LINE OF THE LOG
  kill -HUP "$daemon_pid"
  live_wait_line "$live/daemon.log" "$1" "$daemon_pid" || live_fail "the log says: $1"
}

# Root's files are the administrator's, those of others are their own.
if [ "$(id -u)" = 0 ]; then
  whose="the administrator's" made='the administrator, for everybody' allowed='The administrator allowed'
  refused='The administrator refused'
else
  whose=your made=you allowed='You allowed' refused='This certificate was refused'
fi

must 'somebody allows' 0 'allowed for ever' allow "$place" --chain="$live/server.pem" --yes
live_certificate distrusted distrusted.example.net
must 'somebody distrusts' 0 'distrust' authority distrust "$live/distrusted.pem" --yes
must 'which an export has' 0 '"kind":"distrust"' export
certexc export --decisions >"$live/exported"
must 'what is decided is listed' 0 DECISION list
must_not_say 'there is no column for what is all the same' ORIGIN
must 'and takes it back' 0 'is revoked' revoke "$place"
cp "$live/exported" "$file"
chmod 644 "$file"
reload 'Decisions in files that are in force: 1'

must 'it is listed, with its origin' 0 "$first allow $place for ever live .* file" list
must 'its file is shown' 0 "Made by $made, in a file File $file" show "$first"
must 'JSON has both' 0 "\"origin\":\"file\",\"file\":\"$file\"" --json list
must 'the server is accepted' 0 "accept. $allowed this certificate .* It is in the file $file" \
  check "$place" --chain="$live/server.pem"
must 'it cannot be taken back by its number' 1 "in the file $file. It can only be changed there" revoke "$first"
must 'nor by its host' 1 "decision $first is in $whose file $file" revoke mail.example.net
must 'one may have an exception of the same' 0 'allowed until' allow "$place" --chain="$live/server.pem" --yes \
  --until=30d
must 'which says that the one in the file stays' 0 "Exception $first, which allows the same for ever, stays in force.*It is in the file $file" \
  allow "$place" --chain="$live/server.pem" --yes --until=20d
must 'they are taken back beside it, which the status tells' 5 \
  "exception 3 is revoked.*exception 4 is revoked.*$first is in .* file $file, and can only be changed there. It stays in force" \
  revoke "$place"
must 'then there is nothing more to take back' 1 "$first is in .* stays in force" revoke "$place"
must 'it is not exported' 0 '"decisions":\[ \],' export

sed s/'"allow"'/'"deny"'/ "$live/exported" >"$live/conf/exceptions.d/60-lock.json"
reload 'Decisions in files that are in force: 2'
must 'a denial in a file refuses' 4 "reject. $refused .*60-lock.json" \
  check "$place" --chain="$live/server.pem"
must 'nobody allows what it denies' 1 'den[a-z]* this.*Nothing was stored' \
  allow "$place" --chain="$live/server.pem" --yes
must 'an import does not either' 1 'A file of decisions denies it' import "$live/exported"

echo '{' >"$live/conf/exceptions.d/60-lock.json"
reload '60-lock.json: line 1: '
must 'a broken file is told of' 0 '60-lock.json: line 1: .* stays in force' status
must 'and found by the doctor' 5 '60-lock.json: line 1: ' doctor
must 'what it said holds' 4 reject check "$place" --chain="$live/server.pem"

certexc allow other.example.net:993 --chain="$live/distrusted.pem" --yes >/dev/null
printf '{' >"$live/conf/exceptions.d/70-broken.json"
chmod 644 "$live/conf/exceptions.d/70-broken.json"
reload '70-broken.json'
must 'while a denial may be missing no exception counts, and why is told' 3 \
  'Why no exception counts .*70-broken.json.*nothing is accepted by exception' \
  check other.example.net:993 --chain="$live/distrusted.pem"
must_not_say 'nor is there anything to type' 'What you can do'
must 'to allow it again is no way out' 1 'not accepted .*70-broken.json' \
  allow other.example.net:993 --chain="$live/distrusted.pem" --yes

# The file of certexcd(8), as it stands there, for a certificate that is there.
rm "$live"/conf/exceptions.d/*
live_certificate imap imap.example.org
cp "$live/imap.pem" "$live/conf/server.pem"
sed -n '/^cat > .*exceptions.d/,/^END$/p' "$source_dir/man/certexcd.8" |
  sed "s|/etc/certexc/exceptions.d|$live/conf/exceptions.d|" >"$live/pasted"
[ "$(wc -l <"$live/pasted")" -gt 10 ] || live_fail 'certexcd(8) has a file of decisions'
if command -v openssl >/dev/null; then
  (cd "$live/conf" && bash -eu "$live/pasted")
  reload 'Decisions in files that are in force: 2'
  must 'a file as the manual has it is in force' 0 "In files .*2 decisions are in force" status
  must 'with nothing to complain of' 0 'In files .*All is well' doctor
  must 'it lists both, the one to be used at once' 0 \
    'allow imap.example.org:993 .* live .*deny old.example.org:993 .* live ' list
  must 'and accepts' 0 'accept. .*60-mail.json' check imap.example.org:993 --chain="$live/imap.pem"
else
  echo 'skipped: the file of certexcd(8) (openssl is not installed)'
fi
printf 'live_fleet: all is well\n'

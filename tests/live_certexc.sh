#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# certexc against the real daemon and servers that are all kinds of wrong: verdicts and exit
# statuses, questions on a terminal, JSON, hostile certificates, every way a connection fails.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

command -v openssl >/dev/null || live_skip 'openssl is not installed'
command -v certtool >/dev/null || live_skip 'certtool is not installed'
command -v python3 >/dev/null || live_skip 'python3 is not installed'

live_begin
export TZ=UTC0 LC_ALL=C.UTF-8 TERM=xterm
unset NO_COLOR

# -- servers ---------------------------------------------------------------------------------------

# A TLS server with $live/CERT.pem on 127.0.0.1:$tls_port.
tls_server() { # CERT [OPTION...]
  local cert=$1
  shift
  : >"$live/tls.log" # before the wait below: what the last one said is not this one's
  openssl s_server -accept "127.0.0.1:$tls_port" -cert "$live/$cert.pem" -key "$live/$cert.key" \
    -www "$@" </dev/null >>"$live/tls.log" 2>&1 &
  tls_pid=$!
  live_pids+=("$tls_pid")
  live_wait_line "$live/tls.log" '^ACCEPT' "$tls_pid" || live_fail "no server: $(cat "$live/tls.log")"
}

tls_swap() { # CERT [OPTION...]
  live_stop "$tls_pid"
  tls_server "$@"
}

# A server that says TEXT (as python's bytes) to whoever connects, and then nothing; sets $say_port.
say_server() { # TEXT
  : >"$live/say.out"
  python3 - "$1" >>"$live/say.out" 2>&1 <<'PYTHON' &
import ast, socket, sys
s = socket.create_server(("127.0.0.1", 0))
print("ready", s.getsockname()[1], flush=True)
kept = []
while True:
    c, _ = s.accept()
    c.sendall(ast.literal_eval("b'" + sys.argv[1] + "'"))
    kept.append(c)
PYTHON
  say_pid=$!
  live_pids+=("$say_pid")
  live_wait_line "$live/say.out" '^ready' "$say_pid" || live_fail "no server: $(cat "$live/say.out")"
  say_port=$(sed -n 's/^ready //p' "$live/say.out")
}

say_stop() {
  live_stop "$say_pid"
}

# -- what is expected ------------------------------------------------------------------------------

expect() { # as live_expect
  live_expect "$@"
}

# The last command's output is one JSON object to a line, with this KEY in each.
expect_json() { # SENTENCE KEY
  python3 -c '
import json, sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
assert lines
for line in lines:
    assert sys.argv[2] in json.loads(line)
' "$live/out" "$2" || live_fail "$1: no such JSON: $(cat "$live/out")"
  printf 'ok: %s\n' "$1"
}

# What goes wrong with --json is told in one object on standard error, and nothing on standard output.
expect_error() { # SENTENCE STATUS ERROR WORDS -- COMMAND...
  local status=0
  "${@:6}" </dev/null >"$live/out" 2>"$live/err" || status=$?
  [ "$status" = "$2" ] || live_fail "$1, as JSON: exit status $status, not $2"
  [ ! -s "$live/out" ] || live_fail "$1, as JSON: this is on standard output: $(cat "$live/out")"
  python3 -c '
import json, sys
(line,) = open(sys.argv[1], encoding="utf-8").read().splitlines()
said = json.loads(line)
assert sorted(said) == ["error", "message"] and said["error"] == sys.argv[2] and sys.argv[3] in said["message"], said
' "$live/err" "$3" "$4" || live_fail "$1, as JSON: $(cat "$live/err")"
  printf 'ok: %s, as JSON\n' "$1"
}

# No byte of the last output can do anything to a terminal.
expect_harmless() { # SENTENCE
  python3 -c '
import sys, unicodedata
text = open(sys.argv[1], "rb").read().decode("utf-8")
bad = [hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co")]
sys.exit("harmful: %s" % bad if bad else 0)
' "$live/out" || live_fail "$1: $(od -c "$live/out" | head -60)"
  printf 'ok: %s\n' "$1"
}

expect_not() { # SENTENCE WORD
  ! grep -qF -e "$2" "$live/out" || live_fail "$1: \"$2\" is in $(cat "$live/out")"
  printf 'ok: %s\n' "$1"
}

newest() {
  certexc list --json | python3 -c '
import json, sys
print(json.load(sys.stdin)["exceptions"][-1]["id"])'
}

fingerprint() { # CERT
  openssl x509 -in "$live/$1.pem" -noout -fingerprint -sha256 | sed 's/.*=//'
}

# -- the command line ------------------------------------------------------------------------------

misuse() {
  expect 'no verb' 2 'Say what to do' -- certexc
  expect 'a verb that is none' 2 'no verb' -- certexc chekc
  expect 'an option that is none' 2 '--nonsense' -- certexc check --nonsense
  expect 'a value is missing' 2 '--socket needs a value' -- certexc list --socket
  expect 'a value too many' 2 '--json' -- certexc list --json=yes
  expect 'check needs a host' 2 'certexc check HOST[:PORT]' -- certexc check
  expect 'check takes one host' 2 'certexc check HOST[:PORT]' -- certexc check a b
  expect 'a host that is none' 2 'no host' -- certexc check 'no host'
  expect 'an address in octal' 2 '0127.0.0.1' -- certexc check 0127.0.0.1
  expect 'port 0' 2 'port' -- certexc check localhost:0
  expect 'port 65536' 2 '65536' -- certexc check localhost:65536
  expect 'an unknown protocol' 2 'imap, pop3' -- certexc check localhost --starttls=gopher
  expect 'no time at all' 2 '--timeout=0' -- certexc check localhost --timeout=0
  expect 'chain and connect' 2 'exclude' -- certexc check a.example --chain=x --connect=b:1
  expect 'a day that is none' 2 'no such day' -- certexc allow a.example --until=2027-02-30
  expect 'a day that is over' 2 'over already' -- certexc allow a.example --until=2020-01-01
  expect 'two ends' 2 'exclude' -- certexc allow a.example --until=3d --session
  expect 'half a fingerprint' 2 '64 hexadecimal' -- certexc allow a.example --fingerprint=ab:cd
  expect 'a pin that is none' 2 '"certificate" or "key"' -- certexc allow a.example --pin=issuer
  expect 'an option of another verb' 2 'no meaning for "list"' -- certexc list --yes
  expect 'an id that is none' 2 'no number' -- certexc show one
  expect 'a user that is none' 2 'no such user' -- certexc list --owner=nobody-has-this-name
  expect 'help is no error' 0 'Verbs:' 'Options:' -- certexc --help
  expect 'a verb has help' 0 '--starttls=PROTOCOL' -- certexc check --help
  expect_not 'and only its own' --all
  expect 'help is asked for in words' 0 'Verbs:' 'Options:' -- certexc help
  expect 'that of a verb, too' 0 'certexc check HOST[:PORT]' '--starttls=PROTOCOL' -- certexc help check
  expect_not 'and only its own' --all
  expect 'help for what is no verb' 2 'chekc is no verb' -- certexc help chekc
  expect 'a version' 0 'certexc ' -- certexc --version
  expect 'no daemon' 1 'cannot be reached' "$live/nowhere" 'systemctl start' -- \
    certexc --socket="$live/nowhere" list
  expect 'no daemon is not accept' 1 'cannot be reached' -- \
    certexc check a.example --chain="$live/old.pem" --socket="$live/nowhere"
  expect_not 'and does not say so' accept
  expect_error 'no daemon' 1 unreachable 'there is no socket' -- certexc --socket="$live/nowhere" list --json
  expect_error 'no verb' 2 usage 'Say what to do' -- certexc --json
  expect_error 'an option that is none, before --json is read' 2 usage '--nonsense' -- certexc --nonsense list --json
  expect_error 'a host that is none' 2 usage 'no host' -- certexc check 'no host' --json
}

# -- connections that fail -------------------------------------------------------------------------

connections() {
  local port
  port=$(live_port)
  expect 'nothing listens' 1 'refused' "port $port" -- certexc check "127.0.0.1:$port"
  expect 'a name that is none' 1 'was not found' -- certexc check does-not-exist.invalid --timeout=60

  say_server '* OK [CAPABILITY IMAP4rev1 STARTTLS] \x1b[2Jready\r\n'
  expect 'IMAP in plain text' 1 'does not speak TLS' '--starttls=imap' -- \
    certexc check "127.0.0.1:$say_port"
  expect_harmless 'its greeting is harmless'
  say_stop
  say_server '220 mail ESMTP\r\n'
  expect 'SMTP in plain text' 1 '--starttls=smtp' -- certexc check "127.0.0.1:$say_port"
  expect 'SMTP that goes silent' 1 'in time' -- \
    certexc check "127.0.0.1:$say_port" --starttls=smtp --timeout=1
  say_stop
  say_server '+OK POP3\r\n'
  expect 'POP3 in plain text' 1 '--starttls=pop3' -- certexc check "127.0.0.1:$say_port"
  expect 'POP3 is no IMAP' 1 'instead of an IMAP greeting' -- \
    certexc check "127.0.0.1:$say_port" --starttls=imap
  say_stop
  say_server '* PREAUTH welcome\r\n'
  expect 'a session that is logged in already' 1 'PREAUTH' -- \
    certexc check "127.0.0.1:$say_port" --starttls=imap
  say_stop
  say_server '* OK ready\r\na OK go\r\n* CAPABILITY IMAP4rev1\r\n'
  expect 'text behind the go-ahead' 1 'somebody between' -- \
    certexc check "127.0.0.1:$say_port" --starttls=imap
  say_stop
  say_server ''
  expect 'a silent server' 1 'in time' -- certexc check "127.0.0.1:$say_port" --timeout=1
  say_stop
  say_server '\x15\x03\x01\x00\x02\x02\x28'
  expect 'an alert at once' 1 'broke off the TLS handshake' 'Its own certificate is not the reason' -- \
    certexc check "127.0.0.1:$say_port"
  say_stop
  say_server '\x15\x03\x01\x00\x02\x02\x46'
  expect 'a server that knows old versions only' 1 'speaks only older ones' 'no exception can help' -- \
    certexc check "127.0.0.1:$say_port"
  say_stop
  say_server '\x15\x03\x01\x00\x02\x02\x47'
  expect 'a server that knows weak encryption only' 1 'no kind of encryption in common' \
    'no exception can help' -- certexc check "127.0.0.1:$say_port"
  say_stop
  say_server '\x15\x03\x00\x00\x02\x02\x28'
  expect 'a server that answers in SSL 3.0' 1 'speaks only SSL 3.0, which is not safe' \
    'no exception can help' -- certexc check "127.0.0.1:$say_port"
  say_stop
  say_server "\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00$(printf '\\x11%.0s' {1..32})\x00\x00\x2f\x00"
  expect 'a greeting in SSL 3.0' 1 'speaks only SSL 3.0, which is not safe' 'no exception can help' -- \
    certexc check "127.0.0.1:$say_port"
  say_stop

  tls_port=$(live_port)
  tls_server old
  expect 'STARTTLS where TLS is spoken at once' 1 'only TLS' 'Leave --starttls away' -- \
    certexc check "127.0.0.1:$tls_port" --starttls=xmpp
  expect 'STARTTLS where the server waits for TLS' 1 'only TLS' -- \
    certexc check "127.0.0.1:$tls_port" --starttls=imap --timeout=1
  tls_swap old -tls1_2 -Verify 1
  expect 'a server that wants a certificate from us' 1 'want a certificate from you' -- \
    certexc check "127.0.0.1:$tls_port"
  usage
  live_stop "$tls_pid"
  if (: <'/dev/tcp/::1/1') 2>&1 | grep -q refused; then
    say_port=$(live_port)
    expect 'an IPv6 address' 1 "[::1]:$say_port: The connection was refused" -- \
      certexc check "[::1]:$say_port"
  fi
}

# A certificate that is not meant for servers is judged, whatever the handshake thinks of it.
usage() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
    -addext keyUsage=critical,cRLSign -keyout "$live/usage.key" -out "$live/usage.pem" >/dev/null 2>&1
  tls_swap usage -tls1_2 -cipher AES128-SHA
  expect 'a key that is not for this' 3 wrong-usage -- certexc check "127.0.0.1:$tls_port"
}

# -- the main job ----------------------------------------------------------------------------------

life() {
  # Nothing but --connect leads there: the name has no address.
  place=imap.example.invalid:993 at=--connect=127.0.0.1:$tls_port
  local id
  tls_server old
  expect 'everything that is wrong is told' 3 "$place: prompt." self-signed expired name-mismatch \
    "$(fingerprint old)" "This computer's clock says 20" 'What you can do' \
    "certexc allow $place $at --yes --fingerprint=$(fingerprint old)" -- certexc check "$place" "$at"
  expect 'as JSON' 3 -- certexc check --json "$place" "$at"
  expect_json 'that is one' verdict

  expect 'nobody to ask' 2 'no terminal' 'Compare the fingerprint, then' -- certexc allow "$place" "$at" --until=3d
  expect 'nobody to ask, and the fingerprint is right' 2 'no terminal' 'same with --yes' -- \
    certexc allow "$place" "$at" --fingerprint="$(fingerprint old)"
  expect_not 'it was compared already' '--fingerprint=...'
  # The language is for people: what programs read is the same in all of them.
  if command -v msgfmt >/dev/null && localedef -i de_DE -f UTF-8 "$live/de_DE.UTF-8" 2>/dev/null; then
    mkdir -p "$live/de/LC_MESSAGES"
    msgfmt -o "$live/de/LC_MESSAGES/certexc.mo" "$source_dir/po/de.po"
    # setlocale(3) never frees what it made of LOCPATH: no leak of ours.
    german=(env LOCPATH="$live" CERTEXC_LOCALEDIR="$live" LC_ALL=de_DE.UTF-8 PATH="$build_dir:$PATH"
      ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0")
    certexc check "$place" "$at" --json >"$live/english.json" || true
    "${german[@]}" certexc check "$place" "$at" --json >"$live/german.json" || true
    cmp -s "$live/english.json" "$live/german.json" || live_fail 'JSON depends on the language'
    if grep -q '^#define CERTEXC_TESTING 1' "$build_dir/config.h"; then
      expect 'people read it in German' 3 'Was nicht stimmt' 'Wer es beheben kann: der Administrator' \
        'Was Sie wissen sollten' 'Ihre Uhr' -- "${german[@]}" certexc check "$place" "$at"
    fi
  fi
  expect 'another fingerprint' 1 'not the fingerprint' "$(fingerprint old)" -- \
    certexc allow "$place" "$at" --yes --fingerprint="$(fingerprint other)"
  expect 'nothing was stored' 0 'Nothing is allowed' -- certexc list
  expect 'the fingerprint in small letters' 0 'allowed for ever' -- \
    certexc allow "$place" "$at" --yes --fingerprint="$(fingerprint old | tr -d : | tr A-F a-f)"
  expect_not 'somebody compared it' 'Nobody compared'
  expect 'accepted' 0 "$place: accept." -- certexc check "$place" "$at"
  expect 'once more is no other' 0 'already allowed' -- certexc allow "$place" "$at" --yes
  expect 'as JSON it is the decision' 0 -- certexc allow "$place" "$at" --yes --json
  expect_json 'that is one' id
  id=$(newest)

  tls_swap other
  expect 'another certificate is noticed' 3 'What changed' replaced 'before: CN=old.example' \
    'now: CN=' 'a new one was due' 'Do not choose "none" as encryption' "$(fingerprint old)" \
    "$(fingerprint other)" -- certexc check "$place" "$at"
  expect 'the old decision is still there' 0 "$place" 'allow' 'live' -- certexc list
  expect 'it can be shown' 0 "$place" "$(fingerprint old)" 'for ever' -- certexc show "$id"
  expect 'shown as JSON' 0 -- certexc show "$id" --json
  expect_json 'that is one' certificate
  tls_swap old
  expect 'the old certificate is still accepted' 0 accept -- certexc check "$place" "$at"
  expect 'another host is not' 3 prompt -- certexc check "127.0.0.1:$tls_port"
  expect 'a chain from a file is the same' 0 accept -- certexc check "$place" --chain="$live/old.pem"
  openssl x509 -in "$live/old.pem" -outform DER -out "$live/old.der"
  expect 'as DER, too' 0 accept -- certexc check "$place" --chain="$live/old.der"
  expect 'a key is no chain' 1 'no certificate' -- certexc check "$place" --chain="$live/old.key"
  expect 'a file that is not there' 1 'No such file' -- certexc check "$place" --chain="$live/none"
  expect 'revoked' 0 'is revoked' -- certexc revoke "$id"
  expect 'asked again' 3 prompt -- certexc check "$place" "$at"
  expect 'it stays in the history' 0 allowed revoked "$place" -- certexc history
  expect 'and in the list of all' 0 revoked -- certexc list --all
  expect 'but not in the list' 0 'Nothing is allowed' -- certexc list
  expect 'what is not there cannot be shown' 1 'no decision 4711' -- certexc show 4711
  expect 'nor revoked' 1 'no decision 4711' -- certexc revoke 4711
  expect_error 'what is not there cannot be shown' 1 org.certexc1.NotFound 'no decision 4711' -- certexc show 4711 --json
  expect 'nor by its place' 1 'nothing is allowed' -- certexc revoke "$place"
  expect 'what the daemon says against an option is said under its name' 1 'certexc: --only: ' -- \
    certexc authority import "$live/old.pem" --only=a..b --yes
}

denials() {
  expect 'denied' 0 'denied for ever' -- certexc deny "$place" "$at"
  expect 'rejected, with the way out' 4 "$place: reject." 'certexc revoke ' -- certexc check "$place" "$at"
  expect 'revoked by its place' 0 'denial' 'is revoked' -- certexc revoke "$place"
  expect 'asked again' 3 prompt -- certexc check "$place" "$at"
  expect 'denied once more' 0 denied -- certexc deny "$place" "$at"
  expect 'a later yes takes the no back, and says so' 0 allowed 'which refused it, is revoked by this' -- \
    certexc allow "$place" "$at" --yes
  expect 'accepted' 0 accept -- certexc check "$place" "$at"
  expect 'a later no takes the yes back, and says so' 0 denied 'which allowed it, is revoked by this' -- \
    certexc deny "$place" "$at"
  expect 'rejected' 4 reject -- certexc check "$place" "$at"
  expect 'who is asked reads of the no before a yes' 1 "(denial $(newest))" 'back, and allow it' 'Nothing was stored' -- \
    typed yes '' -- "$build_dir/certexc" allow "$place" "$at"
  expect 'also where the fingerprint is given' 0 "(denial $(newest))" 'which refused it, is revoked' -- \
    typed allow -- "$build_dir/certexc" allow "$place" "$at" --fingerprint="$(fingerprint old)"
  expect 'denied until a day, as JSON' 0 'which allowed it, is revoked by this' -- \
    certexc deny "$place" "$at" --until=3d --json
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
  if [ "$(id -u)" = 0 ]; then
    system_denial
  fi
}

system_denial() {
  expect 'denied for everybody' 0 denied -- certexc deny "$place" "$at" --owner=system
  expect 'rejected' 4 reject administrator -- certexc check "$place" "$at"
  expect 'nobody else may allow it' 1 'the administrator has denied this' -- \
    certexc allow "$place" "$at" --yes
  expect 'listed with our own, and marked' 0 ORIGIN admin deny "$place" -- certexc list
  expect 'in JSON as the system'"'"'s' 0 '"owner":-1' '"origin":"admin"' -- certexc list --json
  expect 'also at its host' 0 admin -- certexc list "$place"
  expect 'and no other' 0 'Nothing is allowed or denied there' -- certexc list a.example
  expect 'it is not revoked as our own' 1 'nothing is allowed' -- certexc revoke "$place"
  expect 'but with the system'"'"'s' 0 deny -- certexc list --owner=system
  expect 'allowed for everybody' 0 "Denial $(newest) (the system's), which refused it" -- \
    certexc allow "$place" "$at" --owner=system --yes
  expect 'told whose it is' 0 "$place: accept" "(the system's) allows it for ever" -- certexc check "$place" "$at"
  expect 'revoked' 0 "(the system's) is revoked" -- certexc revoke "$place" --owner=system
  expect 'what was taken back is not listed, of the system' 0 'Nothing is allowed' -- certexc list "$place"
  expect 'asked again' 3 prompt -- certexc check "$place" "$at"
}

terms() {
  expect 'until a day' 0 'until 2099-03-02 00:00' 'Nobody compared' "$(fingerprint old)" -- \
    certexc allow "$place" "$at" --until=2099-03-01 --yes
  expect 'the list shows it' 0 '2099-03-02 00:00' -- certexc list "$place"
  expect_not 'all are pinned to their certificates' PIN
  expect 'another place is not listed' 0 'Nothing is allowed or denied there' -- certexc list a.example
  expect 'revoked by its host' 0 'is revoked' -- certexc revoke imap.example.invalid
  outlasting
  expect 'the key is pinned' 0 allowed -- certexc allow "$place" "$at" --pin=key --yes
  expect 'the list shows that' 0 PIN ' key' -- certexc list
  live_certificate_again old renewed
  tls_swap renewed
  expect 'another certificate of the same key will do' 0 accept -- certexc check "$place" "$at"
  tls_swap old
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
}

# Another certificate NEW for the key of CERT, with the same faults.
# An older decision that goes further than a new one stays, and that is said.
outlasting() {
  local id
  expect 'for ever' 0 allowed -- certexc allow "$place" "$at" --yes
  expect_not 'nothing was there before' 'stays in force'
  id=$(newest)
  expect 'for three days, beneath it' 0 allowed "Exception $id, which allows the same for ever, stays in force" \
    "certexc revoke $id" -- certexc allow "$place" "$at" --yes --until=3d
  expect 'taken back as it says' 0 'is revoked' -- certexc revoke "$id"
  expect 'for two days, beneath three' 0 'stays in force' -- certexc allow "$place" "$at" --yes --until=2d
  expect 'for longer than both' 0 allowed -- certexc allow "$place" "$at" --yes --until=4d
  expect_not 'nothing outlasts it' 'stays in force'
  expect 'every certificate of the key' 0 allowed -- certexc allow "$place" "$at" --yes --pin=key --until=1d
  expect_not 'nothing goes further' 'stays in force'
  id=$(newest)
  expect 'this one for ever, and the key stays' 0 "Exception $id, which allows every certificate of this key" -- \
    certexc allow "$place" "$at" --yes
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
  expect 'denied for ever' 0 denied -- certexc deny "$place" "$at"
  expect_not 'nothing was there before' 'stays in force'
  expect 'and for a day' 0 'which refuses the same for ever, stays' -- certexc deny "$place" "$at" --until=1d
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
}

live_certificate_again() { # CERT NEW
  cp "$live/$1.key" "$live/$2.key"
  live_certificate "$2" old.example '2020-02-02 00:00:00' '2021-02-02 00:00:00'
}

# -- questions -------------------------------------------------------------------------------------

typed() { # ANSWER... -- COMMAND...
  "$source_dir/tests/typed" "$@"
}

questions() {
  local allow=("$build_dir/certexc" allow "$place" "$at")
  expect 'Enter is no' 1 'Nothing was stored' -- typed '' -- "${allow[@]}"
  expect 'y is no' 1 'Nothing was stored' -- typed y -- "${allow[@]}"
  expect 'yes and Enter is no' 1 'Nobody has compared' 'Nothing was stored' -- \
    typed yes '' -- "${allow[@]}"
  expect 'yes and yes is no' 1 'Nothing was stored' -- typed yes yes -- "${allow[@]}"
  expect 'another fingerprint is refused' 1 'not the fingerprint' -- \
    typed "$(fingerprint other)" -- "${allow[@]}"
  expect 'Enter is no with a fingerprint given, too' 1 'Nothing was stored' -- \
    typed '' -- "${allow[@]}" --fingerprint="$(fingerprint old)"
  expect 'still nothing is stored' 3 prompt -- certexc check "$place" "$at"
  expect 'the fingerprint, pasted with a word before it' 0 allowed -- \
    typed "SHA256:$(fingerprint old)" -- "${allow[@]}"
  expect 'accepted' 0 accept -- certexc check "$place" "$at"
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
  expect 'yes and allow' 0 allowed -- typed yes allow -- "${allow[@]}"
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
  expect 'where one can be asked, what is pasted asks' 3 "certexc allow $place $at --fingerprint=" -- \
    typed -- "$build_dir/certexc" check "$place" "$at"
  expect 'colour on a terminal' 3 $'\033[' -- typed -- "$build_dir/certexc" check "$place" "$at"
  expect 'none with NO_COLOR' 3 prompt -- \
    env NO_COLOR=1 "$source_dir/tests/typed" -- "$build_dir/certexc" check "$place" "$at"
  expect_not 'really none' $'\033['
}

# -- a certificate made to harm --------------------------------------------------------------------

hostile() {
  local subject
  subject=$(printf '/CN=\033]0;pwned\a\033[2J\xe2\x80\xae\xc2\x9b31m\xe2\x81\xa6\nlocalhost: accept.')
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -utf8 \
    -subj "$subject" -keyout "$live/hostile.key" -out "$live/hostile.pem" >/dev/null 2>&1
  tls_swap hostile
  expect 'a hostile subject is shown' 3 '\u{1b}]0;pwned\u{07}' '\u{202e}' '\u{2066}' -- \
    certexc check "$place" "$at"
  expect_harmless 'and does no harm'
  expect 'as JSON' 3 -- certexc check "$place" "$at" --json
  expect_json 'that is valid' verdict
  expect_harmless 'that does no harm either'
  expect 'on a terminal' 3 '\u{1b}]0;pwned\u{07}' -- \
    env NO_COLOR=1 "$source_dir/tests/typed" -- "$build_dir/certexc" check "$place" "$at"
  tr -d '\r' <"$live/out" >"$live/out.unix"
  mv "$live/out.unix" "$live/out"
  expect_harmless 'no harm there'
  expect 'it can be allowed' 0 allowed -- certexc allow "$place" "$at" --yes
  expect_harmless 'without harm'
  expect 'listed' 0 '\u{202e}' -- certexc list
  expect_harmless 'in one row'
  expect 'shown' 0 '\u{202e}' -- certexc show "$(newest)"
  expect_harmless 'without harm'
  expect 'listed in ASCII where nothing else is understood' 0 '\u{202e}' -- env LC_ALL=C \
    "$build_dir/certexc" list
  expect_harmless 'without harm'
  expect 'revoked' 0 'is revoked' -- certexc revoke "$place"
  tls_swap old
}

# -- looking on ------------------------------------------------------------------------------------

looking_on() {
  local monitor status=0
  expect 'the status' 0 'certexcd ' "$CERTEXC_SOCKET" "$live/state" ok Authorities -- certexc status
  expect 'as JSON' 0 -- certexc status --json
  expect_json 'that is one' authorities
  expect 'the list as JSON' 0 -- certexc list --all --json
  expect_json 'that is one' exceptions
  expect 'the history as JSON' 0 -- certexc history --json
  expect_json 'that is one' entries
  expect 'the history of one' 0 allowed -- certexc history 1

  # With its signals as a shell at a terminal leaves them: one in the background ignores SIGINT.
  python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$build_dir/certexc" monitor >"$live/monitor.out" 2>&1 </dev/null &
  monitor=$!
  live_pids+=("$monitor")
  live_wait_line "$live/monitor.out" ready "$monitor" || live_fail 'the monitor is not ready'
  expect 'something happens' 0 allowed -- certexc allow "$place" "$at" --yes
  live_wait_line "$live/monitor.out" "allowed.*$place" "$monitor" || live_fail 'the monitor missed it'
  expect 'and is taken back' 0 revoked -- certexc revoke "$place"
  live_wait_line "$live/monitor.out" "revoked.*$place" "$monitor" || live_fail 'the monitor missed it'
  kill -INT "$monitor"
  timeout 20 tail --pid="$monitor" -s 0.05 -f /dev/null || live_fail 'the monitor does not end'
  wait "$monitor" || status=$?
  [ "$status" = 0 ] || live_fail "the monitor ended with $status: $(cat "$live/monitor.out")"
  printf 'ok: %s\n' 'the monitor saw both and ended cleanly'
  expect 'a monitor that nobody reads ends' 0 -- timeout 20 bash -o pipefail -c \
    "'$build_dir/certexc' monitor --json | head -n 1"
  expect_json 'its event is JSON' event
}

live_certificate old old.example '2020-01-01 00:00:00' '2021-01-01 00:00:00'
live_certificate other other.example
misuse
if [ "$(id -u)" = 0 ]; then
  live_daemon --system
else
  live_daemon --user
fi
connections
life
denials
terms
questions
hostile
looking_on
expect 'an answer that cannot be written is no accept' 1 'cannot be written' -- \
  bash -c "'$build_dir/certexc' status > /dev/full"

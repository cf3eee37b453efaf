#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Claws Mail with the plugin, on a display of its own, fetching mail from a real Dovecot, with the real daemon:
# what is refused, asked, accepted, noticed and taken back.
#
# usage: live_claws.sh PLUGIN.so
# CERTEXC_BUILD_DIR has certexcd, certexc and tests/ready of the main build. CERTEXC_SCREENSHOT names a file
# that gets a picture of the dialog. CERTEXC_CLAWS_UNDER is a command that Claws Mail is run under, as
# valgrind, and CERTEXC_CLAWS_PATIENCE how many seconds it may then take for anything.
set -euo pipefail

plugin=$(realpath "$1")
# shellcheck source=tests/live.sh
. "$(dirname "$0")/../../../tests/live.sh"

for tool in claws-mail Xvfb xdotool certtool; do
  command -v "$tool" >/dev/null || live_skip "$tool is not installed"
done
live_dovecot_program >/dev/null || live_skip 'Dovecot is not installed'
passed=0
patience=${CERTEXC_CLAWS_PATIENCE:-20}
read -r -a under <<<"${CERTEXC_CLAWS_UNDER:-}"

holds() { # SENTENCE
  echo "ok: $1"
  passed=$((passed + 1))
}

fails() { # SENTENCE
  {
    echo '    | -- Claws Mail:'
    tail -n 30 "$live/claws.out"
    echo '    | -- Dovecot:'
    tail -n 5 "$live/dovecot.log"
  } | sed 's/^/    | /' >&2
  live_fail "$1"
}

# -- the display -----------------------------------------------------------------------------------

begin_display() {
  local pid
  Xvfb -displayfd 3 -screen 0 1024x768x24 -nolisten tcp 3>"$live/display" >"$live/xvfb.log" 2>&1 </dev/null &
  pid=$!
  live_pids+=("$pid")
  live_wait_line "$live/display" '[0-9]' "$pid" || live_fail "Xvfb does not start: $(cat "$live/xvfb.log")"
  DISPLAY=:$(cat "$live/display")
  export DISPLAY
}

# -- Claws Mail ------------------------------------------------------------------------------------

# Sets $claws, the command, of which the first $n_settings words are settings: nothing in it of the person who
# runs this, no home, no bus, no other language.
prepare_claws() {
  claws=(env -u XDG_RUNTIME_DIR -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u SSL_CERT_FILE -u SSL_CERT_DIR -u LANGUAGE
    HOME="$live/desk" LC_ALL=C.UTF-8 NO_AT_BRIDGE=1 DBUS_SESSION_BUS_ADDRESS="unix:path=$live/no-bus"
    LD_LIBRARY_PATH="$build_dir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  )
  n_settings=${#claws[@]}
  claws+=(claws-mail --alternate-config-dir "$live/claws")
}

# A mailbox, and an account that fetches into it over TLS. SECTION is where the plugin is listed: those of
# Plugins_Common are loaded before the main window, the others behind it.
make_profile() { # SECTION PROTOCOL
  local folder
  rm -rf "$live/claws" "$live/desk"
  mkdir -p "$live/claws" "$live/desk"
  for folder in inbox sent queue draft trash; do
    mkdir -p "$live/desk/Mail/$folder"
  done
  printf '[%s]\n%s\n\n[Common]\nno_receive_error_panel=1\nreceive_dialog_mode=2\n' "$1" "$plugin" >"$live/claws/clawsrc"
  printf '[account:1]\nrecv %s\n' "$live_password" >"$live/claws/passwordstorerc"
  cat >"$live/claws/folderlist.xml" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<folderlist>
  <folder type="mh" name="Mailbox" path="$live/desk/Mail">
    <folderitem name="inbox" type="inbox" path="inbox"></folderitem>
  </folder>
</folderlist>
XML
  cat >"$live/claws/accountrc" <<RC
[Account: 1]
account_name=test
is_default=1
name=Test
address=test@localhost
receive_server=$host
user_id=test
receive_at_get_all=1
RC
  case $2 in
    pop3)
      port=$pop3s_port
      printf 'protocol=0\nssl_pop=1\nset_popport=1\npop_port=%s\n' "$port"
      printf 'inbox=#mh/Mailbox/inbox\nlocal_inbox=#mh/Mailbox/inbox\n'
      ;;
    imap)
      port=$imaps_port
      printf 'protocol=3\nssl_imap=1\nset_imapport=1\nimap_port=%s\n' "$port"
      ;;
  esac >>"$live/claws/accountrc"
}

# Starts it; it fetches once when it is up.
begin_claws() {
  : >"$live/claws.out"
  mark
  "${claws[@]:0:n_settings}" "${under[@]}" "${claws[@]:n_settings}" --receive-all >>"$live/claws.out" 2>&1 </dev/null &
  claws_pid=$!
  live_pids+=("$claws_pid")
}

# As a person would; a Claws Mail that is still talking to a server may not listen to that, nor to SIGTERM.
end_claws() {
  local i
  "${claws[@]}" --exit >/dev/null 2>&1 </dev/null
  for ((i = 0; i < 100; i++)); do
    ! live_gone "$claws_pid" || break
    sleep 0.05
  done
  kill -KILL "$claws_pid" 2>/dev/null || true
  live_stop "$claws_pid"
}

# Has the one that runs fetch once more.
fetch() {
  "${claws[@]}" --receive-all >/dev/null 2>&1 </dev/null
}

# What comes from now on counts.
mark() {
  logins=$(grep -c 'Login: user=<test>' "$live/dovecot.log" || true)
  said=$(wc -l <"$live/claws.out")
}

# Waits for something that Claws Mail says after the last mark.
wait_said() { # SENTENCE WORDS
  grep -q -m 1 -e "$2" < <(timeout "$patience" tail -n "+$((said + 1))" -s 0.05 --pid="$claws_pid" -f "$live/claws.out") ||
    fails "$1: Claws Mail does not say \"$2\""
}

logs_in() { # SENTENCE
  local wanted=$((logins + 1))
  [ "$(grep -m "$wanted" -c 'Login: user=<test>' \
    < <(timeout "$patience" tail -n +1 -s 0.05 --pid="$claws_pid" -f "$live/dovecot.log"))" = "$wanted" ] ||
    fails "$1: nobody logs in"
  ! xdotool search --onlyvisible --name '^TLS certificate' >/dev/null 2>&1 || fails "$1: a dialog is there"
  mark
  holds "$1"
}

says() { # SENTENCE WORDS
  wait_said "$@"
  holds "$1"
}

is_refused() { # SENTENCE WORDS
  wait_said "$1" "the connection to $host:$port is refused\\. $2"
  [ "$(grep -c 'Login: user=<test>' "$live/dovecot.log" || true)" = "$logins" ] || fails "$1: somebody logs in"
  mark
  holds "$1"
}

# Claws Mail's dialog, once it is there; its title has WORDS.
dialog() { # SENTENCE WORDS
  window=$(timeout "$patience" xdotool search --sync --onlyvisible --name '^TLS certificate' | tail -n 1) ||
    fails "$1: no dialog comes"
  xdotool getwindowname "$window" | grep -q -e "$2" ||
    fails "$1: the dialog is about something else: $(xdotool getwindowname "$window")"
  holds "$1"
}

press() { # KEY
  xdotool windowfocus --sync "$window" key --clearmodifiers "$1"
}

pins() {
  find "$live/claws/certs" -name '*.cert' 2>/dev/null | wc -l
}

has_pins() { # SENTENCE NUMBER
  local i
  # Claws Mail writes its file when it has accepted, and the plugin sees to it a moment later.
  for ((i = 0; i < 100; i++)); do
    [ "$(pins)" != "$2" ] || break
    sleep 0.05
  done
  [ "$(pins)" = "$2" ] || fails "$1: there are $(pins)"
  holds "$1"
}

# certexc's decisions about the server that still count, as "STATE PROBLEMS".
keeps() { # SENTENCE TEXT
  local kept
  kept=$(certexc list "$host:$port" 2>/dev/null | sed '1d; s/.*for ever *//; s/ *CN=.*//; s/  */ /g')
  [ "$kept" = "$2" ] || fails "$1: certexc keeps \"$kept\""
  holds "$1"
}

# An agent that allows whatever it is asked; ends by itself when its input does.
agent() {
  python3 -c '
import json, subprocess, sys
agent = subprocess.Popen([sys.argv[1], "agent", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for line in agent.stdout:
    said = json.loads(line)
    print(said["event"], flush=True)
    if said["event"] == "prompt":
        print(json.dumps({"number": said["number"], "shown_sha256": said["shown_sha256"], "choice": "allow"}),
              file=agent.stdin, flush=True)
    if said["event"] == "over":
        break
agent.stdin.close()
agent.wait()
' "$build_dir/certexc" >"$live/agent.out" 2>&1 </dev/null &
  agent_pid=$!
  live_pids+=("$agent_pid")
  live_wait_line "$live/agent.out" '^ready' "$agent_pid" || live_fail "the agent does not start: $(cat "$live/agent.out")"
}

# An authority that the daemon believes, one below it, and a certificate for localhost in $live/chained.pem
# with the one that issued it behind.
make_chained() {
  local name
  for name in root middle chained; do
    live_key "$live/$name.key"
  done
  printf 'cn = "Root"\nca\ncert_signing_key\nexpiration_days = 90\n' >"$live/root.template"
  printf 'cn = "Middle"\nca\ncert_signing_key\nexpiration_days = 90\n' >"$live/middle.template"
  printf 'cn = "localhost"\ndns_name = "localhost"\nip_address = "127.0.0.1"\nsigning_key\ntls_www_server\nexpiration_days = 90\n' \
    >"$live/chained.template"
  certtool --generate-self-signed --load-privkey "$live/root.key" --template "$live/root.template" --outfile "$live/root.pem"
  certtool --generate-certificate --load-privkey "$live/middle.key" --load-ca-certificate "$live/root.pem" \
    --load-ca-privkey "$live/root.key" --template "$live/middle.template" --outfile "$live/middle.pem"
  certtool --generate-certificate --load-privkey "$live/chained.key" --load-ca-certificate "$live/middle.pem" \
    --load-ca-privkey "$live/middle.key" --template "$live/chained.template" --outfile "$live/leaf.pem"
  cat "$live/leaf.pem" "$live/middle.pem" >"$live/chained.pem"
}

live_begin
make_chained >"$live/certtool.log" 2>&1
live_certificate first mail.example.net '2020-01-01 00:00:00' '2021-01-01 00:00:00'
live_certificate second mail.example.net
mode=$([ "$(id -u)" = 0 ] && echo --system || echo --user)
live_daemon "$mode" --trust-file="$live/root.pem"
live_dovecot first
begin_display
prepare_claws
host=localhost
getent hosts "$host" >/dev/null || host=127.0.0.1
bad='live expired, self-signed, name-mismatch'

# -- the main job ----------------------------------------------------------------------------------

make_profile Plugins_Common pop3
begin_claws
dialog 'a certificate that is bad in three ways is asked about' 'invalid and expired'
[ -z "${CERTEXC_SCREENSHOT:-}" ] || import -window root "$CERTEXC_SCREENSHOT"
press Return
is_refused 'Enter refuses' 'You did not accept'
keeps 'and nothing is kept' ''
fetch
dialog 'the next time it is asked about again' 'invalid and expired'
press alt+a
logs_in 'accepted, it goes on'
keeps 'certexc keeps what was shown' "$bad"
has_pins 'Claws Mail keeps nothing' 0
fetch
logs_in 'from now on nothing is asked'
has_pins 'and Claws Mail still keeps nothing' 0

mkdir -p "$live/conf/blocked.d"
echo words >"$live/conf/blocked.d/broken.pem"
live_wait_line "$live/daemon.log" 'The block list cannot be used' "$daemon_pid" || live_fail 'the log says so'
fetch
is_refused 'while a block may be missing nobody is asked, and the file is named' \
  'No exception counts.*blocked.d/broken.pem'
: >"$live/daemon.log"
rm "$live/conf/blocked.d/broken.pem"
live_wait_line "$live/daemon.log" 'read again' "$daemon_pid" || live_fail 'the log says so'
fetch
logs_in 'mended, what was accepted is'

live_dovecot_swap second
mark
fetch
dialog 'another certificate is noticed, and the old one shown beside it' 'changed'
press Escape
is_refused 'which is not accepted' 'You did not accept'
keeps 'what was kept stays' "$bad"
live_dovecot_swap first
mark
fetch
logs_in 'the first certificate is still accepted'

certexc revoke "$host:$port" >/dev/null
fetch
dialog 'taken back, it is asked about again' 'invalid and expired'
press Escape
is_refused 'and refused by Escape' 'You did not accept'
certexc deny "$host:$port" --connect="127.0.0.1:$port" --yes >/dev/null
fetch
is_refused 'denied, it is refused and nobody is asked' 'This certificate was refused here before'
certexc revoke "$host:$port" >/dev/null

# -- agents ----------------------------------------------------------------------------------------

if command -v python3 >/dev/null; then
  agent
  fetch
  logs_in 'an agent of the person is asked first, and Claws Mail waits for it'
  keeps 'what was said there is kept' "$bad"
  certexc revoke "$host:$port" >/dev/null
fi

# -- without the daemon ----------------------------------------------------------------------------

# A certificate that is not expired: of those Claws Mail says no word once it has its own file about them.
live_dovecot_swap second
live_stop "$daemon_pid"
mark
fetch
says 'it says that nobody was asked' 'certexc was not asked'
dialog "without the daemon Claws Mail's own dialog comes" 'invalid'
press alt+a
logs_in 'and decides'
has_pins 'Claws Mail keeps it itself, as without the plugin' 1
live_daemon "$mode" --trust-file="$live/root.pem"
fetch
logs_in 'which holds for the moment'
end_claws
begin_claws
dialog 'started again, certexc has taken it over, and asks once more' 'invalid'
has_pins "Claws Mail's own is gone" 0
press alt+a
logs_in 'confirmed, it goes on'
keeps 'and is kept' 'live self-signed, name-mismatch'

live_dovecot_swap first
mark
kill -STOP "$daemon_pid"
certexc_stopped=$SECONDS
fetch
says 'of a daemon that hangs it says so' 'certexc was not asked'
[ $((SECONDS - certexc_stopped)) -le 10 ] || fails 'a daemon that hangs holds Claws Mail up'
dialog "and Claws Mail's own dialog comes" 'invalid'
press Escape
kill -CONT "$daemon_pid"
end_claws

# -- loaded later, and IMAP ------------------------------------------------------------------------

certexc revoke "$host:$port" >/dev/null
make_profile Plugins_GTK3 pop3
begin_claws
dialog 'loaded behind the main window, it is asked before Claws Mail all the same' 'invalid and expired'
press alt+a
logs_in 'accepted, it goes on'
keeps 'and certexc keeps it' "$bad"
has_pins 'and Claws Mail does not' 0
end_claws

make_profile Plugins_Common imap
begin_claws
dialog 'IMAP asks as well' 'invalid and expired'
press alt+a
logs_in 'accepted, it goes on'
keeps 'certexc keeps it' "$bad"
has_pins 'Claws Mail does not' 0
end_claws

# -- a certificate with which nothing is wrong -----------------------------------------------------

make_profile Plugins_Common pop3
certexc revoke "$host:$port" >/dev/null
live_dovecot_swap chained
begin_claws
dialog 'whose issuer Claws Mail does not hand over is asked about' 'certificate is'
press alt+a
logs_in 'accepted, it goes on'
certexc revoke "$host:$port" >/dev/null
fetch
logs_in 'the next time its issuer is known, and nothing needs to be allowed'
has_pins 'which Claws Mail does not keep either' 0
certexc deny "$host:$port" --connect="127.0.0.1:$port" --yes >/dev/null
fetch
is_refused 'denied, it is refused although nothing is wrong with it' 'This certificate was refused here before'
end_claws

echo "$passed passed"

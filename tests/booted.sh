# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The Debian packages in a booted machine, for the tests that try them there: what is expected of commands, who
# asks, and what goes on meanwhile. To be sourced by bash; booted_begin is the first thing to call.

# shellcheck source=tests/box.sh
. "${source_dir:?}/tests/box.sh"

passed=0

holds() { # SENTENCE
  echo "ok: $1"
  passed=$((passed + 1))
}

fails() { # SENTENCE
  echo "FAILED: $1" >&2
  box_run journalctl --no-pager --lines=40 --unit=certexcd.service >&2 || true
  exit 1
}

# The command's status and, if words are given, something in its output.
must() { # SENTENCE STATUS WORDS COMMAND...
  local sentence=$1 wanted=$2 words=$3 status=0
  shift 3
  "$@" >"$box/output" 2>&1 </dev/null || status=$?
  if [ "$status" != "$wanted" ] || { [ -n "$words" ] && ! grep -q -e "$words" "$box/output"; }; then
    cat "$box/output" >&2
    fails "$sentence (ended with $status)"
  fi
  holds "$sentence"
}

# A command that has nothing to say.
is_silent() { # COMMAND...
  local said
  said=$("$@" 2>&1) || return
  [ -z "$said" ] || { echo "$said"; return 1; }
}

# Something that comes about by itself; asked again and again for 20 s.
becomes() { # SENTENCE WORDS COMMAND...
  local sentence=$1 words=$2 i
  shift 2
  for ((i = 0; i < 200; i++)); do
    # Whatever status it ends with: what is not there any more is often an error.
    if { "$@" 2>&1 </dev/null || true; } | grep -q -x -e "$words"; then
      holds "$sentence"
      return
    fi
    sleep 0.1
  done
  fails "$sentence"
}

property() { # NAME
  box_run systemctl show --value --property="$1" certexcd.service
}

check_as() { # USER [HOST]
  box_run_as "$1" certexc check "${2:-mail.example.org:993}" --chain=/root-of-none/chain.pem
}

# What the packages depend on, without versions: installed before, since the machine has no network.
dependencies() {
  local package
  for package in "${packages[@]}"; do
    dpkg-deb --field "$package" Depends | tr ',' '\n'
  done | sed 's/|.*//; s/(.*)//; s/:any//; s/ //g' | grep -v -e certexc -e '^$' | sort -u
}

# Boots a machine with what the packages need, which are in its /packages, and with a certificate that nobody
# vouches for in /root-of-none/chain.pem. BASE is where the machine is kept that others are copied from.
booted_begin() { # BASE PACKAGE.deb...
  local reason base=$1 needed
  reason=$(box_skip_reason)
  if [ -n "$reason" ]; then
    echo "skipped: $reason"
    exit 77
  fi
  shift
  packages=("$@")
  mapfile -t needed < <(dependencies)
  box_make "$base" ca-certificates openssl gcc libc6-dev libgnutls28-dev pkg-config "${needed[@]}"
  box_begin "$base"
  trap box_end EXIT
  box_boot
  box_copy "${packages[@]}" /packages
  mkdir "$box/root/root-of-none"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$box/key.pem" -days 30 \
    -out "$box/root/root-of-none/chain.pem" -subj /CN=mail.example.org \
    -addext subjectAltName=DNS:mail.example.org,DNS:*.example.com 2>/dev/null
  chmod -R a+rX "$box/root/root-of-none"
}

# A script that goes on as USER, a unit of the machine, until it is told that it is enough; what it prints is
# in $box/root/var/tmp/NAME.
goes_on() { # USER NAME <SCRIPT
  cat >"$box/root/root-of-none/$2"
  chmod 755 "$box/root/root-of-none/$2"
  box_run rm -f /var/tmp/enough
  : >"$box/root/var/tmp/$2"
  box_run systemd-run --quiet --unit="$2" --uid="$1" --property=StandardOutput="append:/var/tmp/$2" "/root-of-none/$2"
}

has_ended() { # NAME
  box_run touch /var/tmp/enough
  becomes "the $1 ends by itself" inactive box_run systemctl is-active "$1.service"
}

logged_out() { # USER
  box_run loginctl show-user "$1" >/dev/null 2>&1 || echo yes
}

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Starts a private daemon, makes chains, and measures: the figures are ratios of things that were
# measured side by side. On a machine that does other work they say little.
# usage: bench.sh [EXCEPTIONS]: so many are looked up among
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/../live.sh"

# A key, its certificate and whoever issued it, for all names of bench.example.org.
make_certificate() { # NAME ISSUER TEMPLATE KEY...
  local name=$1 issuer=$2 template=$3
  shift 3
  certtool --generate-privkey "$@" --outfile "$live/$name.key" >/dev/null 2>&1
  printf '%b' "cn = \"$name\"\nexpiration_days = 90\n$template" >"$live/$name.template"
  if [ "$issuer" = "$name" ]; then
    certtool --generate-self-signed --load-privkey "$live/$name.key" \
      --template "$live/$name.template" --outfile "$live/$name.pem" >/dev/null 2>&1
  else
    certtool --generate-certificate --load-privkey "$live/$name.key" --template "$live/$name.template" \
      --load-ca-certificate "$live/$issuer.pem" --load-ca-privkey "$live/$issuer.key" \
      --outfile "$live/$name.pem" >/dev/null 2>&1
  fi
}

make_chain() { # NAME KEY...
  local name=$1 ca='ca\ncert_signing_key\n'
  shift
  make_certificate "$name-root" "$name-root" "$ca" "$@"
  make_certificate "$name-middle" "$name-root" "$ca" "$@"
  make_certificate "$name-server" "$name-middle" \
    'dns_name = "*.bench.example.org"\nsigning_key\ntls_www_server\n' "$@"
  cat "$live/$name-server.pem" "$live/$name-middle.pem" "$live/$name-root.pem" >"$live/$name.chain"
  cat "$live/$name-root.pem" >>"$live/authorities.pem"
}

live_begin
live_certificate server mail.example.net
cp /etc/ssl/certs/ca-certificates.crt "$live/authorities.pem" 2>/dev/null ||
  cp /etc/pki/tls/certs/ca-bundle.crt "$live/authorities.pem"
make_chain RSA-2048 --key-type=rsa --bits=2048
make_chain P-256 --key-type=ecdsa --curve=secp256r1
make_chain Ed25519 --key-type=ed25519
live_daemon --user --trust-file="$live/authorities.pem"
mkdir "$live/disk" "$live/many" "$live/daemon"
"$build_dir/tests/bench/bench" "$CERTEXC_SOCKET" "$live/server.pem" other.example.net \
  "$build_dir/certexc" "$live/disk" "$live"/RSA-2048.chain "$live"/P-256.chain "$live"/Ed25519.chain
"$build_dir/tests/bench/daemon" "$build_dir/certexcd" "$live/daemon" "$live/server.pem"
"$build_dir/tests/bench/store" "$live/many" "${1:-100000}"
# Two more users take part in this one.
[ "$(id -u)" != 0 ] || "$build_dir/tests/live_isolation" bench

#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A Varlink client that is not ours against the daemon's socket: varlinkctl (systemd 255 or newer),
# else Python's varlink module.
set -euo pipefail
# shellcheck source=tests/live.sh
. "$(dirname "$0")/live.sh"

python_client() { # info|introspect|call METHOD PARAMETERS
  python3 - "unix:$CERTEXC_SOCKET" "$@" <<'PYTHON'
import json
import sys
import varlink

address, verb = sys.argv[1:3]
interface, method, parameters = {
    "info": ("org.varlink.service", "GetInfo", {}),
    "introspect": ("org.varlink.service", "GetInterfaceDescription", {"interface": "org.certexc1"}),
}.get(verb) or (*sys.argv[3].rsplit(".", 1), json.loads(sys.argv[4]))
with varlink.Client(address) as client, client.open(interface) as connection:
    try:
        print(getattr(connection, method)(**parameters))
    except varlink.VarlinkError as error:
        sys.exit(json.dumps(error.as_dict()))
PYTHON
}

client() { # info|introspect|call METHOD PARAMETERS
  case $how in
    varlinkctl)
      case $1 in
        info) varlinkctl info "$CERTEXC_SOCKET" ;;
        introspect) varlinkctl introspect "$CERTEXC_SOCKET" org.certexc1 ;;
        call) varlinkctl call "$CERTEXC_SOCKET" "$2" "$3" ;;
      esac
      ;;
    python) python_client "$@" ;;
  esac
}

if command -v varlinkctl >/dev/null; then
  how=varlinkctl
elif python3 -c 'import varlink' 2>/dev/null; then
  how=python
else
  live_skip "neither varlinkctl nor Python's varlink module is installed"
fi
live_begin
live_daemon --user

live_expect "$how: GetInfo" 0 org.certexc1 org.varlink.service -- client info
live_expect "$how: GetInterfaceDescription" 0 'interface org.certexc1' Verify AddException Monitor -- \
  client introspect
live_expect "$how: GetStatus" 0 version authorities -- client call org.certexc1.GetStatus '{}'
live_expect "$how: an empty list" 0 exceptions -- client call org.certexc1.ListExceptions '{}'
live_expect "$how: an error by its name" 1 NotFound -- \
  client call org.certexc1.GetException '{"id":7}'
live_expect "$how: an error with its parameters" 1 InvalidHost -- \
  client call org.certexc1.Verify '{"host":"not a host","port":993,"chain":["AAAA"]}'

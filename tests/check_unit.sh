#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# How exposed the system's service is, as systemd-analyze sees it: 0.4 of 10 at most.
set -euo pipefail

cd "${CERTEXC_BUILD_DIR:-.}"
unit=daemon/certexcd.service
command -v systemd-analyze >/dev/null || {
  echo 'skipped: there is no systemd-analyze'
  exit 77
}
systemd-analyze --help | grep -q -e '--threshold' || {
  echo 'skipped: this systemd-analyze knows no --offline and --threshold'
  exit 77
}
# In tenths of what it prints.
systemd-analyze security --no-pager --offline=true --threshold=4 "$unit"

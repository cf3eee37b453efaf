# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A booted machine of its own: a small Debian with systemd as its first process, in a container without a
# network. To be sourced by bash.
#
# box_make makes the machine that others are copied from, box_begin a copy of it, box_boot boots that,
# box_run runs a command in it, box_halt shuts it down, box_end does away with it.

box_skip_reason() {
  local tool
  [ "$(id -u)" = 0 ] || { echo 'booting a system takes root'; return; }
  for tool in systemd-nspawn mmdebstrap nsenter unshare; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed"; return; }
  done
  [ -n "$(box_groups)" ] || { echo 'the kernel shows no cgroup2 here'; return; }
  unshare --mount --pid --cgroup --fork true 2>/dev/null || echo 'no name spaces of our own are allowed here'
}

# Where the kernel's unified control groups are: all of /sys/fs/cgroup, or, beside the old ones, a part.
box_groups() {
  awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts
}

# The machine to copy, in DIR, with PACKAGES beside what a system boots with. Made once.
box_make() { # DIR PACKAGE...
  local dir=$1 suite wanted unit
  shift
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:?}")
  wanted="$suite $*"
  if [ "$(cat "$dir/made-of" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  rm -rf --one-file-system "$dir"
  mmdebstrap --quiet --variant=minbase --format=directory --aptopt='Acquire::Languages "none"' \
    --include="$(IFS=,; echo "systemd,systemd-sysv,dbus,polkitd,libpam-systemd,procps,passwd,login,$*")" "$suite" "$dir" >&2
  # Nothing that would want a network, a disk or a console.
  for unit in systemd-timesyncd.service systemd-networkd.service systemd-resolved.service systemd-firstboot.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    getty@tty1.service console-getty.service; do
    ln -sf /dev/null "$dir/etc/systemd/system/$unit"
  done
  ln -sf /lib/systemd/system/multi-user.target "$dir/etc/systemd/system/default.target"
  mkdir -p "$dir/etc/systemd/journald.conf.d"
  printf '[Journal]\nStorage=persistent\nRateLimitBurst=0\n' >"$dir/etc/systemd/journald.conf.d/box.conf"
  echo box >"$dir/etc/hostname"
  chroot "$dir" useradd --create-home --uid 1001 --shell /bin/bash one
  chroot "$dir" useradd --create-home --uid 1002 --shell /bin/bash other
  echo "$wanted" >"$dir/made-of"
}

# Sets $box, the directory of a new machine.
box_begin() { # BASE
  box=$(mktemp -d "${TMPDIR:-/tmp}/certexc-box.XXXXXX")
  box_control=$(box_groups)/${box##*/} box_first='' box_keeper=''
  cp -a --reflink=auto "$1" "$box/root"
}

box_children() { # PID
  tr ' ' '\n' 2>/dev/null <"/proc/$1/task/$1/children" || true
}

# The machine's first process, as it is seen from outside: systemd-nspawn's child, a few below the keeper.
box_look_for_first() {
  local generation=("$box_keeper") next pid depth
  for ((depth = 0; depth < 4; depth++)); do
    next=()
    for pid in "${generation[@]}"; do
      if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd ]; then
        echo "$pid"
        return
      fi
      mapfile -t -O "${#next[@]}" next < <(box_children "$pid")
    done
    generation=("${next[@]}")
  done
}

# Boots and waits until everything is up. What the machine's console says is in $box/console.
#
# systemd-nspawn looks for a layout of control groups that it knows, and takes what its own first process
# is in for the root: hence name spaces in which nothing but cgroup2 is seen.
box_boot() {
  local i state
  mkdir -p "$box_control"
  # shellcheck disable=SC2016 # for the shells within
  setsid bash -c '
    echo $$ >"$1/cgroup.procs"
    exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc --propagation private bash -c "
      umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
      exec systemd-nspawn \"\$@\"" nspawn "${@:2}"' box "$box_control" \
    --quiet --directory="$box/root" --machine="${box##*/}" --register=no --keep-unit --private-network --boot \
    --link-journal=no --resolv-conf=off --console=pipe </dev/null >"$box/console" 2>&1 &
  box_keeper=$!
  for ((i = 0; i < 600; i++)); do
    box_first=$(box_look_for_first)
    [ -z "$box_first" ] || break
    kill -0 "$box_keeper" 2>/dev/null || break
    sleep 0.05
  done
  if [ -z "$box_first" ]; then
    tail -n 20 "$box/console" >&2
    return 1
  fi
  # The bus that systemctl asks comes up a moment after the first process.
  for ((i = 0; i < 600; i++)); do
    state=$(timeout 60 nsenter --target "$box_first" --all systemctl is-system-running --wait 2>/dev/null) || true
    case $state in
      running | degraded) return 0 ;;
    esac
    sleep 0.05
  done
  echo "the machine did not come up: $state" >&2
  return 1
}

# As root in the machine; the status is the command's.
box_run() { # COMMAND...
  local group=$box_control/payload/system.slice/box-run.scope
  mkdir -p "$group"
  (
    echo "$BASHPID" >"$group/cgroup.procs"
    cd /
    exec nsenter --target "$box_first" --all env -i LANG=C.UTF-8 TERM=dumb HOME=/root \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
  )
}

# As USER, outside any session.
box_run_as() { # USER COMMAND...
  local user=$1
  shift
  box_run setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
}

box_copy() { # FILE... DIRECTORY-WITHIN
  local within=${!#}
  mkdir -p "$box/root$within"
  cp "${@:1:$#-1}" "$box/root$within/"
}

box_halt() {
  local i
  [ -n "$box_keeper" ] || return 0
  # What systemd takes for "power off" from a container's keeper.
  [ -z "$box_first" ] || kill -s RTMIN+4 "$box_first" 2>/dev/null || true
  for ((i = 0; i < 300; i++)); do
    kill -0 "$box_keeper" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$box_keeper" 2>/dev/null || true
  wait "$box_keeper" 2>/dev/null || true
  box_keeper='' box_first=''
}

box_end() {
  box_halt
  find "$box_control" -depth -type d -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$box"
}

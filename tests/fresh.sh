#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The README's two commands on a machine that nobody prepared: a minimal Debian or Ubuntu in a directory of its own, with a
# clone of this repository (what is committed), first as root, who may install packages, then as an ordinary user, who may
# not. Mounts and processes live in namespaces, which end with this script; the directory is removed. Logs stay in
# build/log/fresh-*.log. Needs root, debootstrap, and a mirror of the suite.
set -uo pipefail

usage() {
	cat <<-'END'
	usage: bash tests/fresh.sh [OPTION...] SUITE [COMMAND...]
	  SUITE            bookworm, trixie, jammy, noble: whatever debootstrap knows
	  COMMAND          instead of 'bash examples/quickstart.sh' and 'bash tests/run.sh'
	  --as USER        root or user alone (both); as user alone, packages are installed before
	  --mirror URL     where the suite is (the one that this machine's own packages come from)
	  --build-dir DIR  where logs go (build/)
	END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/log
mirror=
users=(root user)

die() {
	echo "fresh.sh: $*" >&2
	exit 2
}

# --- outside: what is needed, and a place that is thrown away -------------------------------------------------------

# The mirror that this machine's own packages come from, if it is of the suite's distribution.
own_mirror() {
	local vendor=Debian

	[[ -e /usr/share/debootstrap/scripts/$1 ]] || die "debootstrap knows no $1"
	grep -q ubuntu "/usr/share/debootstrap/scripts/$1" && vendor=Ubuntu
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^$vendor $vendor //p" | head -n 1
}

ensure_debootstrap() {
	command -v debootstrap >/dev/null && return
	# shellcheck source=../examples/packages.sh
	. "$root/examples/packages.sh"
	ttalloc_install debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"
}

outside() {
	local suite=$1 child

	((EUID == 0)) || die "only root can make a machine of its own (chroot, mount)"
	ensure_debootstrap
	[[ -n $mirror ]] || mirror=$(own_mirror "$suite") || exit
	[[ -n $mirror ]] || die "this machine's package sources have no $suite: name a mirror with --mirror"
	mkdir -p "$logs"
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/ttalloc-fresh.XXXXXX") || exit 2
	trap 'rm -rf --one-file-system "$scratch"' EXIT
	trap 'kill -KILL "$child" 2>/dev/null; wait "$child"; exit 130' INT TERM HUP # unshare heeds no other
	unshare --mount --pid --fork --kill-child \
		bash "${BASH_SOURCE[0]}" --within "$scratch/machine" --mirror "$mirror" --logs "$logs" "${users[@]/#/--as=}" "$@" &
	child=$!
	wait "$child"
}

# --- within the namespaces: the machine -----------------------------------------------------------------------------

# quietly NAME COMMAND...: what it writes goes to a log, and is shown when it fails.
quietly() {
	local log=$logs/fresh-$suite-$1.log
	shift
	"$@" >"$log" 2>&1 && return
	tail -n 20 "$log" >&2
	die "$1 failed; all that it said is in $log"
}

bootstrap() {
	debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$place" "$mirror"
}

mount_devices() {
	local name

	mount -t tmpfs -o mode=755 tmpfs "$place/dev"
	for name in null zero full random urandom tty; do
		touch "$place/dev/$name"
		mount --bind "/dev/$name" "$place/dev/$name"
	done
	ln -s /proc/self/fd "$place/dev/fd"
	ln -s /proc/self/fd/0 "$place/dev/stdin"
	ln -s /proc/self/fd/1 "$place/dev/stdout"
	ln -s /proc/self/fd/2 "$place/dev/stderr"
	mkdir "$place/dev/shm" "$place/dev/pts"
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$place/dev/shm"
	mount -t devpts -o newinstance,ptmxmode=0666 devpts "$place/dev/pts"
	ln -s pts/ptmx "$place/dev/ptmx"
}

# Another machine has another boot, too.
mount_kernel() {
	mount -t proc proc "$place/proc"
	mount -t sysfs -o ro sysfs "$place/sys"
	cat /proc/sys/kernel/random/uuid >"$place.boot_id"
	mount --bind "$place.boot_id" "$place/proc/sys/kernel/random/boot_id"
}

# How this machine gets to the network (names, proxies, certificates), and nothing else of it.
copy_network() {
	local file

	for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
		[[ ! -e $file ]] || cp -L "$file" "$place$file" || return
	done
	apt-config dump | sed -nE '/^Acquire::(https?|ForceIPv)/p' >"$place/etc/apt/apt.conf.d/10network"
}

# in_place USER COMMAND
in_place() {
	local name=root home=/root

	[[ $1 == user ]] && name=visitor home=/home/visitor
	env -i HOME="$home" USER="$name" LOGNAME="$name" TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		chroot --userspec="$name:$name" "$place" /bin/bash -c "cd ~/ttalloc && $2"
}

make_machine() {
	quietly debootstrap bootstrap
	mount_kernel && mount_devices && copy_network || die "cannot mount what a machine needs"
	chroot "$place" useradd --create-home --shell /bin/bash visitor || die "cannot make a user"
	git clone -q "$root" "$place/root/ttalloc" && git clone -q "$root" "$place/home/visitor/ttalloc" || die "cannot clone $root"
	chroot "$place" chown -R visitor:visitor /home/visitor
	echo "$suite: a bare machine in $SECONDS s"
}

# try NUMBER USER COMMAND: a line with its status, and what it says of failures.
try() {
	local log=$logs/fresh-$suite-$2-$1.log began=$SECONDS status
	shift

	in_place "$1" "$2" >"$log" 2>&1 </dev/null
	status=$?
	if ((status == 0)); then
		tail -n 1 "$log"
	elif ! grep '^failed: ' "$log"; then
		tail -n 20 "$log"
	fi
	echo "$suite: as $1: $2: status $status, $((SECONDS - began)) s"
	return "$status"
}

within() {
	local user command bad=0 number

	suite=$1
	shift
	(($#)) || set -- 'bash examples/quickstart.sh' 'bash tests/run.sh'
	make_machine
	if [[ ${users[0]} == user ]]; then
		quietly packages in_place root 'bash tests/run.sh --packages'
	fi
	for user in "${users[@]}"; do
		number=0
		for command in "$@"; do
			try $((number += 1)) "$user" "$command" || bad=1
		done
	done
	return "$bad"
}

place= # the machine's root directory
asked=()
while (($#)); do
	case $1 in
	--as) asked+=("${2:?--as needs root or user}"); shift ;;
	--as=*) asked+=("${1#--as=}") ;;
	--mirror) mirror=${2:?--mirror needs an address}; shift ;;
	--build-dir) logs=${2:?--build-dir needs a directory}/log; shift ;;
	--within) place=$2; shift ;; # this script itself, in its namespaces
	--logs) logs=$2; shift ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; die "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
(($#)) || { usage >&2; exit 2; }
((${#asked[@]})) && users=("${asked[@]}")
if [[ -n $place ]]; then
	within "$@"
else
	outside "$@"
fi

# SPDX-License-Identifier: Apache-2.0
#
# What ttalloc needs from Debian or Ubuntu: sourced by quickstart.sh and by tests/run.sh. Arrays of package names, and
# functions to find out what is missing and to install it. Needs bash.

# shellcheck shell=bash disable=SC2034

# Package, and a command that succeeds when what it brings is there, wherever it came from.
ttalloc_needs=(
	"cmake        command -v cmake"
	"ninja-build  command -v ninja"
	"gcc          command -v gcc"
	"libc6-dev    ttalloc_has_header stdio.h"
	"pkg-config   command -v pkg-config"
	"libsqlite3-dev  pkg-config --exists sqlite3"
	"libncurses-dev  pkg-config --exists ncursesw"
	"libzstd-dev  pkg-config --exists libzstd"
	"libdw-dev    pkg-config --exists libdw" # functions and lines of call stacks
)

ttalloc_has_header() {
	echo "#include <$1>" | gcc -E -x c - -o /dev/null
}

# ttalloc_missing_of NEED...: prints what is missing, one package a line. Asks for the thing itself rather than for the
# package, so that a cmake from elsewhere is as good.
ttalloc_missing_of() {
	local need

	for need in "$@"; do
		# shellcheck disable=SC2086
		${need#* } >/dev/null 2>&1 || echo "${need%% *}"
	done
}

# What is missing for the build.
ttalloc_missing() {
	ttalloc_missing_of "${ttalloc_needs[@]}"
}

# ttalloc_install PACKAGE...: as root, or with a sudo that asks for nothing. On failure, status 1, and ttalloc_why says
# why, in one line.
ttalloc_install() {
	local sudo=()

	if ((EUID != 0)); then
		if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
			ttalloc_why="only root may install packages"
			return 1
		fi
		sudo=(sudo -n)
	fi
	if ! command -v apt-get >/dev/null; then
		ttalloc_why="there is no apt-get here"
		return 1
	fi
	ttalloc_apt "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
		ttalloc_apt "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o Dpkg::Use-Pty=0 "$@"
}

# ttalloc_apt COMMAND...: one run of apt-get. Another one may be at it, such as a machine's nightly update: that is waited
# for. apt's own DPkg::Lock::Timeout covers the lock of the packages, and not that of their lists.
ttalloc_apt() {
	local most_s=${TTALLOC_APT_WAIT_S:-300} waited_s=0 said

	while ! said=$("$@" -o "DPkg::Lock::Timeout=$most_s" 2>&1 </dev/null); do
		if [[ $said != *"Could not get lock"* ]]; then
			ttalloc_why="apt-get says: $(sed -n 's/^E: //p' <<<"$said" | head -n 1)"
			return 1
		fi
		if ((waited_s >= most_s)); then
			ttalloc_why="another program holds apt's lock, and did for $most_s s"
			return 1
		fi
		((waited_s == 0)) && echo "waiting for another apt to end" >&2
		sleep 1
		waited_s=$((waited_s + 1))
	done
}

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

# For the build alone, and what the tests need on top of it.
ttalloc_packages=()
for ttalloc_need in "${ttalloc_needs[@]}"; do
	ttalloc_packages+=("${ttalloc_need%% *}")
done
unset ttalloc_need
ttalloc_test_packages=(libcmocka-dev clang sqlite3 python3 zstd xz-utils heaptrack)

ttalloc_has_header() {
	echo "#include <$1>" | gcc -E -x c - -o /dev/null
}

# Prints what is missing for the build, one package a line. Asks for the thing itself rather than for the package, so that
# a cmake from elsewhere is as good.
ttalloc_missing() {
	local need

	for need in "${ttalloc_needs[@]}"; do
		# shellcheck disable=SC2086
		${need#* } >/dev/null 2>&1 || echo "${need%% *}"
	done
}

# ttalloc_install PACKAGE...: as root, or with a sudo that asks for nothing. Status 1 when neither is possible.
ttalloc_install() {
	local sudo=()

	if ((EUID != 0)); then
		command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
		sudo=(sudo -n)
	fi
	command -v apt-get >/dev/null || return 1
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null &&
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o Dpkg::Use-Pty=0 "$@" </dev/null
}

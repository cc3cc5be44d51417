#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The Debian packages on the machine that this runs on: built, installed by apt, used, upgraded and removed. Only for machines
# that are thrown away: bash tests/fresh.sh bookworm 'bash tests/packages.sh'. Needs root. The last line is "N passed, N failed".
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

# expect NAME COMMAND...
expect() {
	local name=$1
	shift
	if "$@" >"$scratch/log" 2>&1; then
		passed=$((passed + 1))
		echo "passed   $name"
	else
		failed=$((failed + 1))
		tail -n 30 "$scratch/log"
		echo "failed   $name"
	fi
}

build() {
	cmake -S "$root" -B "$scratch/build" -G Ninja -DCMAKE_INSTALL_PREFIX=/usr -DTTALLOC_TESTS=OFF &&
		cmake --build "$scratch/build" -j "$(nproc)"
}

# pack VERSION: the four packages of it.
pack() {
	(cd "$scratch/build" && cpack -G DEB -D CPACK_PACKAGE_VERSION="$1" -B "$scratch/$1") && (($(ls "$scratch/$1"/*.deb | wc -l) == 4))
}

installed() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$scratch/$1"/*.deb
}

records() {
	cd "$scratch" && ttalloc-recorder --force -q -o malloc.db --host-malloc -- ls / && ttalloc-analyze verify malloc.db &&
		ttalloc-analyze info --json malloc.db | grep -q '"complete": true'
}

compiles() {
	gcc -o "$scratch/hello" "$root/examples/hello.c" $(pkg-config --cflags --libs ttalloc) && cd "$scratch" &&
		ttalloc-recorder --force -q -o hello.db -- ./hello && ttalloc-analyze peak hello.db | grep -q DRAM
}

from_python() {
	cd "$scratch" && ttalloc-recorder --force -q -o python.db -- python3 -c '
import ttalloc
with ttalloc.label("from python"):
    ttalloc.alloc(device=0, region=ttalloc.Region.DRAM, address=64, size_bytes=4096)' &&
		ttalloc-analyze leaks --by label python.db | grep -q "from python"
}

has_version() {
	[[ $(dpkg-query -W -f '${Version}' "$2") == "$1" ]]
}

removed() {
	DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq ttalloc libttalloc1 libttalloc-dev python3-ttalloc
}

nothing_left() {
	local left
	left=$(find /usr /etc /var/lib/dpkg/info -name '*ttalloc*' -not -path '*/__pycache__/*')
	echo "$left"
	[[ -z $left ]] && ! ldconfig -p | grep ttalloc
}

. "$root/examples/packages.sh"
mapfile -t missing < <(ttalloc_missing; ttalloc_missing_of "dpkg-dev command -v dpkg-shlibdeps" "file command -v file" "python3 command -v python3")
((${#missing[@]} == 0)) || ttalloc_install "${missing[@]}" || { echo "packages.sh: $ttalloc_why" >&2; exit 2; }
expect build build
expect pack pack 1.0
expect pack_newer pack 9.9
expect install installed 1.0
expect record records
expect compile compiles
expect python from_python
expect man test -s /usr/share/man/man1/ttalloc-analyze.1
expect upgrade installed 9.9
for package in ttalloc libttalloc1 libttalloc-dev python3-ttalloc; do
	expect "upgraded_$package" has_version 9.9 "$package"
done
expect record_after_upgrade records
expect remove removed
expect nothing_left nothing_left
echo "$passed passed, $failed failed"
((failed == 0))

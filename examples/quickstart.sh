#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a clone to a first answer: installs what is missing, builds into build/, records a training run that leaks a little,
# and prints its peak and its leaks. Asks for nothing. Status 1 when a package is missing and cannot be installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
recording=$build/quickstart.db
# shellcheck source=examples/packages.sh
source "$root/examples/packages.sh"

say() {
	printf '\n==> %s\n' "$*"
}

# quietly COMMAND...: its output is shown only when it fails.
quietly() {
	local log

	log=$(mktemp)
	if ! "$@" >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

ensure_packages() {
	local missing

	mapfile -t missing < <(ttalloc_missing)
	if ((${#missing[@]} == 0)); then
		say "Everything that the build needs is installed"
		return
	fi
	say "Missing, to be installed: ${missing[*]}"
	if ! quietly ttalloc_install "${missing[@]}"; then
		echo "quickstart.sh: these packages are missing and cannot be installed from here:" >&2
		echo "    apt-get install ${missing[*]}" >&2
		exit 1
	fi
}

build_all() {
	local configure=(cmake -S "$root" -B "$build")

	say "Building into $build"
	# A build directory that is there already keeps its settings.
	[[ -e $build/CMakeCache.txt ]] || configure+=(-G Ninja -DTTALLOC_TESTS=OFF)
	quietly "${configure[@]}"
	quietly cmake --build "$build" -j "$(nproc)" \
		--target ttalloc-recorder ttalloc-analyze ttalloc-trainer
}

# run COMMAND...: shows the command as one would type it, and runs it.
run() {
	say "${*//"$root/"/}"
	"$@"
}

ensure_packages
build_all
run "$build/recorder/ttalloc-recorder" --force -o "$recording" -- \
	"$build/examples/ttalloc-trainer" --steps 5 --leak-per-step 1M --step-time-us 200000
run "$build/analyze/ttalloc-analyze" peak "$recording"
run "$build/analyze/ttalloc-analyze" leaks "$recording"
say "Done. Next: build/analyze/ttalloc-analyze --help, and README.md"

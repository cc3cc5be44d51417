#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# From a clone to a first answer: installs what is missing, builds into build/ all that real programs need, records a
# training run that leaks a little, and prints its peak and its leaks. Asks for nothing. Status 1 when a package is missing
# and cannot be installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
recording=$build/quickstart.db
# What real programs need, and name_what_is_there() names.
promised=(hook/libttalloc{,-tt-metal,-host-malloc}.so analyze/ttalloc-{recorder,analyze}.1)
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
	if ! ttalloc_install "${missing[@]}"; then
		echo "quickstart.sh: these packages are missing, and could not be installed: $ttalloc_why" >&2
		echo "    apt-get install ${missing[*]}" >&2
		exit 1
	fi
}

build_all() {
	local file configure=(cmake -S "$root" -B "$build")

	say "Building into $build"
	# A build directory that is there already keeps its settings.
	[[ -e $build/CMakeCache.txt ]] || configure+=(-G Ninja -DTTALLOC_TESTS=OFF)
	quietly "${configure[@]}"
	quietly cmake --build "$build" -j "$(nproc)"
	for file in "${promised[@]}"; do
		[[ -s $build/$file ]] || { echo "quickstart.sh: build/$file was not built" >&2; exit 1; }
	done
}

# name_what_is_there: what a program of one's own is recorded with.
name_what_is_there() {
	cat <<-END

	==> Done. Programs of your own:
	  build/recorder/ttalloc-recorder --ttnn -o run.db -- python train.py
	      TT-Metal and ttnn, unchanged, by the preload build/hook/libttalloc-tt-metal.so
	  build/recorder/ttalloc-recorder --host-malloc -o run.db -- PROGRAM
	      the host's malloc of any program, by build/hook/libttalloc-host-malloc.so
	  include/ttalloc.h and build/hook/libttalloc.so
	      for an allocator that reports by itself
	  man build/analyze/ttalloc-recorder.1, man build/analyze/ttalloc-analyze.1
	  and README.md
	END
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
name_what_is_there

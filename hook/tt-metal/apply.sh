#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a TT-Metal checkout report to ttalloc: copies two headers beside its graph_tracking.cpp and inserts five calls.
# Every inserted line ends in "// ttalloc", which is how it is found again.
set -euo pipefail

usage() {
	cat <<-'END'
	usage: apply.sh CHECKOUT [--check|--revert]
	  CHECKOUT   the top of a tt-metal source tree
	  --check    change nothing; 0: the calls are in, 1: they are not, 2: this tree is not understood
	  --revert   take the calls and the headers out again
	END
}

fail() {
	echo "apply.sh: $*" >&2
	exit 2
}

mesh=distributed::MeshDevice
functions=(track_allocate track_deallocate track_allocate_cb track_program)
declare -A calls=(
	[track_allocate]="AllocationClient::report_buffer<$mesh>(*buffer);"
	[track_deallocate]="AllocationClient::report_buffer_free<$mesh>(*buffer);"
	[track_allocate_cb]="AllocationClient::report_circular_buffer<$mesh>(core_range_set, addr, size, is_globally_allocated, device);"
	[track_program]="AllocationClient::report_program_run<$mesh>(program, device);"
)
declare -A parameters=(
	[track_allocate]="buffer"
	[track_deallocate]="buffer"
	[track_allocate_cb]="core_range_set addr size is_globally_allocated device"
	[track_program]="program device"
)

checkout=
mode=apply
for argument; do
	case $argument in
	--check | --revert) mode=${argument#--} ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; fail "unknown option $argument" ;;
	*) [[ -z $checkout ]] || fail "one checkout at a time"; checkout=$argument ;;
	esac
done
[[ -n $checkout ]] || { usage >&2; exit 2; }

headers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/../../include
tracker=
for place in tt_metal/impl/graph tt_metal/graph; do
	[[ -f $checkout/$place/graph_tracking.cpp ]] && tracker=$checkout/$place/graph_tracking.cpp && break
done
[[ -n $tracker ]] || fail "$checkout has no tt_metal/impl/graph/graph_tracking.cpp: is it a TT-Metal checkout?"
folder=$(dirname "$tracker")

# The signature of GraphTracker's function $1, up to its opening brace.
signature() {
	awk -v start="^void GraphTracker::$1\\\\(" '$0 ~ start { on = 1 } on { print } on && /\{/ { exit }' "$tracker"
}

# Whether function $1 is there, once, with the parameters that its call needs.
understood() {
	local found name

	found=$(signature "$1")
	[[ $(grep -c "^void GraphTracker::$1(" "$tracker") == 1 && $found == *\{ ]] ||
		{ echo "apply.sh: GraphTracker::$1 is not where it is expected in $tracker" >&2; return 1; }
	for name in ${parameters[$1]}; do
		grep -qE "[^A-Za-z0-9_]$name[,)]" <<<"$found" ||
			{ echo "apply.sh: GraphTracker::$1 has no parameter $name in $tracker" >&2; return 1; }
	done
}

applied() {
	local function

	grep -q '#include "allocation_client.hpp".*// ttalloc$' "$tracker" || return 1
	for function in "${functions[@]}"; do
		grep -qF "${calls[$function]}  // ttalloc" "$tracker" || return 1
	done
	[[ -f $folder/allocation_client.hpp && -f $folder/ttalloc.h ]]
}

# Writes the tracker without the inserted lines.
without() {
	sed '/\/\/ ttalloc$/d' "$tracker"
}

# Inserts $2 as the first line of GraphTracker's function $1, from standard input to standard output.
insert_call() {
	awk -v start="^void GraphTracker::$1\\\\(" -v line="    $2  // ttalloc" '
		{ print }
		$0 ~ start { on = 1 }
		on && /\{[ \t]*$/ { print line; on = 0 }'
}

# Inserts the includes after the last unconditional one.
insert_includes() {
	awk '
		{ lines[NR] = $0 }
		/^#[ \t]*if/ { depth++ }
		/^#[ \t]*endif/ { depth-- }
		/^#include / && depth == 0 { last = NR }
		END {
			for (i = 1; i <= NR; i++) {
				print lines[i]
				if (i == last) {
					print "#include <tt-metalium/mesh_device.hpp>  // ttalloc"
					print "#include \"allocation_client.hpp\"  // ttalloc"
				}
			}
		}'
}

# Replaces the tracker by standard input, keeping its mode.
replace() {
	local fresh=$tracker.ttalloc-new

	cat >"$fresh"
	cmp -s "$fresh" "$tracker" || cat "$fresh" >"$tracker"
	rm -f "$fresh"
}

insert_all() {
	local text function

	text=$(without; echo .)
	text=$(printf '%s' "${text%.}" | insert_includes; echo .)
	for function in "${functions[@]}"; do
		text=$(printf '%s' "${text%.}" | insert_call "$function" "${calls[$function]}"; echo .)
	done
	printf '%s' "${text%.}"
}

understand_all() {
	local function

	for function in "${functions[@]}"; do
		understood "$function" || exit 2
	done
}

case $mode in
check)
	understand_all
	applied && { echo "$tracker reports to ttalloc"; exit 0; }
	echo "$tracker does not report to ttalloc"
	exit 1
	;;
revert)
	without | replace
	rm -f "$folder/allocation_client.hpp" "$folder/ttalloc.h"
	echo "$tracker is as it was"
	;;
apply)
	understand_all
	insert_all | replace
	cp "$headers/allocation_client.hpp" "$headers/ttalloc.h" "$folder/"
	applied || fail "the calls did not get into $tracker"
	echo "$tracker reports to ttalloc; rebuild TT-Metal"
	;;
esac

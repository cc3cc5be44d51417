#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes a TT-Metal checkout report to ttalloc: copies three headers beside its graph_tracking.cpp, and inserts four calls
# there and one in buffer.cpp. Every inserted line ends in "// ttalloc", which is how it is found again.
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
	[track_allocate]="AllocationReporter::report_buffer<$mesh>(*buffer);"
	[track_deallocate]="AllocationReporter::report_buffer_free<$mesh>(*buffer);"
	[track_allocate_cb]="AllocationReporter::report_circular_buffer<$mesh>(core_range_set, addr, size, is_globally_allocated, device);"
	[track_program]="AllocationReporter::report_program_run<$mesh>(program, device);"
)
declare -A parameters=(
	[track_allocate]="buffer"
	[track_deallocate]="buffer"
	[track_allocate_cb]="core_range_set addr size is_globally_allocated device"
	[track_program]="program device"
)
# Where a buffer asks for memory; in newer trees the members are a class of their own, and the buffer is "self".
request_pattern='address_ = allocator_->allocate_buffer\((this|&self)\);'

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
buffers=$checkout/tt_metal/impl/buffers/buffer.cpp
[[ -f $buffers ]] || fail "$checkout has no tt_metal/impl/buffers/buffer.cpp: is it a TT-Metal checkout?"
include_from_buffers=$(realpath --relative-to="$(dirname "$buffers")" "$folder")/allocation_reporter.hpp
copied=(allocation_reporter.hpp allocation_client.hpp ttalloc.h)

# --- what is there ---------------------------------------------------------------------------------------------------

# The signature of GraphTracker's function $1, up to its opening brace.
signature() {
	awk -v start="^void GraphTracker::$1\\\\(" '$0 ~ start { on = 1 } on { print } on && /\{/ { exit }' "$tracker"
}

# Whether function $1 is there, once, with the parameters that its call needs.
understood() {
	local found name

	found=$(signature "$1")
	[[ $(grep -c "^void GraphTracker::$1(" "$tracker") == 1 && $found == *\{ ]] ||
		fail "GraphTracker::$1 is not where it is expected in $tracker"
	for name in ${parameters[$1]}; do
		grep -qE "[^A-Za-z0-9_]$name[,)]" <<<"$found" || fail "GraphTracker::$1 has no parameter $name in $tracker"
	done
}

understand_all() {
	local function

	for function in "${functions[@]}"; do
		understood "$function"
	done
	[[ $(grep -cE "$request_pattern" "$buffers") == 1 ]] ||
		fail "the call of allocate_buffer is not where it is expected in $buffers"
}

applied() {
	local function name

	for function in "${functions[@]}"; do
		grep -qF "${calls[$function]}  // ttalloc" "$tracker" || return 1
	done
	for name in "${copied[@]}"; do
		[[ -f $folder/$name ]] || return 1
	done
	grep -q 'allocation_reporter.hpp".*// ttalloc$' "$tracker" &&
		grep -q 'allocation_reporter.hpp".*// ttalloc$' "$buffers" &&
		grep -q 'AllocationReporter::watch_request.*// ttalloc$' "$buffers"
}

# --- changing it: filters from standard input to standard output -----------------------------------------------------

without() {
	sed '/\/\/ ttalloc$/d'
}

# Inserts $2 as the first line of GraphTracker's function $1.
insert_call() {
	awk -v start="^void GraphTracker::$1\\\\(" -v line="    $2  // ttalloc" '
		{ print }
		$0 ~ start { on = 1 }
		on && /\{[ \t]*$/ { print line; on = 0 }'
}

insert_calls() {
	local text function

	text=$(cat; echo .)
	for function in "${functions[@]}"; do
		text=$(printf '%s' "${text%.}" | insert_call "$function" "${calls[$function]}"; echo .)
	done
	printf '%s' "${text%.}"
}

# Inserts a line above the one where a buffer asks for memory, as far to the right.
insert_request() {
	local call="auto ttalloc_request = AllocationReporter::watch_request<$mesh>"

	sed -E "s#^([ \\t]*)(.*$request_pattern.*)\$#\\1$call(*\\3, *allocator_);  // ttalloc\\n&#" |
		sed "s#$call(\\*&self, #$call(self, #"
}

# Inserts the includes, with $1 as the path of ours, after the last unconditional one.
insert_includes() {
	awk -v ours="$1" '
		{ lines[NR] = $0 }
		/^#[ \t]*if/ { depth++ }
		/^#[ \t]*endif/ { depth-- }
		/^#include / && depth == 0 { last = NR }
		END {
			for (i = 1; i <= NR; i++) {
				print lines[i]
				if (i == last) {
					print "#include <tt-metalium/mesh_device.hpp>  // ttalloc"
					print "#include \"" ours "\"  // ttalloc"
				}
			}
		}'
}

# Replaces file $1 by standard input, keeping its mode, and its time when nothing changes.
replace() {
	local fresh=$1.ttalloc-new

	cat >"$fresh"
	cmp -s "$fresh" "$1" || cat "$fresh" >"$1"
	rm -f "$fresh"
}

case $mode in
check)
	understand_all
	applied && { echo "$checkout reports to ttalloc"; exit 0; }
	echo "$checkout does not report to ttalloc"
	exit 1
	;;
revert)
	without <"$tracker" | replace "$tracker"
	without <"$buffers" | replace "$buffers"
	(cd "$folder" && rm -f "${copied[@]}")
	echo "$checkout is as it was"
	;;
apply)
	understand_all
	without <"$tracker" | insert_includes allocation_reporter.hpp | insert_calls | replace "$tracker"
	without <"$buffers" | insert_includes "$include_from_buffers" | insert_request | replace "$buffers"
	for name in "${copied[@]}"; do
		cp "$headers/$name" "$folder/"
	done
	applied || fail "the calls did not get into $checkout"
	echo "$checkout reports to ttalloc; rebuild TT-Metal"
	;;
esac

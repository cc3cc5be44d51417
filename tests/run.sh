#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs all tests: builds with gcc, clang and sanitizers, then unit tests, lint, oracle and end-to-end tests. Writes into
# build/ and temporary directories alone. The last line is "N passed, N failed, N skipped"; the status is 0 only when
# something ran and nothing failed.
set -uo pipefail

usage() {
	cat <<-'END'
	usage: bash tests/run.sh [OPTION...]
	  --quick          one build (gcc), no sanitizers, no fuzzing
	  --long           200 random kills, more seeds, longer fuzzing (about an hour)
	  --prove          switch each mechanism of the recorder off in turn; its test has to fail
	  --filter RE      only tests whose name matches RE
	  --build-dir DIR  where builds go (build/)
	END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
builds=$root/build
mode=default
filter=
jobs=$(nproc)
passed=0 failed=0 skipped=0
failures=()

while (($#)); do
	case $1 in
	--quick | --long | --prove) mode=${1#--} ;;
	--filter) filter=${2:?--filter needs an expression}; shift ;;
	--build-dir) mkdir -p "${2:?--build-dir needs a directory}" && builds=$(cd "$2" && pwd); shift ;;
	-h | --help) usage; exit 0 ;;
	*) echo "run.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
	esac
	shift
done

# --- what is needed -------------------------------------------------------------------------------------------------

# Package, and a command that succeeds when what it brings is there, as in examples/packages.sh, which has what the build
# needs.
test_needs=(
	"g++            command -v g++"
	"clang          command -v clang"
	"libcmocka-dev  pkg-config --exists cmocka"
	"sqlite3        command -v sqlite3"
	"python3        command -v python3"
	"binutils       command -v readelf"
	"util-linux     command -v setpriv"
)
# Tests that lack these are skipped.
wanted_needs=(
	"heaptrack      command -v heaptrack"
	"xz-utils       command -v xz"
)

missing_of() {
	local need

	for need in "$@"; do
		# shellcheck disable=SC2086
		${need#* } >/dev/null 2>&1 || echo "${need%% *}"
	done
}

ensure_packages() {
	local missing

	# shellcheck source=../examples/packages.sh
	. "$root/examples/packages.sh"
	mapfile -t missing < <(ttalloc_missing; missing_of "${test_needs[@]}" "${wanted_needs[@]}")
	((${#missing[@]} == 0)) && return 0
	echo "installing ${missing[*]}"
	ttalloc_install "${missing[@]}" >/dev/null && return 0
	mapfile -t missing < <(ttalloc_missing; missing_of "${test_needs[@]}")
	((${#missing[@]} == 0)) && return 0
	echo "run.sh: these packages are missing: apt-get install ${missing[*]}" >&2
	return 1
}

# --- counting -------------------------------------------------------------------------------------------------------

# one RESULT NAME SECONDS: a line for a test, and its count.
one() {
	case $1 in
	passed) passed=$((passed + 1)) ;;
	skipped) skipped=$((skipped + 1)) ;;
	*) failed=$((failed + 1)); failures+=("$2") ;;
	esac
	printf '%-8s %-60s %7ss\n' "$1" "$2" "$3"
}

# step NAME COMMAND...: a test that is one command. Its log is shown when it fails.
step() {
	local name=$1 log started=$SECONDS
	shift
	log=$builds/log/${name//\//_}.log
	mkdir -p "$builds/log"
	if "$@" >"$log" 2>&1; then
		one passed "$name" $((SECONDS - started))
		return 0
	fi
	tail -n 60 "$log"
	one failed "$name" $((SECONDS - started))
	return 1
}

# ctests BUILD NAME ARGUMENTS...: runs ctest in BUILD, and counts each of its tests.
ctests() {
	local build=$1 name=$2 log line status counted=$((passed + failed + skipped)) failed_before=$failed
	shift 2
	log=$builds/log/ctest-$name.log
	mkdir -p "$builds/log"
	ctest --test-dir "$build" --output-on-failure --no-tests=ignore -j "$jobs" ${filter:+-R "$filter"} "$@" \
		>"$log" 2>&1
	status=$?
	while IFS= read -r line; do
		if [[ $line =~ Test\ +\#[0-9]+:\ ([^ ]+)\ [.\ ]*(\*\*\*)?([A-Za-z\ /()]+)\ +([0-9.]+)\ sec ]]; then
			case ${BASH_REMATCH[3]} in
			Passed*) one passed "$name/${BASH_REMATCH[1]}" "${BASH_REMATCH[4]}" ;;
			Skipped*) one skipped "$name/${BASH_REMATCH[1]}" "${BASH_REMATCH[4]}" ;;
			*) one failed "$name/${BASH_REMATCH[1]}" "${BASH_REMATCH[4]}" ;;
			esac
		elif [[ $line =~ Test\ +\#[0-9]+:\ ([^ ]+) ]]; then
			one failed "$name/${BASH_REMATCH[1]}" 0
		else
			printf '%s\n' "$line"
		fi
	done < <(sed -n '/^ *[0-9]*\/[0-9]* Test/,/^[0-9]*% tests passed/{/^ *Start /d;/^[0-9]*% tests passed/d;/^$/d;p}' "$log")
	# Nothing may fail without a line that says so, and a list of tests may not be empty.
	if ((status != 0 && failed == failed_before)) || { [[ -z $filter ]] && ((passed + failed + skipped == counted)); }; then
		tail -n 20 "$log"
		one failed "$name/ctest" 0
	fi
}

# --- builds ---------------------------------------------------------------------------------------------------------

# build NAME TARGET CMAKE-ARGUMENTS...
build() {
	local name=$1
	shift
	step "build/$name" cmake_build "$builds/$name" "$@"
}

cmake_build() {
	local directory=$1 target=$2
	shift 2
	cmake -S "$root" -B "$directory" -G Ninja -DTTALLOC_WERROR=ON "$@" &&
		cmake --build "$directory" -j "$jobs" --target "$target"
}

finish() {
	local name

	for name in "${failures[@]}"; do
		echo "failed: $name"
	done
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
	exit
}

# --- suites ---------------------------------------------------------------------------------------------------------

suite_gcc() {
	build gcc all -DCMAKE_C_COMPILER=gcc || return
	ctests "$builds/gcc" gcc -L 'unit|lint|oracle|e2e'
}

suite_clang() {
	build clang all -DCMAKE_C_COMPILER=clang || return
	ctests "$builds/clang" clang -L unit
}

suite_asan() {
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
	build asan test_programs -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DTTALLOC_FUZZ=ON \
		-DTTALLOC_SANITIZE=address,undefined,fuzzer-no-link -DTTALLOC_FUZZ_SECONDS="$fuzz_seconds" || return
	ctests "$builds/asan" asan -L 'unit|fuzz|sanitize' -E unit_examples
}

suite_tsan() {
	export TSAN_OPTIONS=halt_on_error=1:die_after_fork=0
	build tsan test_programs -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DTTALLOC_SANITIZE=thread || return
	ctests "$builds/tsan" tsan -L 'unit|threads' -E 'unit_(examples|sql|analyze)'
}

suite_prove() {
	build faults all -DCMAKE_C_COMPILER=gcc -DTTALLOC_FAULTS=ON || return
	while read -r fault; do
		step "prove/$fault" python3 "$root/tests/e2e/prove.py" "$builds/faults" "$fault"
	done < <(python3 "$root/tests/e2e/prove.py" --list)
}

ensure_packages || exit 2
export TTALLOC_TEST_MODE=$mode
fuzz_seconds=4
[[ $mode == long ]] && fuzz_seconds=300
if [[ $mode == prove ]]; then
	suite_prove
	finish
fi
suite_gcc
if [[ $mode != quick ]]; then
	suite_clang
	suite_asan
	suite_tsan
fi
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs all tests: builds with gcc, clang and sanitizers, then unit tests, lint, oracle and end-to-end tests, and the real ttnn
# on its mock device where it can be had. Writes into build/ and temporary directories alone. The last line is "N passed,
# N failed, N skipped"; the status is 0 only when something ran and nothing failed.
set -uo pipefail

usage() {
	cat <<-'END'
	usage: bash tests/run.sh [OPTION...]
	  --quick          one build (gcc), no sanitizers, no fuzzing
	  --long           200 random kills, more seeds, longer fuzzing (about an hour)
	  --consumers      programs that read our exports (ttnn-visualizer, pprof, DuckDB, ...), which are downloaded
	  --prove          switch each mechanism of the recorder off in turn; its test has to fail
	  --fuzz MINUTES   each fuzz target that long, from the corpora in tests/fuzz/corpus/, which grow by what is new
	  --soak MINUTES   a hook and a recorder at work that long: neither may grow
	  --fresh          the README's two commands on bare machines (as root; tests/fresh.sh has the details)
	  --packages       only install what the tests need
	  --filter RE      only tests whose name matches RE
	  --build-dir DIR  where builds go (build/)
	END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
builds=$root/build
mode=default
filter=
minutes=0
jobs=$(nproc)
tests_at_once=$((jobs + jobs / 2)) # many of them wait for something
passed=0 failed=0 skipped=0
failures=() unsteady=()

while (($#)); do
	case $1 in
	--quick | --long | --consumers | --prove | --fresh | --packages) mode=${1#--} ;;
	--fuzz | --soak) mode=${1#--} minutes=${2:?$1 needs minutes}; shift ;;
	--filter) filter=${2:?--filter needs an expression}; shift ;;
	--build-dir) mkdir -p "${2:?--build-dir needs a directory}" && builds=$(cd "$2" && pwd); shift ;;
	-h | --help) usage; exit 0 ;;
	*) echo "run.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
	esac
	shift
done

# --- what is needed -------------------------------------------------------------------------------------------------

# shellcheck source=../examples/packages.sh
. "$root/examples/packages.sh"

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
	"zstd           command -v zstd"
	"libunwind8     has_libunwind"
	"python3-venv   python3 -m ensurepip --version"
	"libcurl4-openssl-dev  pkg-config --exists libcurl"
	"libmicrohttpd-dev  pkg-config --exists libmicrohttpd"
	"abigail-tools  command -v abidiff"
	"dpkg-dev       command -v dpkg-shlibdeps"
	"file           command -v file"
)

has_libunwind() {
	python3 -c 'import ctypes; ctypes.CDLL("libunwind.so.8")'
}

clang_sanitizes() {
	local program status

	program=$(mktemp) || return
	echo 'int main(void) { return 0; }' | clang -fsanitize=address,undefined -x c - -o "$program"
	status=$?
	rm -f "$program"
	return "$status"
}

# clang's sanitizers are a package of their own in some releases, named by a version that is known when clang is there.
missing_runtime() {
	local version

	version=$(clang -dumpversion 2>/dev/null) || return 0
	ttalloc_missing_of "libclang-rt-${version%%.*}-dev clang_sanitizes"
}

ensure_packages() {
	local missing turn

	for turn in 1 2; do
		mapfile -t missing < <(ttalloc_missing; ttalloc_missing_of "${test_needs[@]}" "${wanted_needs[@]}"; missing_runtime)
		((${#missing[@]} == 0)) && return 0
		((turn == 1)) || break
		echo "installing ${missing[*]}"
		ttalloc_install "${missing[@]}" || break
		mapfile -t missing < <(missing_runtime)
		((${#missing[@]} == 0)) || ttalloc_install "${missing[@]}" || break
	done
	mapfile -t missing < <(ttalloc_missing; ttalloc_missing_of "${test_needs[@]}"; missing_runtime)
	((${#missing[@]} == 0)) && return 0
	echo "run.sh: these packages are missing: apt-get install ${missing[*]}" >&2
	[[ -z ${ttalloc_why:-} ]] || echo "run.sh: they could not be installed: $ttalloc_why" >&2
	return 1
}

# --- counting -------------------------------------------------------------------------------------------------------

# one RESULT NAME SECONDS [NUMBER/OF]: a line for a test, and its count.
one() {
	case $1 in
	passed) passed=$((passed + 1)) ;;
	skipped) skipped=$((skipped + 1)) ;;
	unsteady) passed=$((passed + 1)); unsteady+=("$2") ;;
	*) failed=$((failed + 1)); failures+=("$2") ;;
	esac
	printf '%-8s %-60s %7ss %9s\n' "$1" "$2" "$3" "${4:-}"
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

# ctests BUILD NAME ARGUMENTS...: runs ctest in BUILD, and counts each of its tests as it ends.
ctests() {
	local build=$1 name=$2 log line status=1 counted=$((passed + failed + skipped)) failed_before=$failed result
	local -a again=()
	shift 2
	log=$builds/log/ctest-$name.log
	mkdir -p "$builds/log"
	while IFS= read -r line; do
		if [[ $line =~ ^\ *([0-9]+/[0-9]+)\ Test\ +\#[0-9]+:\ ([^ ]+)\ [.\ ]*(\*\*\*)?([A-Za-z\ /()]+)\ +([0-9.]+)\ sec ]]; then
			case ${BASH_REMATCH[4]} in
			Passed*) result=passed ;;
			Skipped*) result=skipped ;;
			*) result=failed ;;
			esac
			if [[ $result == failed ]]; then
				again+=("${BASH_REMATCH[2]}")
				echo "failed once: $name/${BASH_REMATCH[2]} (${BASH_REMATCH[4]})"
			else
				one "$result" "$name/${BASH_REMATCH[2]}" "${BASH_REMATCH[5]}" "${BASH_REMATCH[1]}"
			fi
		elif [[ $line =~ Test\ +\#[0-9]+:\ ([^ ]+) ]]; then
			one failed "$name/${BASH_REMATCH[1]}" 0
		elif [[ $line =~ ^status\ ([0-9]+)$ ]]; then
			status=${BASH_REMATCH[1]}
		else
			printf '%s\n' "$line"
		fi
	done < <({
		ctest --test-dir "$build" --output-on-failure --no-tests=ignore -j "$tests_at_once" ${filter:+-R "$filter"} "$@" 2>&1
		echo "status $?"
	} | tee "$log" | sed -un '/^status /p;/^ *[0-9]*\/[0-9]* Test/,/^[0-9]*% tests passed/{/^ *Start /d;/^[0-9]*% tests passed/d;/^$/d;p}')
	# Nothing may fail without a line that says so, and a list of tests may not be empty.
	if ((status != 0 && failed + ${#again[@]} == failed_before)) || { [[ -z $filter ]] && ((passed + failed + skipped + ${#again[@]} == counted)); }; then
		tail -n 20 "$log"
		one failed "$name/ctest" 0
	fi
	for line in "${again[@]}"; do
		once_more "$build" "$name" "$line"
	done
}

# once_more BUILD NAME TEST: a test that failed beside others has a second try alone. One that passes then is no proof of a fault,
# and none of its absence: it counts as passed, and the last lines name it.
once_more() {
	local started=$SECONDS

	if ctest --test-dir "$1" --output-on-failure -R "^$3\$" >"$builds/log/again-$2-$3.log" 2>&1; then
		one unsteady "$2/$3" $((SECONDS - started))
	else
		tail -n 60 "$builds/log/again-$2-$3.log"
		one failed "$2/$3" $((SECONDS - started))
	fi
}

# --- builds ---------------------------------------------------------------------------------------------------------

# What each build builds, and how.
declare -A how_to_build

declare_builds() {
	local sanitized="test_programs -DCMAKE_BUILD_TYPE=Debug"

	how_to_build=(
		[gcc]="all -DCMAKE_C_COMPILER=gcc"
		[clang]="all -DCMAKE_C_COMPILER=clang"
		[asan]="$sanitized -DCMAKE_C_COMPILER=clang -DTTALLOC_FUZZ=ON -DTTALLOC_SANITIZE=address,undefined,fuzzer-no-link \
			-DTTALLOC_FUZZ_SECONDS=$fuzz_seconds"
		[tsan]="$sanitized -DCMAKE_C_COMPILER=gcc -DTTALLOC_SANITIZE=thread"
		[faults]="all -DCMAKE_C_COMPILER=gcc -DTTALLOC_FAULTS=ON"
	)
}

# build NAME: done now, or waited for when it was begun ahead.
build() {
	echo "building $1"
	if [[ -e $builds/log/ahead-$1 ]]; then
		step "build/$1" await_build "$1"
	else
		step "build/$1" cmake_build "$1"
	fi
}

cmake_build() {
	local target

	set -- "$1" ${how_to_build[$1]}
	target=$2
	cmake -S "$root" -B "$builds/$1" -G Ninja -DTTALLOC_WERROR=ON "${@:3}" &&
		cmake --build "$builds/$1" -j "$jobs" --target "$target"
}

# Builds of suites to come take what the tests of earlier ones leave of the processors: many tests wait more than they work.
build_ahead() {
	local name

	for name in "$@"; do
		: >"$builds/log/ahead-$name"
	done
	renice -n 10 -p "$BASHPID" >/dev/null
	for name in "$@"; do
		cmake_build "$name" >"$builds/log/ahead-$name.log" 2>&1
		echo $? >"$builds/log/ahead-$name"
	done
}

await_build() {
	until [[ -s $builds/log/ahead-$1 ]]; do
		kill -0 "$ahead_pid" || return
		sleep 0.2
	done
	cat "$builds/log/ahead-$1.log"
	return "$(<"$builds/log/ahead-$1")"
}

finish() {
	local name

	for name in "${unsteady[@]}"; do
		echo "unsteady: $name failed beside others and passed alone"
	done
	for name in "${failures[@]}"; do
		echo "failed: $name"
	done
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
	exit
}

# --- suites ---------------------------------------------------------------------------------------------------------

suite_gcc() {
	build gcc || return
	if [[ $mode == default || $mode == long ]]; then
		build_ahead clang asan tsan &
		ahead_pid=$!
	fi
	ctests "$builds/gcc" gcc -L 'unit|lint|oracle|e2e'
}

suite_clang() {
	build clang || return
	ctests "$builds/clang" clang -L unit
}

suite_asan() {
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
	build asan || return
	ctests "$builds/asan" asan -L 'unit|fuzz|sanitize' -E unit_examples
}

suite_tsan() {
	export TSAN_OPTIONS=halt_on_error=1:die_after_fork=0
	build tsan || return
	ctests "$builds/tsan" tsan -L 'unit|threads' -E 'unit_(examples|sql|analyze)'
}

# The real ttnn and JAX: set up once, meanwhile, in build/ttnn/. What cannot be had leaves the reason there.
prepare_ttnn() {
	local version

	for version in newest 0.75.0 $([[ $mode == long ]] && echo 0.66.0 0.70.1 0.78.0) jax; do
		python3 "$root/tests/ttnn/mock.py" "$builds/ttnn/$version" "$version"
	done >"$builds/log/ttnn-setup.log" 2>&1
}

suite_ttnn() {
	[[ -d $builds/gcc/tests ]] || build gcc || return
	if [[ -n $ttnn_pid ]]; then
		echo "waiting for ttnn to be set up"
		wait "$ttnn_pid"
		cat "$builds/log/ttnn-setup.log"
	fi
	export TTALLOC_TTNN=$builds/ttnn
	if [[ $mode == long ]]; then
		ctests "$builds/gcc" ttnn -L ttnn
	else
		ctests "$builds/gcc" ttnn -L '^ttnn$'
	fi
}

suite_consumers() {
	build gcc || return
	python3 "$root/tests/consumers/setup.py" "$builds/consumers"
	export TTALLOC_CONSUMERS=$builds/consumers
	ctests "$builds/gcc" consumers -L consumers
}

suite_fresh() {
	local release

	for release in bookworm trixie; do
		echo "$release: this takes as long as four runs of all tests"
		step "fresh/$release" bash "$root/tests/fresh.sh" --build-dir "$builds" "$release"
		step "packages/$release" bash "$root/tests/fresh.sh" --build-dir "$builds" --as root "$release" 'bash tests/packages.sh'
	done
}

# A corpus is kept small: what libFuzzer found is merged into it, the shortest inputs first.
fuzz_one() {
	local target=$1 name=${1##*/fuzz_} found
	local -a options=(-timeout=10 -rss_limit_mb=2048 -max_len=4096 -artifact_prefix="$builds/log/")

	[[ ! -e $root/tests/fuzz/fuzz_$name.dict ]] || options+=(-dict="$root/tests/fuzz/fuzz_$name.dict")
	found=$(mktemp -d) || return
	mkdir -p "$root/tests/fuzz/corpus/$name"
	"$target" "${options[@]}" -max_total_time=$((minutes * 60)) -len_control=0 -print_final_stats=1 "$found" \
		"$root/tests/fuzz/corpus/$name" && "$target" "${options[@]}" -merge=1 "$root/tests/fuzz/corpus/$name" "$found"
	set -- $?
	rm -rf "$found"
	return "$1"
}

suite_fuzz() {
	local target

	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
	build asan || return
	for target in "$builds"/asan/tests/fuzz/fuzz_*; do
		[[ ! -x $target || ! ${target##*/} =~ $filter ]] || step "${target##*/}" fuzz_one "$target"
	done
}

suite_soak() {
	build gcc || return
	step soak env TTALLOC_SOAK_MINUTES="$minutes" TTALLOC_BUILD="$builds/gcc" python3 "$root/tests/e2e/soak.py"
	cat "$builds/log/soak.log"
}

suite_prove() {
	build faults || return
	while read -r fault; do
		step "prove/$fault" python3 "$root/tests/e2e/prove.py" "$builds/faults" "$fault"
	done < <(python3 "$root/tests/e2e/prove.py" --list)
}

# suites NAME...: each with a line that says how far the run is.
suites() {
	local name number=0

	for name in "$@"; do
		echo "--- suite $((number += 1)) of $#: $name ($((SECONDS / 60)):$(printf %02d $((SECONDS % 60))) since the start)"
		"suite_$name"
	done
}

ensure_packages || exit 2
export TTALLOC_TEST_MODE=$mode
ttnn_pid= ahead_pid=
fuzz_seconds=4
[[ $mode == long ]] && fuzz_seconds=300
declare_builds
mkdir -p "$builds/log"
rm -f "$builds"/log/ahead-*
case $mode in
packages) exit 0 ;;
prove) suites prove ;;
consumers) suites consumers ;;
fresh) suites fresh ;;
quick) suites gcc ;;
fuzz) suites fuzz ;;
soak) suites soak ;;
*)
	prepare_ttnn &
	ttnn_pid=$!
	suites gcc clang asan tsan ttnn
	;;
esac
finish

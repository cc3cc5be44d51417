# SPDX-License-Identifier: Apache-2.0
"""The recipes for containers: what separates one is made here by namespaces of users, processes and mounts."""
import os

from harness import Place, analyze, check, equal, main, program, run, skip

CONTAINER = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount", "--mount-proc"]
OWN_SHM = "mount -t tmpfs -o size=64m,mode=1777 none /dev/shm && "


def container_or_skip(place):
    result = run([*CONTAINER, "true"], env=place.env)
    if result.returncode:
        skip(f"no containers here: {result.stderr.strip()}")


def trained(file):
    info = analyze("info", file)["rows"][0]
    equal((info["complete"], info["processes"]), (1, 1), "complete, and processes")
    check(info["events"] > 1000, f"{info['events']} events")


def both_in_one_container():
    """With 64 MiB of /dev/shm, as docker gives; the file is on a volume."""
    place = Place()
    container_or_skip(place)
    env = {**place.env, "TRAINER": program("ttalloc-trainer"), "RECORDER": program("ttalloc-recorder"), "OUT": place.file("run.db")}
    del env["TTALLOC_SEGMENT_DIR"]
    result = run([*CONTAINER, "sh", "-c", OWN_SHM + 'exec "$RECORDER" -q -o "$OUT" -- "$TRAINER" --quiet --steps 2'], env=env, timeout=120)
    equal(result.returncode, 0, f"the status ({result.stderr})")
    trained(place.file("run.db"))


def a_recorder_in_a_container_beside_it():
    """One pod: processes are shared, /dev/shm and files are not, but for one volume that has the socket and the segments."""
    place = Place()
    container_or_skip(place)
    volume = place.path / "volume"
    volume.mkdir(mode=0o700)
    env = {**place.env, "TTALLOC_SEGMENT_DIR": str(volume), "TTALLOC_SOCKET": str(volume / "socket"), "TRAINER": program("ttalloc-trainer"),
           "RECORDER": program("ttalloc-recorder"), "OUT": place.file("run.db"), "VOLUME": str(volume)}
    recorder = f'unshare --mount sh -c \'{OWN_SHM}exec "$RECORDER" -q --socket "$TTALLOC_SOCKET" -o "$OUT"\' & recorder=$!'
    program_ = f'unshare --mount sh -c \'{OWN_SHM}TT_ALLOC_TRACKING_ENABLED=1 exec "$TRAINER" --quiet --steps 2\''
    script = f'{recorder}; {program_}; status=$?; while ls "$VOLUME"/*.segment 2>/dev/null; do sleep 0.05; done; kill $recorder; wait $recorder && exit $status'
    result = run([*CONTAINER, "sh", "-c", script], env=env, timeout=120)
    equal(result.returncode, 0, f"the status ({result.stderr})")
    trained(place.file("run.db"))


def a_recorder_outside_says_so():
    """It sees other process ids than the program: what to do is said on both sides, and the recording is not complete."""
    place = Place()
    container_or_skip(place)
    script = '"$RECORDER" -q --socket "$TTALLOC_SOCKET" -o "$OUT" & recorder=$!; until [ -S "$TTALLOC_SOCKET" ]; do sleep 0.05; done; ' \
             'TT_ALLOC_TRACKING_ENABLED=1 unshare --pid --fork --mount --mount-proc "$TRAINER" --quiet --steps 2 --step-time-us 500000; kill $recorder; wait $recorder'
    env = {**place.env, "TTALLOC_SOCKET": place.socket, "TRAINER": program("ttalloc-trainer"), "RECORDER": program("ttalloc-recorder"), "OUT": place.file("run.db")}
    result = run([*CONTAINER, "sh", "-c", script], env=env, timeout=120)
    equal(analyze("info", place.file("run.db"))["rows"][0]["complete"], 0, "complete")
    check("another pid namespace; run the recorder inside it" in result.stderr, f"it said {result.stderr}")
    check(os.path.exists(place.file("run.db")), "a file")


main(both_in_one_container, a_recorder_in_a_container_beside_it, a_recorder_outside_says_so)

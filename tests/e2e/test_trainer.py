# SPDX-License-Identifier: Apache-2.0
"""The example trainer: what it counts itself is what the recording says."""
import re

from harness import Place, analyze, check, equal, main, program, run, verify

# The widest program is the backward pass of the norm: 64 + 64 + 2 + 64 + 8 tiles of 2048 B on each core.
LARGEST_CBS = 202 * 2048
LINE = re.compile(r"device (\d+) (\w+) +peak (\d+) B \((\d+) B per bank\), held at the end (\d+) B in (\d+) blocks, "
                  r"failed requests (\d+)")


def record(place, *arguments, status=0):
    """Runs the trainer under the recorder. Returns the file, and what the trainer printed, by device and region."""
    file = place.file("run.db")
    result = run([program("ttalloc-recorder"), "--force", "-o", file, "--", program("ttalloc-trainer"), *arguments],
                 env=place.env, cwd=place.path, timeout=120)
    equal(result.returncode, status, f"status of the trainer ({result.stderr})")
    said = {(int(m[1]), m[2]): tuple(map(int, m.groups()[2:])) for m in LINE.finditer(result.stdout)}
    check(said, f"the trainer's summary: {result.stdout!r}")
    return file, said, result


def events_of(result):
    return sum(map(int, re.findall(r"(\d+) events", result.stdout)))


def check_peaks(file, said):
    peaks = {(row["device"], row["region"]): row for row in analyze("peak", file)["rows"]}
    for key, (peak, peak_bank, *_) in said.items():
        equal(peaks[key]["peak_bytes"], peak, f"peak of {key}")
        equal(peaks[key]["peak_bank_bytes"], peak_bank, f"peak per bank of {key}")
        if key[1] == "DRAM":
            equal(peaks[key[0], "CB"]["peak_bytes"], LARGEST_CBS, f"circular buffers of device {key[0]}")


def check_complete(file, result):
    info = analyze("info", file)
    check(info["complete"], f"the recording is incomplete: {info['notes']}")
    row = info["rows"][0]
    equal(row["events"], events_of(result), "events")
    for column in ("lost", "unmatched_frees", "replaced"):
        equal(row[column], 0, column)
    verify(file)


def peaks_and_leaks():
    file, said, result = record(Place(), "--steps", "3", "--leak-per-step", "1M", "--step-time-us", "50000")
    check_complete(file, result)
    check_peaks(file, said)
    leaks = analyze("leaks", file)["rows"]
    leaked = [row for row in leaks if row["class"] == "buffer"]
    equal([row["size_bytes"] for row in leaked], [1 << 20] * 3, "leaked buffers")
    equal({row["label"] for row in leaked}, {"dataloader/prefetch"}, "their label")
    equal(sorted(row["step"] for row in leaked), [1, 2, 3], "their steps")
    equal({row["device"] for row in leaked}, {0}, "their device")
    equal({row["ended"] for row in leaks}, {"device close"}, "how leaks ended")
    # 1 MiB is 512 tiles, 43 in the fullest of 12 banks.
    equal({row["bank_bytes"] for row in leaked}, {43 * 2048}, "what a leak takes in each bank")
    for device in (0, 1):
        held = [row for row in leaks if row["device"] == device and row["region"] == "DRAM"]
        equal(sum(row["size_bytes"] for row in held), said[device, "DRAM"][2], f"bytes held on device {device}")
        equal(len(held), said[device, "DRAM"][3], f"blocks held on device {device}")


def labels_and_steps():
    file, _, _ = record(Place(), "--steps", "2", "--layers", "2", "--step-time-us", "20000")
    groups = {row["group"] for row in analyze("peak", file, "--by", "label", "--device", "0", "--region", "DRAM")["rows"]}
    for label in ("load/layer.1/w_gate", "model/layer.0/mlp/gate.backward", "model/layer.1/attention/softmax"):
        check(label in groups or label.startswith("model"), f"no label {label} at the peak: {groups}")
    norm = analyze("peak", file, "--label", "model/layer.1/attention/norm", "--device", "0")["rows"]
    # 1024 tokens of 2048 elements of 2 B, sharded by rows of tiles over 32 cores: 64 tiles of 2048 B on each.
    equal([(row["region"], row["peak_bytes"], row["peak_bank_bytes"]) for row in norm if row["region"] == "L1"],
          [("L1", 1024 * 2048 * 2, 64 * 2048)], "the norm of layer 1")


def failure():
    file, said, result = record(Place(), "--steps", "3", "--fragment", "--fail", "--step-time-us", "50000", status=1)
    check_complete(file, result)
    check_peaks(file, said)
    rows = analyze("failures", file)["rows"]
    equal(len(rows), 1, "failed requests")
    row, text = rows[0], rows[0]["why"]
    figures = list(map(int, re.findall(r"\d+(?= B)", text)))
    size, bank, _, _, free, largest = figures
    equal((row["size_bytes"], row["bank_bytes"]), (size, bank), f"size in {text!r}")
    equal((row["free_bytes"], row["largest_free_bytes"]), (free, largest), f"free memory in {text!r}")
    check(largest < bank <= free, f"fragmented, not exhausted: {text!r}")
    equal((row["device"], row["region"], row["step"], row["label"]), (0, "DRAM", 3, "checkpoint"), "whose it was")
    check(text in result.stderr, "the trainer says why, too")


def kept_semaphores():
    """A few bytes of each step in the wrong place: nearly all of L1 is free, and yet the evaluation does not fit."""
    file, _, result = record(Place(), "--evaluate", "--keep-semaphores", "--steps", "4", "--devices", "1",
                             "--step-time-us", "20000", status=1)
    check_complete(file, result)
    row = analyze("failures", file)["rows"][0]
    equal((row["region"], row["label"]), ("L1", "evaluate"), "what did not fit")
    check(row["largest_free_bytes"] < row["bank_bytes"] < row["free_bytes"], f"fragmented: {row}")
    kept = analyze("leaks", file, "--region", "L1")["rows"]
    equal([(row["label"], row["bank_bytes"]) for row in kept], [("model/head/head/all_gather", 32)] * 4, "semaphores")
    file, said, result = record(Place(), "--evaluate", "--steps", "4", "--devices", "1", "--step-time-us", "20000")
    check_complete(file, result)
    check_peaks(file, said)
    equal(analyze("leaks", file, "--region", "L1")["rows"], [], "what is left once they are freed")


def processes_and_devices():
    file, said, result = record(Place(), "--processes", "3", "--devices", "3", "--steps", "2", "--blackhole",
                                "--seed", "7", "--step-time-us", "50000")
    equal(len({device for device, _ in said}), 9, "devices")
    check_complete(file, result)
    check_peaks(file, said)


def without_a_recorder():
    """It runs all the same, and says how fast it was."""
    result = run([program("ttalloc-trainer"), "--events", "300000", "--fragment"], env=Place().env)
    equal(result.returncode, 0, f"status ({result.stderr})")
    check(re.search(r"[0-9.]+ million a second", result.stdout), result.stdout)


def wrong_command_lines():
    for arguments in (["--steps", "0"], ["--steps", "-1"], ["--steps", "1x"], ["--leak-per-step", "5G"], ["--tokens", "31"],
                      ["--frobnicate"], ["left over"], ["--fail", "--events", "1"], ["--keep-semaphores"],
                      ["--steps", "99999999999999999999"]):
        result = run([program("ttalloc-trainer"), *arguments], env=Place().env)
        equal((result.returncode, result.stdout), (2, ""), f"status and output of {arguments}")
        equal(result.stderr.count("\n"), 1, f"lines on stderr for {arguments}: {result.stderr!r}")


main(peaks_and_leaks, labels_and_steps, failure, kept_semaphores, processes_and_devices, without_a_recorder,
     wrong_command_lines)

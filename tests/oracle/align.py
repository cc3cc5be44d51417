# SPDX-License-Identifier: Apache-2.0
"""Lays the calls that were issued beside the events that were recorded: one for one, in order, nothing twice.

That a recording is faithful is found here, event by event. What the calls take over from it is their time, after the
stamps around the call have vouched for it, so that the verbs' times can be compared to the nanosecond.
"""
import sqlite3

from issued import KIND_WORDS, REGION_WORDS

# How far a recorded time may lie outside of the stamps around its call: two clocks are mapped onto each other.
CLOCK_SLACK_NS = 50_000


class Mismatch(AssertionError):
    """The recording, or an answer, is not what the calls say."""


def require(condition, message):
    if not condition:
        raise Mismatch(message)


class Recording:
    """The public views of a file, read with what Python has built in."""

    def __init__(self, path):
        self.path = path
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            self.processes = [dict(row) for row in database.execute("SELECT * FROM process ORDER BY process_id")]
            self.events = [dict(row) for row in database.execute("SELECT * FROM event ORDER BY at_ns, process, event_id")]
            self.marks = [dict(row) for row in database.execute("SELECT * FROM step ORDER BY process, event_id")]
            self.info = dict(database.execute("SELECT * FROM recording").fetchone())
            self.threads = {row["thread_id"]: dict(row) for row in database.execute("SELECT * FROM thread")}
        database.close()


def fields_of_call(call):
    """What an event shows of the call that made it."""
    word = KIND_WORDS[call.kind]
    fields = {"kind": word, "device": call.device, "label": call.label, "step": call.step}
    if word in ("alloc", "alloc_failed"):
        fields.update(size_bytes=call.size, bank_bytes=call.bank or call.size)
    if word in ("alloc", "free", "cb_alloc", "kernel_load", "kernel_unload"):
        fields.update(address=call.address)
    if word in ("cb_alloc", "kernel_load"):
        fields.update(size_bytes=call.size)
    if word == "cb_alloc":
        fields.update(program=call.program)
    if word in ("cb_free", "program_run"):
        fields.update(program=call.address)
    if word == "alloc_failed":
        fields.update(why=call.text)
    if not word.startswith("device"):
        fields.update(region=REGION_WORDS.get(call.region))
    return fields


def _matches(call, event):
    """Why EVENT is not what CALL issued; None when it is. What a free that names no device or region shows is free."""
    for name, value in fields_of_call(call).items():
        if call.kind == 2 and name in ("device", "region") and getattr(call, name) == 0xFFFF:
            continue
        if event.get(name) != value:
            return f"{name} is {event.get(name)!r}, was issued as {value!r}"
    return None


def _check_time(call, event, start_ns):
    at = start_ns + event["at_ns"]
    require(at >= call.before_ns - CLOCK_SLACK_NS, f"{event} lies {call.before_ns - at} ns before its call")
    require(not call.after_ns or at <= call.after_ns + CLOCK_SLACK_NS,
            f"{event} lies {at - call.after_ns} ns after its call")


def _take_over(call, event, row):
    call.at_ns = event["at_ns"]
    call.place = (event["at_ns"], row, event["event_id"])


def _align_sequence(calls, events, start_ns, row, subject):
    """In order and one for one; a call that had not returned when its process died may be missing."""
    kept, at = [], 0
    for call in calls:
        event = events[at] if at < len(events) else None
        why = _matches(call, event) if event else "the recording has no more events"
        if why and call.after_ns == 0:
            continue
        require(not why, f"{subject}: event {at + 1}: {why}; issued {call}; recorded {event}")
        _check_time(call, event, start_ns)
        _take_over(call, event, row)
        kept.append(call)
        at += 1
    require(at == len(events), f"{subject}: {len(events) - at} events that nobody issued, first {events[at:at + 1]}")
    return kept


def _find_rows(processes, recording):
    """Pairs process images with rows: by pid, and by when they began where exec made several of one pid."""
    rows = {}
    for row in sorted(recording.processes, key=lambda row: row["joined_ns"]):
        rows.setdefault(row["pid"], []).append(row)
    for process in processes:
        if not rows.get(process.pid) and not any(call.after_ns for call in process.events):
            continue  # it died in its first call, or reported labels and steps at most, which are no events
        require(rows.get(process.pid), f"process {process.pid} is not in the recording")
        row = rows[process.pid].pop(0)
        process.row, process.ended_ns, process.ended = row["process_id"], row["ended_ns"], row["ended"]
    require(not any(rows.values()), f"processes that nobody started: {rows}")


def _align_process(process, recording, start_ns):
    events = [event for event in recording.events if event["process"] == process.row]
    ids = [event["event_id"] for event in events]
    require(ids == sorted(ids), f"process {process.pid}: the order of time is not the order of numbers")
    ordered = all(call.order for call in process.calls)
    if ordered:
        sequences = [(process.events, events, f"process {process.pid}")]
    else:
        threads = sorted({call.thread for call in process.calls})
        sequences = [([c for c in process.events if c.thread == thread],
                      [e for e in events if recording.threads[e["thread"]]["tid"] == thread],
                      f"process {process.pid} thread {thread}") for thread in threads]
    kept = set()
    for calls, found, subject in sequences:
        kept.update(map(id, _align_sequence(calls, found, start_ns, process.row, subject)))
    process.calls = [call for call in process.calls if not call.is_event or id(call) in kept]
    process.calls.sort(key=lambda call: (call.order, call.place or (0,)))
    if not ordered:
        process.calls = sorted((c for c in process.calls if c.is_event), key=lambda call: call.place)


def align(processes, recording):
    """Checks RECORDING against PROCESSES, and gives every call its time. What did not happen is taken out."""
    start_ns = recording.info["start_monotonic_ns"]
    _find_rows(processes, recording)
    processes = [process for process in processes if process.row is not None]
    for process in processes:
        _align_process(process, recording, start_ns)
    _check_common_order(processes)
    return processes


def _check_common_order(processes):
    """Calls that had one order over all processes have it in the recording, too."""
    for scope in {process.scope for process in processes}:
        calls = sorted((call for process in processes if process.scope == scope for call in process.events if call.order),
                       key=lambda call: call.order)
        for earlier, later in zip(calls, calls[1:]):
            require(earlier.at_ns <= later.at_ns, f"out of order: {earlier} and {later}")

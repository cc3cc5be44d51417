# SPDX-License-Identifier: Apache-2.0
"""Compares a verb's JSON with what the model expects, field by field; and proves that it would notice (planted_errors)."""
import copy
import math

from align import Mismatch, require

class Check:
    """What one question has to be answered with. KEYS tell the rows apart; PREPARE maps an actual row before it is
    compared."""

    def __init__(self, verb, arguments, expected, keys, unchecked=()):
        self.verb = verb
        self.arguments = list(arguments)
        self.expected = expected
        self.keys = keys
        self.unchecked = set(unchecked)

    def __str__(self):
        return " ".join([self.verb, *self.arguments])

    def _key(self, row):
        return tuple((row.get(key) is None, str(row.get(key))) for key in self.keys)

    def compare(self, answer):
        require(answer["query"] == self.verb, f"{self}: query is {answer['query']}")
        require(answer["complete"] is True, f"{self}: not complete: {answer['notes']}")
        rows, expected = sorted(answer["rows"], key=self._key), sorted(self.expected, key=self._key)
        for row, wanted in zip(rows, expected):
            self._compare_row(row, wanted)
        require(len(rows) == len(expected), f"{self}: {len(rows)} rows, expected {len(expected)}; "
                f"too many: {rows[len(expected):][:2]}, missing: {expected[len(rows):][:2]}")

    def _compare_row(self, row, wanted):
        for name, value in wanted.items():
            if name not in row:
                raise Mismatch(f"{self}: no column {name} in {row}")
            if not same(row[name], value):
                raise Mismatch(f"{self}: {name} is {row[name]!r}, expected {value!r}\n  in {row}\n  for {wanted}")
        for name, value in row.items():
            if name not in wanted and name not in self.unchecked and is_number(value):
                raise Mismatch(f"{self}: nobody checks {name}")


class SampleCheck(Check):
    """Rows whose expectation depends on the time that the answer chose."""

    def __init__(self, verb, arguments, expect_row, times, required, keys):
        super().__init__(verb, arguments, [], keys)
        self.expect_row = expect_row  # (device, region word, at_ns) -> fields
        self.times = times            # (device, region word) -> times that a sample may have
        self.required = required      # (device, region word) -> times that have to be there

    def compare(self, answer):
        require(answer["complete"] is True, f"{self}: not complete: {answer['notes']}")
        seen = {}
        for row in answer["rows"]:
            place = (row["device"], row["region"])
            if row["at_ns"] not in self.times.get(place, ()):
                raise Mismatch(f"{self}: nothing happened at {row['at_ns']} in {place}")
            seen.setdefault(place, []).append(row["at_ns"])
            self._compare_row(row, {"device": row["device"], "region": row["region"], "at_ns": row["at_ns"],
                                    **self.expect_row(*place, row["at_ns"])})
        for place, times in self.required.items():
            missing = times - set(seen.get(place, ()))
            require(not missing, f"{self}: {place} lacks samples at {sorted(missing)}")
        for place, times in seen.items():
            require(times == sorted(times), f"{self}: {place} is out of order")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(actual, wanted):
    if isinstance(wanted, float) and is_number(actual):
        return math.isclose(actual, wanted, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return bool(actual) == bool(wanted) and wanted is not None and actual is not None
    return actual == wanted


def mutations(answer, unchecked):
    """ANSWER with one number off by one, for numbers of its first, its last and some rows between."""
    count = len(answer["rows"])
    for index in sorted({0, count - 1, *range(0, count, max(1, count // 7))}) if count else ():
        for name, value in answer["rows"][index].items():
            if name in unchecked or not (is_number(value) or isinstance(value, bool)):
                continue
            planted = copy.copy(answer)
            planted["rows"] = list(answer["rows"])
            planted["rows"][index] = {**answer["rows"][index], name: (not value) if isinstance(value, bool) else value + 1}
            yield index, name, planted
        planted = copy.copy(answer)
        planted["rows"] = answer["rows"][:index] + answer["rows"][index + 1:]
        yield index, "(the row left out)", planted


def planted_errors(check, answer):
    """Each error that is planted into ANSWER has to be noticed. Returns how many there were."""
    count = 0
    for index, name, planted in mutations(answer, check.unchecked):
        try:
            check.compare(planted)
        except (Mismatch, KeyError):
            count += 1
            continue
        if name == "(the row left out)" and isinstance(check, SampleCheck):
            continue
        raise Mismatch(f"{check}: nobody would notice {name} of row {index} off by one")
    return count

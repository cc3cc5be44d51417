# SPDX-License-Identifier: Apache-2.0
"""The rooms of the house, from the ground up, and what the files of each may include.

    hook -> include <- recorder -> sql <- analyze

Every arrow points to a line further up in this table, so there is no circle. Who needs another arrow moves what is common
down, or turns the call into a callback.
"""

ROOMS = {
    # room                may include, beside files of its own
    "include":            "",
    "include/ttalloc":    "include",

    "hook/base":          "include include/ttalloc",
    "hook/segment":       "include include/ttalloc hook/base",
    "hook/core":          "include include/ttalloc hook/base hook/segment",
    "hook/stacks":        "include include/ttalloc hook/base hook/core",
    "hook":               "include include/ttalloc hook/base hook/segment hook/core hook/stacks",
    "hook/malloc":        "include include/ttalloc hook/base hook/core",
    "hook/cxx":           "",
    "hook/tt_metal":      "include include/ttalloc hook/base hook/core hook/cxx",
    "hook/python":        "",

    "sql/base":           "include include/ttalloc",
    "sql/packed":         "include include/ttalloc sql/base",
    "sql/store":          "include include/ttalloc sql/base sql/packed",
    "sql/symbols":        "include include/ttalloc sql/base sql/store",
    "sql/exchange":       "include include/ttalloc sql/base sql/store",
    "sql/operations":     "include include/ttalloc sql/base sql/store",
    "sql/replay":         "include include/ttalloc sql/base sql/store sql/operations",
    "sql/totals":         "include include/ttalloc sql/base sql/store sql/replay",
    "sql/merge":          "include include/ttalloc sql/base sql/store sql/replay sql/totals",
    "sql/import":         "include include/ttalloc sql/base sql/store sql/replay sql/totals",
    "sql/model":          "include include/ttalloc sql/base sql/store sql/replay",
    "sql/share":          "include include/ttalloc sql/base sql/packed sql/store sql/symbols sql/replay",
    "sql/answers":        "include include/ttalloc sql/base sql/packed sql/store sql/symbols sql/replay sql/operations",
    "sql/answers/live":   "include include/ttalloc sql/base sql/store sql/replay sql/operations",
    "sql/answers/why":    "include include/ttalloc sql/base sql/store sql/replay sql/operations",
    "sql/answers/verify": "include include/ttalloc sql/base sql/store sql/replay sql/operations sql/answers",
    "sql/answers/draw":   "include include/ttalloc sql/base sql/store sql/replay sql/answers",
    "sql/answers/check":  "include include/ttalloc sql/base sql/store sql/replay sql/answers",
    "sql/answers/tables": "include include/ttalloc sql/base sql/store sql/replay sql/operations sql/answers sql/answers/why sql/answers/verify "
                          "sql/answers/check sql/answers/draw sql/model",

    "recorder/ledger":    "include include/ttalloc sql/base sql/store sql/replay sql/totals",
    "recorder/serve":     "include include/ttalloc sql/base recorder/ledger",
    "recorder/legacy":    "include include/ttalloc sql/base recorder/ledger recorder/serve",
    "recorder":           "include include/ttalloc sql/base sql/packed sql/store sql/symbols sql/answers recorder/ledger recorder/serve recorder/legacy",

    "analyze/write":      "include include/ttalloc sql/base sql/store sql/answers",
    "analyze/watch":      "include include/ttalloc sql/base sql/store sql/answers sql/answers/live analyze/write",
    "analyze/export":     "include include/ttalloc sql/base sql/store sql/exchange sql/answers analyze/write",
    "analyze/http":       "include include/ttalloc sql/base",
    "analyze/metrics":    "include include/ttalloc sql/base sql/store sql/answers sql/answers/live analyze/write analyze/http",
    "analyze/report":     "include include/ttalloc sql/base sql/store sql/answers analyze/http",
    "analyze":            "include include/ttalloc sql/base sql/store sql/symbols sql/answers analyze/write",
    "analyze/commands":   "include include/ttalloc sql/base sql/store sql/merge sql/import sql/share sql/answers analyze analyze/write analyze/export "
                          "analyze/metrics analyze/watch analyze/report",
}

# Headers that the build makes, by the path at which they are included.
MADE = ("sql/base/vocabulary_sql.h",)

# Files of its own, headers included, that a newcomer can still overlook.
MOST_FILES = 45

# Libraries that are the business of one folder alone.
LIBRARIES = {"sqlite3.h": ("sql",), "zstd.h": ("hook", "recorder", "sql"), "ncurses.h": ("analyze",), "elfutils/libdw.h": ("sql",),
             "microhttpd.h": ("analyze",), "curl/curl.h": ("analyze",)}

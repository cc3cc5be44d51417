# SPDX-License-Identifier: Apache-2.0
"""Every include goes down: the rooms and their arrows are in rooms.py. Begins by proving that it would notice."""
import collections
import pathlib
import re
import tempfile

from lint import FOLDERS, SOURCE, report
from rooms import LIBRARIES, MADE, MOST_FILES, ROOMS

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def room_of(path, source):
    return str(path.parent.relative_to(source))


def included(path, name, source):
    """The header of ours that NAME means in PATH: of the same room, or by its path from the top, or of include/."""
    if name in MADE:
        return source / name
    for place in (path.parent, source, source / "include"):
        if (place / name).is_file():
            return (place / name).resolve()
    return None


def table_findings(rooms):
    """The table itself: each arrow has to point to a line further up."""
    above = set()
    for room, arrows in rooms.items():
        for other in arrows.split():
            if other not in above:
                yield f"rooms.py: {room} may include {other}, which does not lie below it"
        above.add(room)


def file_findings(path, source, rooms):
    room = room_of(path, source)
    if room not in rooms:
        yield f"{path.relative_to(source)}: {room} is no room of rooms.py"
        return
    for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if name in LIBRARIES and not room.startswith(LIBRARIES[name]):
            yield f"{path.relative_to(source)}: includes <{name}>"
        target = included(path, name, source) if quote == '"' else None
        if quote == '"' and not target:
            yield f"{path.relative_to(source)}: includes {name}, which is neither of its room nor a path from the top"
        if not target:
            continue
        other = room_of(target, source)
        if other != room and other not in rooms[room].split():
            yield f"{path.relative_to(source)}: includes {name} of {other}, which is not below {room}"


def findings_of(source, rooms):
    found = list(table_findings(rooms))
    files = sorted(path for folder in FOLDERS for path in (source / folder).rglob("*") if path.suffix in (".c", ".h"))
    sizes = collections.Counter(room_of(path, source) for path in files)
    found += [f"{room}: {size} files, over {MOST_FILES}" for room, size in sizes.items() if size > MOST_FILES]
    for path in files:
        found += file_findings(path, source, rooms)
    return found, len(files)


def prove_that_it_notices():
    """A small house with one fault at a time: what is found is that one, and in a sound house nothing."""
    rooms = {"sql/base": "", "sql/store": "sql/base"}
    faults = {
        "nothing": ({"sql/store/b.c": '#include "good.h"\n', "sql/store/good.h": "", "sql/base/b.c": f'#include "{MADE[0]}"\n'}, rooms, ""),
        "an include upwards": ({"sql/base/a.h": '#include "sql/store/b.h"\n', "sql/store/b.h": ""}, rooms,
                               "sql/base/a.h: includes sql/store/b.h of sql/store, which is not below sql/base"),
        "an include of a neighbour": ({"sql/attic/a.h": '#include "sql/store/b.h"\n', "sql/store/b.h": ""}, {**rooms, "sql/attic": "sql/base"},
                                      "sql/attic/a.h: includes sql/store/b.h of sql/store, which is not below sql/attic"),
        "a made header upwards": ({"sql/attic/a.h": f'#include "{MADE[0]}"\n'}, {"sql/attic": "", **rooms},
                                  "sql/attic/a.h: includes sql/base/vocabulary_sql.h of sql/base, which is not below sql/attic"),
        "a circle in the table": ({"sql/base/a.h": ""}, {"sql/base": "sql/store", "sql/store": "sql/base"},
                                  "rooms.py: sql/base may include sql/store, which does not lie below it"),
        "a room that nobody knows": ({"sql/attic/a.h": ""}, rooms, "sql/attic/a.h: sql/attic is no room of rooms.py"),
        "a header by no path": ({"sql/store/b.h": '#include "base/a.h"\n', "sql/base/a.h": ""}, rooms,
                                "sql/store/b.h: includes base/a.h, which is neither of its room nor a path from the top"),
        "a library of another folder": ({"sql/base/a.h": "#include <ncurses.h>\n"}, rooms, "sql/base/a.h: includes <ncurses.h>"),
        "a room too full": ({f"sql/base/{i}.h": "" for i in range(MOST_FILES)}, rooms, f"sql/base: {MOST_FILES + 1} files, over {MOST_FILES}"),
    }
    for fault, (files, table, expected) in faults.items():
        with tempfile.TemporaryDirectory(prefix="ttalloc-lint-") as folder:
            source = pathlib.Path(folder).resolve()
            for name, text in {"sql/store/good.c": '#include "sql/base/good.h"\n', "sql/base/good.h": "", **files}.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_text(text)
            found, _ = findings_of(source, table)
            if found != ([expected] if expected else []):
                yield f"test_layering.py: of {fault}, it says {found}"


unproved = list(prove_that_it_notices())
found, checked = findings_of(SOURCE, ROOMS)
found += [f"{room}: no README.md" for room in ROOMS if not (SOURCE / room / "README.md").is_file()]
report(unproved + found, checked)

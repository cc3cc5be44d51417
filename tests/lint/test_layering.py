# SPDX-License-Identifier: Apache-2.0
"""hook -> include <- recorder -> sql <- analyze: the only arrows between folders; everybody may include include/."""
import re

from lint import FOLDERS, SOURCE, name_of, report, sources

ALLOWED = {
    "include": {"include"},
    "hook": {"hook", "include"},
    "recorder": {"recorder", "include", "sql"},
    "sql": {"sql", "include"},
    "analyze": {"analyze", "sql", "include"},
}
# Libraries that are the business of one folder alone.
LIBRARIES = {"sqlite3.h": {"sql"}, "zstd.h": {"hook", "recorder"}, "ncurses.h": {"analyze"}, "elfutils/libdw.h": {"sql"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def home_of(path, name):
    """The folder that an included header of ours lies in."""
    for folder in (path.parent, SOURCE / "include", SOURCE, *(SOURCE / folder for folder in FOLDERS)):
        if (folder / name).is_file():
            return (folder / name).resolve().relative_to(SOURCE).parts[0]
    return None


def findings_of(path):
    folder = path.relative_to(SOURCE).parts[0]
    for _quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        home = home_of(path, name)
        if home and home not in ALLOWED[folder]:
            yield f"{name_of(path)}: includes {name} of {home}/"
        if name in LIBRARIES and folder not in LIBRARIES[name]:
            yield f"{name_of(path)}: includes <{name}>"


files = sources(*FOLDERS)
report([finding for path in files for finding in findings_of(path)], len(files))

# SPDX-License-Identifier: Apache-2.0
"""help --json: what programs are told is what verbs take and answer."""
import json
import re

from harness import Place, analyze, check, equal, main, program, run


def described(*verb):
    done = run([program("ttalloc-analyze"), "help", *verb, "--json"])
    equal((done.returncode, done.stderr), (0, ""), "help --json")
    return json.loads(done.stdout)


def every_verb_and_option_is_told():
    told = described()
    listed = re.search(r"^Verbs:?\n(.*?)^\S", run([program("ttalloc-analyze"), "help"]).stdout, re.S | re.M).group(1)
    names = re.findall(r"^  ([a-z0-9-]+) ", listed, re.M)
    check(len(names) > 20, "verbs that help lists")
    equal([verb["name"] for verb in told["verbs"]], names, "verbs")
    for verb in told["verbs"]:
        shown = run([program("ttalloc-analyze"), "help", verb["name"]]).stdout
        options = sorted(set(re.findall(r"^  (?:-., )?--([a-z0-9-]+)", shown, re.M)))
        equal(sorted(option["name"] for option in verb["options"]), options, f"options of {verb['name']}")
    equal(set(told["status"]), {"0", "1", "2", "3"}, "statuses")
    equal([verb["name"] for verb in described("peak")["verbs"]], ["peak"], "one verb")
    equal(run([program("ttalloc-analyze"), "help", "nothing", "--json"]).returncode, 2, "a verb that is not there")


def columns_are_those_of_the_answer():
    place = Place()
    file = place.file("run.db")
    run([program("ttalloc-recorder"), "-q", "-o", file, "--", program("ttalloc-trainer"), "--quiet", "--layers", "1", "--steps", "1",
         "--leak-per-step", "1K"], env=place.env, cwd=place.path)
    told = {verb["name"]: verb for verb in described()["verbs"]}
    for name in ("peak", "leaks", "timeline", "top", "processes"):
        names = {column["name"] for column in told[name]["columns"]}
        for row in analyze(name, file)["rows"]:
            check(set(row) <= names, f"{name}: {set(row) - names} is not told")
    for view in described()["views"]:
        came = analyze("sql", f"SELECT * FROM {view['name']} LIMIT 1", file)["rows"]
        check(not came or list(came[0]) == view["columns"], f"columns of the view {view['name']}: {view['columns']}")


main(every_verb_and_option_is_told, columns_are_those_of_the_answer)

# SPDX-License-Identifier: Apache-2.0
"""The page of a recording: its figures are those of the verbs, whatever a recording says is text, nothing is loaded, and
pointer and keys do what they say."""
import json
import os
import pathlib
import re
import subprocess
import urllib.error
import urllib.request

from browser import the_browser
from harness import BUILD, LONG, Generator, Place, Player, Recorder, analyze, check, equal, main, program, run, skip, start
import issued  # found by harness

PAGE_MAX_BYTES = 3_000_000
BLOCK = re.compile(r'<script type="application/json" class="panel" id="([^"]*)">(.*?)</script>', re.S)


def record(place, name, *command):
    result = run([program("ttalloc-recorder"), "-q", "-o", place.file(name), "--", *command], env=place.env, cwd=place.path, timeout=120)
    check(os.path.exists(place.file(name)), f"no recording: {result.stderr}")
    return place.file(name)


def trainer(place, name, *arguments):
    return record(place, name, program("ttalloc-trainer"), "--quiet", "--steps", "3", "--layers", "4", *arguments)


def write_report(file, *arguments):
    """The page's path, and its panels by id."""
    out = file + ".html"
    result = run([program("ttalloc-analyze"), "report", file, "-o", out, "--force", *arguments], timeout=120)
    equal(result.returncode, 0, f"report: {result.stderr}")
    equal(result.stdout, out + "\n", "what report prints")
    text = pathlib.Path(out).read_text(encoding="utf-8")
    check(len(text.encode()) < PAGE_MAX_BYTES, f"the page has {len(text.encode())} bytes")
    panels = {match[0]: json.loads(match[1]) for match in BLOCK.findall(text)}
    about = panels.pop("about")
    return out, panels, about


def rows_of(answer):
    """The rows of an answer by columns, as --json has them."""
    columns = []
    for column, values in zip(answer["columns"], answer["values"]):
        if isinstance(values, dict):
            runs = values["runs"]
            values = [value for at in range(0, len(runs), 2) for value in [runs[at]] * runs[at + 1]]
        of_texts = column["unit"] in ("text", "list", "picture")
        text = answer["texts"].__getitem__
        cells = [None if v is None else (v[0] if of_texts else text(v[0])) if isinstance(v, list) else text(v) if of_texts else v for v in values]
        if column["unit"] == "list":
            cells = [cell.split("\n") if cell is not None else [] for cell in cells]
        columns.append(cells)
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, cells)) for cells in zip(*columns)]


def check_panels(panels):
    """What each panel holds is what the command that it names answers."""
    for name, panel in panels.items():
        words = panel["command"].split(" ")
        if "'" in panel["command"]:
            words = subprocess.run(["sh", "-c", f'set -- {panel["command"]}; printf "%s\\n" "$@"'], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        check("answer" in panel, f"{name}: {panel.get('error')}")
        said = analyze(*words[1:])
        equal(rows_of(panel["answer"]), said["rows"], f"the rows of {name}")
        equal((panel["answer"]["complete"], panel["answer"]["notes"]), (said["complete"], said["notes"]), f"the notes of {name}")


def figures_are_those_of_the_verbs():
    place = Place()
    _, panels, _ = write_report(trainer(place, "run.db", "--leak-per-step", "1M", "--fail", "--fragment"))
    check({"peak", "leaks", "timeline-0-DRAM-pattern", "map-0-DRAM", "map-0-CB", "why-1"} <= panels.keys(), f"panels: {sorted(panels)}")
    check_panels(panels)


def two_recordings_are_compared():
    place = Place()
    old, new = trainer(place, "old.db"), trainer(place, "new.db", "--leak-per-step", "64M")
    out = place.file("page.html")
    equal(run([program("ttalloc-analyze"), "report", old, new, "-o", out]).returncode, 0, "the status")
    panels = {match[0]: json.loads(match[1]) for match in BLOCK.findall(pathlib.Path(out).read_text(encoding="utf-8"))}
    panels.pop("about")
    check_panels({name: panel for name, panel in panels.items() if name.startswith(("diff", "old-peak", "old-timeline-0-DRAM"))})
    check(panels["old-peak"]["command"].endswith(old) and panels["peak"]["command"].endswith(new), "which is which")
    browser = the_browser()
    browser.open(out)
    check("192 MiB (201,326,592 B) more of dataloader/prefetch in DRAM of device 0: 0 B → 192 MiB" in browser.js("return document.getElementById('findings').innerText"), "the culprit")
    check(browser.js("return old_line.most(time_line) === time_line.most(old_line) && old_line.old.most < moments.buckets.most"), "one scale")
    equal(browser.errors(), [], "errors")


def buckets_by_group_add_up():
    """timeline --by says of the fullest moment of each bucket what timeline and top say of it."""
    place = Place()
    recorder = Recorder(place)
    generator = Generator(place, arguments=["--calls", 1500, "--threads", 2, "--seed", 7])
    generator.finish()
    place.await_drained()
    train = trainer(place, "train.db")
    files = [(recorder.stop(), "label"), (train, "pattern"), (train, "step")]  # of an origin, and of each block
    for file, by in files:
        fullest = {(row["device"], row["region"], row["from_ns"]): row["max_bytes"] for row in analyze("timeline", "--buckets", "23", file)["rows"]}
        parts = {}
        for row in analyze("timeline", "--by", by, "--buckets", "23", "--top", "0", file)["rows"]:
            parts.setdefault((row["device"], row["region"], row["from_ns"]), []).append(row)
        equal({key: sum(row["bytes"] for row in rows) for key, rows in parts.items()},
              {key: most for key, most in fullest.items() if most > 0}, f"the sums of {file}")
        for key in sorted(parts)[::5]:
            at = parts[key][0]["at_ns"]
            live = analyze("top", "--by", by, "--at", at, "--device", key[0], "--region", key[1], file)["rows"]
            equal({row["group"]: row["bytes"] for row in parts[key]},
                  {row["group"] if row["group"] is None else str(row["group"]): row["bytes"] for row in live if row["bytes"]}, f"{key} at {at}")
        top = analyze("timeline", "--by", by, "--buckets", "23", "--top", "2", file)["rows"]
        sums = {}
        for row in top:
            sums[row["device"], row["region"], row["from_ns"]] = sums.get((row["device"], row["region"], row["from_ns"]), 0) + row["bytes"]
        equal(sums, {key: most for key, most in fullest.items() if most > 0}, "with the small ones together")


def many_steps_are_told_together():
    """All of them, however many, as no more lines than a page can hold."""
    place = Place()
    file = record(place, "steps.db", program("ttalloc-trainer"), "--quiet", "--steps", "9001", "--layers", "1", "--devices", "1")
    numbers = [row["number"] for row in analyze("sql", "SELECT DISTINCT number FROM step ORDER BY number", file)["rows"]]
    check(len(numbers) == 9001, f"{len(numbers)} steps")
    _, panels, _ = write_report(file)
    rows = rows_of(panels["steps"]["answer"])
    equal([number for row in rows for number in range(row["number"], row["through"] + 1)], numbers, "the steps of the page")
    equal(len(rows), 3001, "lines")
    first = analyze("sql", "SELECT min(at_ns) AS at_ns FROM step WHERE number = (SELECT max(number) FROM step)", file)["rows"][0]["at_ns"]
    equal(rows[-1]["at_ns"], first, "when the last one began")


def the_map_has_all_blocks_or_says_so():
    place = Place()
    file = trainer(place, "run.db", "--leak-per-step", "1M")
    blocks = analyze("sql", "SELECT allocation_id, device, region, address, bank_bytes, alloc_ns, free_ns, ended FROM allocation WHERE region <> 'CB' ORDER BY 1", file)["rows"]
    all_rows = [row for row in analyze("map", "--blocks", "100000", file)["rows"] if row["region"] != "CB"]
    equal(sorted((r["allocation_id"], r["device"], r["region"], r["address"], r["bank_bytes"], r["alloc_ns"], r["end_ns"], r["ended"]) for r in all_rows),
          [(r["allocation_id"], r["device"], r["region"], r["address"], r["bank_bytes"], r["alloc_ns"], r["free_ns"], r["ended"]) for r in blocks], "all blocks")
    few = analyze("map", "--blocks", "40", "--device", "0", "--region", "DRAM", file)
    count = len([row for row in blocks if (row["device"], row["region"]) == (0, "DRAM")])
    check(len(few["rows"]) <= 40 and any(f"{count - len(few['rows'])} of {count} blocks are left out" in note for note in few["notes"]), f"{few['notes']}")
    peak = [row for row in analyze("peak", "--device", "0", "--region", "DRAM", file)["rows"]][0]["peak_ns"]
    largest = max((row["bank_bytes"] for row in blocks if row["device"] == 0 and row["region"] == "DRAM" and row["alloc_ns"] <= peak < (row["free_ns"] or 1 << 62)))
    check(any(row["bank_bytes"] == largest and row["alloc_ns"] <= peak for row in few["rows"]), "the largest block of the peak is kept")


def the_density_is_that_of_all_blocks():
    """Each cell against all blocks, which map lists when it is allowed to."""
    place = Place()
    file = trainer(place, "run.db")
    parts, length = 40, analyze("info", file)["rows"][0]["duration_ns"]
    width = (length + 1) / parts
    for region in "DRAM", "L1":
        blocks = analyze("map", "--blocks", "100000", "--device", "0", "--region", region, file)["rows"]
        rows = analyze("density", "--parts", parts, "--device", "0", "--region", region, file)["rows"]
        said = {}
        for row in rows:
            for part in range(round(row["from_ns"] / width), round(row["to_ns"] / width)):
                said[row["address"], part] = row["share"]
        height = rows[0]["bank_bytes"]
        equal([row for row in rows if row["bank_bytes"] != height or row["address"] % height], [], "bands")
        full = {}
        for block in blocks:
            ends = length if block["end_ns"] is None else min(block["end_ns"], length)
            for band in range(block["address"] // height, (block["address"] + block["bank_bytes"] - 1) // height + 1):
                tall = min((band + 1) * height, block["address"] + block["bank_bytes"]) - max(band * height, block["address"])
                for part in range(int(block["alloc_ns"] / width), min(int(ends / width), parts - 1) + 1):
                    wide = min((part + 1) * width, ends) - max(part * width, block["alloc_ns"])
                    full[band * height, part] = full.get((band * height, part), 0) + max(wide, 0) / width * tall / height
        equal(sorted(set(full) ^ set(said)), [], f"{region}: cells that blocks lie in")
        off = {cell: (said[cell], share) for cell, share in full.items() if not share - 0.01 < said[cell] < share + 1 / 64 + 0.01}
        equal(off, {}, f"{region}: what is said, and what is so")


def circular_buffers_stay_while_their_program_runs():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    for number, base in ((1, 4096), (2, 8192)):
        player.cb_alloc(number, base, 1024 * number)
    for number in (1, 2, 1):
        player.program_run(number)
    player.flush()
    player.end()
    place.await_drained()
    rows = analyze("map", "--region", "CB", recorder.stop())["rows"]
    equal([(row["address"], row["bank_bytes"], row["end_ns"] is None) for row in rows if row["address"] == 8192], [(8192, 2048, False)] * 2, "of the second: from its alloc to the first run, and its run")
    runs = [(row["alloc_ns"], row["end_ns"]) for row in rows]
    check(all(a[1] <= b[0] or a[0] == b[0] for a, b in zip(runs, runs[1:])), f"one program at a time: {rows}")


MARKUP = ["</script><script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "\"'><svg/onload=window.hit=1>", "<!--", "]]>", "${window.hit=1}", "javascript:window.hit=1", "\u2028</style>"]


def nothing_in_a_recording_runs():
    """Markup as label, thread, command, file name, what the allocator said, kernel and host."""
    place = Place()
    recorder = Recorder(place, name="a<img src=x onerror='window.hit=1'>.db")
    player = Player(place)
    for at, text in enumerate(MARKUP):
        label = text.replace(" ", "\u00a0")
        player.push(label)
        player.alloc(0x1000 * (at + 1), 64)
        player.failed(1 << 40, why=label)
        player.pop()
    player.cb_alloc(1, 4096, 1024)
    player.flush()
    player.end()
    place.await_drained()
    file = recorder.stop()
    import sqlite3
    with sqlite3.connect(file) as db:
        for table, column in ("process_info", "command"), ("process_info", "executable"), ("thread_info", "name"), ("recording_info", "host"), ("recording_info", "command"), ("recording_info", "user"):
            db.execute(f"UPDATE {table} SET {column} = ?", (" ".join(MARKUP),))
    db.close()
    out, panels, _ = write_report(file)
    text = pathlib.Path(out).read_text(encoding="utf-8")
    equal(len(re.findall("<script", text)), len(panels) + 2, "scripts in the page")
    check(any(MARKUP[1].replace(" ", "\u00a0") in (row["label"] or "") for row in rows_of(panels["leaks"]["answer"])), "the labels are there")
    browser = the_browser()
    browser.open(out)
    equal(browser.js("return window.hit === undefined"), True, "nothing ran")
    equal(browser.js("return document.querySelectorAll('img, svg, iframe, object').length"), 0, "no element came of a text")
    check("<img" in browser.js("return document.body.innerText"), "the texts can be read")
    for by in browser.js("return [...document.querySelectorAll('#by option')].map(o => o.value)"):
        browser.js("change({by: arguments[0], at: null})", by)
    equal(browser.errors(), [], "errors")
    equal(browser.js("return window.hit === undefined"), True, "nothing ran")


def the_page_loads_nothing_and_answers():
    place = Place()
    out, panels, _ = write_report(trainer(place, "run.db", "--leak-per-step", "1M"))
    browser = the_browser()
    browser.requests()
    browser.open(out)
    equal(browser.errors(), [], "errors")
    equal([url for url in browser.requests() if not url.startswith(("file:", "data:", "about:", "chrome:"))], [], "requests")
    peak = next(row for row in rows_of(panels["peak"]["answer"]) if (row["device"], row["region"]) == (0, "DRAM"))
    exact = f"{peak['peak_bytes']:,}"
    check(exact in browser.js("return document.getElementById('tiles').innerText"), f"{exact} on the tiles")
    check(f"{exact} B live" in browser.js("return document.getElementById('moment').innerText"), "the first moment is the peak")
    check("Never freed: 3.00 MiB (3,145,728 B) in 3 blocks of dataloader/prefetch" in browser.js("return document.getElementById('findings').innerText"), "the leak is found")
    # a click chooses a moment, whose figures are those of top --at
    browser.pointer("#time-line canvas", (0.5, 0.6))
    browser.wait("return state.at !== null", "a moment")
    at = browser.js("return moments.at()")
    live = analyze("top", "--by", "pattern", "--at", at, "--device", "0", "--region", "DRAM", place.file("run.db"))["rows"]
    browser.wait(f"return document.getElementById('moment').innerText.includes('{sum(row['bytes'] for row in live):,} B live')", "the moment's figure")
    # a brush zooms; keys move, zoom, and show all
    whole = browser.js("return state.end - state.start")
    browser.pointer("#time-line canvas", (0.4, 0.5), (0.5, 0.5), (0.6, 0.5))
    browser.wait(f"return state.end - state.start < {whole} * 0.4", "the zoom")
    browser.keys("#address-map canvas", "0")
    browser.wait(f"return state.end - state.start === {whole}", "all of it")
    browser.keys("#address-map canvas", "ArrowRight")
    browser.wait(f"return moments.at() > {at}", "the next moment")
    browser.keys("#address-map canvas", "]")
    browser.wait("return state.block !== null && document.querySelector('.chosen') !== null", "a block")
    browser.pointer("#address-map canvas", (0.3, 0.3), (0.4, 0.5), (0.5, 0.7))
    browser.wait("return state.low !== null && location.hash.includes('low=')", "a part of the addresses")
    # the link leads to the same picture
    link = browser.js("return location.href")
    low = browser.js("return state.low")
    browser.open(link)
    equal(browser.js("return state.low"), low, "the link's addresses")
    browser.js("document.getElementById('theme').click()")
    browser.wait("return document.documentElement.dataset.theme === 'dark'", "dark")
    for view in "L1", "CB", "KERNEL":
        browser.js("change({view: arguments[0], at: null, low: null, high: null})", view)
        browser.wait("return moments.buckets !== null && drawn.key.includes(state.view)", view)
    equal(browser.errors(), [], "errors")


def pictures_beside_the_map():
    """Blocks that are not drawn one by one are there as shades; the grid of cores and the bank over time have the verbs' figures."""
    place = Place()
    file = trainer(place, "run.db", "--steps", "40", "--leak-per-step", "1M")
    out, panels, _ = write_report(file)
    check("density-0-CB" in panels and "density-0-TRACE" not in panels, f"what is left out, and what is not: {sorted(panels)}")
    browser = the_browser()
    browser.open(out)
    shades = browser.js("return address_map.blocks.density.length")
    equal((shades > 0, browser.js("return document.getElementById('density-key').hidden")), (bool(shades), not shades), "the key of shades")
    browser.js("change({view: 'CB', at: null})")
    browser.wait("return drawn.key.includes('CB') && address_map.blocks.density.length > 0", "shades of circular buffers")
    browser.wait("return document.querySelectorAll('.cores > span').length > 0", "the cores")
    cores = rows_of(panels["cores-0"]["answer"])
    equal(browser.js("return document.querySelectorAll('.cores > span').length"), len(cores), "cores")
    most = max(row["bytes"] for row in cores)
    check(f"{most:,} B" in browser.js("return document.querySelector('.cores').previousSibling.innerText"), "the fullest core")
    samples = [row for row in rows_of(panels["fragmentation"]["answer"]) if (row["device"], row["region"]) == (0, "L1")]
    browser.js("change({view: 'L1'})")
    browser.wait("return fragmentation_line.samples().length > 0", "samples")
    equal(browser.js("return fragmentation_line.samples().map(row => [row.at_ns, row.used_bytes, row.largest_free_bytes])"),
          [[row["at_ns"], row["used_bytes"], row["largest_free_bytes"]] for row in samples], "the bank over time")
    equal(browser.errors(), [], "errors")


def a_clash(place):
    """Circular buffers of a program grow into a block that was never given back."""
    recorder = Recorder(place, name="clash.db")
    player = Player(place)
    player.open([issued.Layout(issued.L1, 64, 1 << 20, 1 << 16, 32)])
    player.push("attention/kept")
    player.alloc((1 << 16) + 4096, 64 * 2048, 2048, region=issued.L1)
    player.pop()
    player.push("matmul")
    player.cb_alloc(7, 1 << 16, 4096 + 1024)
    player.failed(4096 + 1024, 4096 + 1024, region=issued.CB, why="clash")
    player.end()
    place.await_drained()
    return [recorder.stop()], "Clash:", "attention/kept"


def the_culprit_is_seen_first():
    """What stands at the top of the first screen, of five programs that each have one fault. The pictures are kept in the build."""
    pictures = pathlib.Path(BUILD) / "pictures"
    pictures.mkdir(exist_ok=True)
    place = Place()
    cases = {
        "leak": ([trainer(place, "leak.db", "--devices", "1", "--leak-per-step", "64M")], "Never freed", "dataloader/prefetch"),
        "growth": ([record(place, "growth.db", program("ttalloc-trainer"), "--quiet", "--steps", "6", "--layers", "4", "--devices", "1", "--leak-per-step", "3M")],
                   "Grows from step to step", "3.00 MiB (3,145,728 B) in each of dataloader/prefetch"),
        "fragmentation": ([record(place, "fragmentation.db", program("ttalloc-trainer"), "--quiet", "--devices", "1", "--evaluate", "--keep-semaphores")],
                          "Out of memory, fragmented", "model/head/head/all_gather"),
        "regression": ([trainer(place, "before.db", "--devices", "1"), trainer(place, "after.db", "--devices", "1", "--tokens", "1300")],
                       "At the peak", "model/layer.*/attention/softmax"),
        "clash": a_clash(place),
    }
    browser = the_browser()
    for name, (files, finding, culprit) in cases.items():
        out = place.file(name + ".html")
        equal(run([program("ttalloc-analyze"), "report", *files, "-o", out]).returncode, 0, f"report of {name}")
        browser.open(out)
        found = browser.js("return [...document.querySelectorAll('.finding')].map(f => [f.innerText, f.getBoundingClientRect().bottom])")
        check(any(finding in text and culprit in text and bottom < 600 for text, bottom in found), f"{name}: {found}")
        check(browser.js("return document.querySelector('#time-line canvas').getBoundingClientRect().bottom") < 900, f"{name}: its picture is on the first screen")
        browser.screenshot(pictures / f"{name}.png")
        equal(browser.errors(), [], f"errors of {name}")


def a_large_recording_is_drawn():
    """Ten million events where there is time, in a page that a mail takes, and that counts what it does not draw."""
    place = Place()
    file = record(place, "large.db", "env", "TTALLOC_FULL_WAIT_MS=60000", program("ttalloc-trainer"), "--quiet", "--events", "10000000" if LONG else "300000", "--leak-per-step", "100K")
    out, panels, about = write_report(file)
    check(bool(about.get("left_out")) == LONG, "what is left out is said")
    browser = the_browser()
    browser.open(out)
    note = next(note for note in panels["map-0-DRAM"]["answer"]["notes"] if "left out" in note)
    check(note in browser.js("return document.getElementById('picture-commands').innerText"), "the note")
    check(browser.js("return address_map.blocks.list.filter(block => block.leaked).length") > 20, "leaks that are drawn")
    check(browser.js("return address_map.blocks.density.length") > 500, "shades")
    equal(browser.errors(), [], "errors")


def parts_of_a_recording():
    """A page of what a file is about: of one that was cut, of one of several, and of several together."""
    place = Place()
    browser = the_browser()
    whole = trainer(place, "whole.db")
    cut = place.file("cut.ttalloc")
    equal(run([program("ttalloc-analyze"), "share", whole, "--step", "2", "-o", cut]).returncode, 0, "share")
    run([program("ttalloc-recorder"), "-q", "--rotate", "1M", "-o", place.file("several.db"), "--", program("ttalloc-trainer"), "--quiet", "--events", "300000"], env=place.env, timeout=120)
    several = sorted(str(path) for path in place.path.glob("several*.db"))
    check(len(several) > 2, f"{several}")
    for name, files in ("cut", [cut]), ("one of several", [several[0]]), ("several", several):  # the last one may hold next to nothing
        out = place.file("page.html")
        equal(run([program("ttalloc-analyze"), "report", *files, "-o", out, "-f"], timeout=120).returncode, 0, name)
        panels = {match[0]: json.loads(match[1]) for match in BLOCK.findall(pathlib.Path(out).read_text(encoding="utf-8"))}
        about = panels.pop("about")
        check_panels({panel: panels[panel] for panel in ("peak", "timeline-0-DRAM-class", "map-0-DRAM")})
        timeline = rows_of(panels["timeline-0-DRAM-class"]["answer"])
        began, ended = about.get("start", 0), about.get("end", rows_of(panels["info"]["answer"])[0]["duration_ns"])
        length = ended - began
        check(timeline[0]["from_ns"] - began < length * 0.2 and ended - timeline[-1]["to_ns"] < length * 0.2, f"{name}: {began} to {ended}, of which {timeline[0]['from_ns']} to {timeline[-1]['to_ns']} is drawn")
        browser.open(out)
        peak = next(row for row in rows_of(panels["peak"]["answer"]) if (row["device"], row["region"]) == (0, "DRAM"))
        check(f"{peak['peak_bytes']:,} B live" in browser.js("return document.getElementById('moment').innerText"), f"{name}: the peak")
        equal(browser.errors(), [], f"errors of {name}")
    check(f"({len(several)} files)" in browser.js("return document.getElementById('title').innerText"), "their names")


def operations_lie_below_the_time_line():
    """A long one by itself, thousands of short ones as pieces that count them all, in the same time as the line above."""
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.op("ns::LongDeviceOperation")
    player.alloc(0x1000, 4096)
    check(player.flush(), "flush")  # so that it is seen, beside the others
    player.end_op()
    player.use_thread(1)
    player.tell("ops", MARKUP[1].replace(" ", "_"), 0x2000, 4000)
    player.end()
    place.await_drained()
    file = recorder.stop()
    out, panels, _ = write_report(file)
    check_panels({"operations": panels["operations"]})
    rows = rows_of(panels["operations"]["answer"])
    equal((rows[0]["name"], rows[0]["number"], rows[0]["operations"]), ("ns::LongDeviceOperation", 1, 1), "the long one")
    equal(sum(row["operations"] for row in rows), 4001, "operations in all")
    check(len(rows) <= 2 * 1600 + 1, f"{len(rows)} rows")
    browser = the_browser()
    browser.open(out)
    equal(browser.js("return [operation_lines.host.hidden, operation_lines.lanes.length]"), [False, 2], "a lane for each thread")
    place_of = browser.js("const p = operation_lines.lanes.find(l => l.pieces.some(p => p.number === 1)), i = operation_lines.lanes.indexOf(p), "
                          "o = p.pieces[0]; operation_lines.hover({x: operation_lines.x_of((o.begin_ns + o.end_ns) / 2), y: operation_lines.plot.y + (i + 0.5) * lane_height}); "
                          "return operation_lines.tip.innerText")
    check("ns::LongDeviceOperation #1" in place_of, f"the tip says {place_of}")
    whole = browser.js("return state.end - state.start")
    browser.pointer("#operation-lines canvas", (0.4, 0.4), (0.5, 0.4), (0.6, 0.4))
    browser.wait(f"return state.end - state.start < {whole} * 0.4", "the zoom")
    equal(browser.errors(), [], "errors")


def empty_incomplete_and_many():
    place = Place()
    browser = the_browser()
    # nothing at all
    recorder = Recorder(place, name="empty.db")
    out, panels, _ = write_report(recorder.stop())
    browser.open(out)
    check("complete" in browser.js("return document.getElementById('trusted').innerText"), "empty")
    # a recorder that was killed
    recorder = Recorder(place, name="killed.db")
    player = Player(place)
    player.alloc(0x1000, 4096)
    check(player.flush(), "it is committed")
    recorder.kill()
    out, panels, _ = write_report(place.file("killed.db"))
    browser.open(out)
    check("INCOMPLETE" in browser.js("return document.getElementById('trusted').innerText"), "incomplete")
    player.kill()
    # 32 chips, which are alike
    out, panels, _ = write_report(trainer(place, "many.db", "--devices", "8", "--processes", "4", "--steps", "1"))
    equal({name.split("-")[1] for name in panels if name.startswith("map-")}, {"0"}, "chips that are drawn")
    browser.open(out)
    check("32 alike" in browser.js("return document.getElementById('device').innerText"), "they are one")
    equal(browser.errors(), [], "errors")


def serve(place, file, *arguments, **options):
    """The server's process and its link."""
    process = start([program("ttalloc-analyze"), "serve", file, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    link = process.stdout.readline().strip()
    if not link and "without libmicrohttpd" in process.stderr.read():
        skip("this build serves nothing: libmicrohttpd-dev is missing")
    check(re.fullmatch(r"http://127\.0\.0\.1:[0-9]+/[0-9a-f]{32}/", link), f"the link: {link!r}")
    return process, link


def get(address):
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            return response.status, response.read(), dict(response.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def served_answers_are_those_of_the_verbs():
    place = Place()
    file = trainer(place, "run.db", "--leak-per-step", "1M")
    process, link = serve(place, file)
    status, page, headers = get(link)
    about = json.loads(dict(BLOCK.findall(page.decode()))["about"])
    check(status == 200 and "default-src 'none'" in headers["Content-Security-Policy"] and headers["Cache-Control"] == "no-store", f"{headers}")
    length = analyze("info", file)["rows"][0]["duration_ns"]
    middle = analyze("peak", "--device", "0", "--region", "DRAM", file)["rows"][0]["peak_ns"]
    for name, query in (("peak", ""), ("leaks-by", ""), ("timeline-0-DRAM-pattern", f"start={middle - 100000}&end={middle + 50000}"), ("map-0-DRAM", f"start={middle}&end={middle}"),
                        ("map-0-CB", ""), ("moment-0-DRAM-pattern", f"at={middle}"), ("timeline-1-DRAM-class", f"start=0&end={length}") if "map-1-DRAM" in about["panels"] else ("info", "")):
        status, answer, headers = get(f"{link}data/{name}?{query}")
        equal((status, headers["Content-Type"]), (200, "application/json"), name)
        check_panels({name: json.loads(answer)})
    # others, and what is no number, learn nothing
    token = link.split("/")[3]
    for address in (link.replace(token, "0" * 32), link.replace(token + "/", ""), link.replace(token, token[:-1]), link + "data/nothing", link + "../run.db", link + "data/info/../../x"):
        equal(get(address)[0], 404, address)
    for query in "at=1;DROP", "start=-1&end=2", "at=9" + "9" * 40, "at=1%20OR%201":
        equal(get(f"{link}data/moment-0-DRAM-pattern?{query}")[0], 400, query)
    equal(get(link + "data/peak?at=5")[0], 200, "what a verb does not take")
    process.terminate()
    equal(process.wait(20), 0, "the status")


def a_part_is_asked_for():
    """What is zoomed to is drawn from all that was there, and a moment in L1 has the cores of that moment."""
    place = Place()
    file = trainer(place, "run.db", "--leak-per-step", "1M")
    process, link = serve(place, file)
    browser = the_browser()
    browser.open(link)
    middle = analyze("peak", "--device", "0", "--region", "CB", file)["rows"][0]["peak_ns"]
    start, end = middle - 300000, middle + 200000
    browser.js("change({view: 'CB', at: null}); zoom_to(arguments[0], arguments[1])", start, end)
    part = ["--start", str(start), "--end", str(end)]
    browser.wait(f"return drawn.maps && drawn.maps.length === 2 && drawn.maps[1].command.includes('--start {start} --end {end}')", "the part")
    options = re.search(r"(--blocks [0-9]+ --parts [0-9]+)", browser.js("return drawn.maps[1].command"))[1].split()
    blocks = [analyze("map", *options, "--device", "0", "--region", region, *part, file)["rows"] for region in ("L1", "CB")]
    equal(sorted(browser.js("return address_map.blocks.list.map(block => [block.allocation_id, block.alloc_ns])")),
          sorted([row["allocation_id"], row["alloc_ns"]] for rows in blocks for row in rows), "blocks of the part")
    browser.js("change({at: arguments[0]})", middle)
    browser.wait("const grid = document.querySelector('.cores'); return grid && grid.previousSibling.innerText.startsWith('then')", "the cores then")
    cores = analyze("peak", "--by", "core", "--region", "CB", "--device", "0", "--start", middle, "--end", middle, "-n", "0", file)["rows"]
    equal(browser.js("return [...document.querySelectorAll('.cores > span')].map(cell => cell.title)"),
          browser.js("return arguments[0].map(([name, bytes]) => `core ${name}: ${both_text(bytes)}`)", [[row["group"], row["bytes"]] for row in cores]), "each core")
    equal(browser.errors(), [], "errors")
    process.terminate()
    equal(process.wait(20), 0, "the status")


def a_recording_is_followed():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.push("first")
    player.alloc(0x1000, 4096)
    player.flush()
    process, link = serve(place, recorder.file)
    browser = the_browser()
    browser.open(link)
    check("recording" in browser.js("return document.getElementById('trusted').innerText"), "it says that it goes on")
    player.alloc(0x9000, 1 << 20)
    player.flush()
    browser.wait("return document.getElementById('tiles').innerText.includes('1,052,672')", "the new peak")
    player.free(0x9000)
    at = browser.js("return facts.peaks[0].peak_ns")
    browser.js("change({at: arguments[0]})", at)
    browser.wait("return document.getElementById('moment').innerText.includes('1,052,672 B live')", "the moment itself")
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal(sorted(path.name for path in place.path.glob("run.db*")), ["run.db"], "one single file, although it is served")
    browser.wait("return !about.recording && document.documentElement.dataset.ready === 'yes'", "the end")
    check("complete" in browser.js("return document.getElementById('trusted').innerText"), f"the end of {file}")
    check("1,052,672" in browser.js("return document.getElementById('tiles').innerText"), f"the peak of {file}")
    equal(browser.errors(), [], "errors")
    process.terminate()
    equal(process.wait(20), 0, "the status")


def the_recorder_serves_it():
    place = Place()
    process = start([program("ttalloc-recorder"), "--serve", "-o", place.file("run.db"), "--", "sh", "-c", "read line"], env=place.env, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = process.stderr.readline()
    if "without libmicrohttpd" in said:
        process.stdin.close()
        process.wait(60)
        skip("this build serves nothing: libmicrohttpd-dev is missing")
    link = said.rpartition(" ")[2].strip()
    equal(get(link)[0], 200, f"the page at {said!r}")
    process.stdin.close()
    equal(process.wait(60), 1, "the command's status")
    try:
        get(link)
        check(False, "it goes on")
    except OSError:
        pass


def files_are_kept():
    place = Place()
    file = trainer(place, "run.db")
    out = place.file("page.html")
    pathlib.Path(out).write_text("mine", encoding="utf-8")
    result = run([program("ttalloc-analyze"), "report", file, "-o", out])
    equal((result.returncode, pathlib.Path(out).read_text(encoding="utf-8")), (2, "mine"), "a file that exists")
    check("--force" in result.stderr, result.stderr)
    equal(run([program("ttalloc-analyze"), "report", file, "-o", out, "-f", "-q"]).stdout, "", "quiet")
    equal([path.name for path in place.path.glob("page.html*")], ["page.html"], "nothing is left behind")
    result = run([program("ttalloc-analyze"), "report", file, "-o", "-"])
    check(result.stdout.startswith("<!doctype html>") and result.returncode == 0, "to standard output")


main(figures_are_those_of_the_verbs, two_recordings_are_compared, buckets_by_group_add_up, many_steps_are_told_together, the_map_has_all_blocks_or_says_so, the_density_is_that_of_all_blocks, circular_buffers_stay_while_their_program_runs,
     nothing_in_a_recording_runs, the_page_loads_nothing_and_answers, pictures_beside_the_map, the_culprit_is_seen_first, a_large_recording_is_drawn, parts_of_a_recording, operations_lie_below_the_time_line, empty_incomplete_and_many,
     served_answers_are_those_of_the_verbs, a_part_is_asked_for, a_recording_is_followed, the_recorder_serves_it, files_are_kept)

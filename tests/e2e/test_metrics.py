# SPDX-License-Identifier: Apache-2.0
"""Metrics: their figures are the verbs', what they are read by reads them, and the rules and the dashboard that come with them ask for
what there is. Prometheus is Debian's, unpacked and not installed."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket as sockets
import subprocess
import tempfile
import urllib.error
import urllib.request

from harness import (BUILD, SOURCE, Place, Player, Recorder, analyze, check, equal, issued, main, program, run, skip, start,
                     wait_until)

EXAMPLES = SOURCE / "examples/monitoring"
LAYOUT = issued.Layout(region=issued.DRAM, banks=4, bank_bytes=1 << 20, base=0, alignment=64)
SAMPLE = re.compile(r'^(ttalloc_\w+)(?:\{(.*)\})? (\S+)$')


def samples(text):
    """{(name, labels without those of processes): value}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        parts = SAMPLE.match(line)
        check(parts, f"no sample: {line!r}")
        labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', parts.group(2) or "")))
        check((parts.group(1), labels) not in found, f"twice: {line}")
        found[parts.group(1), labels] = float(parts.group(3))
    return found


def metrics(file, *arguments):
    done = run([program("ttalloc-analyze"), "metrics", *arguments, file])
    equal(done.returncode, 0, f"status ({done.stderr})")
    return done.stdout


def tool(name):
    """A program of Debian's package prometheus, or of one of its own, as in Debian 13; unpacked once into the build directory."""
    found = shutil.which(name)
    if found:
        return found
    unpacked = BUILD / "prometheus"
    if not (unpacked / "usr/bin" / name).is_file():
        with tempfile.TemporaryDirectory() as folder:
            for package in ("prometheus", name):
                if shutil.which("apt-get"):
                    run(["apt-get", "download", "-qq", package], cwd=folder, timeout=120)
            for package in pathlib.Path(folder).glob("*.deb"):
                run(["dpkg-deb", "-x", str(package), str(unpacked)])
    if not (unpacked / "usr/bin" / name).is_file():
        skip(f"there is no {name}, and no package has it")
    return str(unpacked / "usr/bin" / name)


def fetch(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def figures_are_the_verbs():
    place = Place()
    recorder = Recorder(place)
    player = Player(place)
    player.open([LAYOUT])
    for at in range(8):
        player.alloc(at * 65536, 4 * 65536, bank=65536)
    for at in (1, 3, 5):
        player.free(at * 65536)
    player.failed(1 << 30, bank=1 << 28, why="no_room")
    check(player.flush(), "not committed")
    found = samples(metrics(recorder.file))
    here = (("device", "0"), ("region", "DRAM"))
    peak, = [row for row in analyze("peak", recorder.file)["rows"] if row["region"] == "DRAM"]
    holes = analyze("fragmentation", recorder.file)["rows"][-1]
    expected = {"ttalloc_live_bytes": 5 * 4 * 65536, "ttalloc_live_bank_bytes": 5 * 65536, "ttalloc_live_blocks": 5,
                "ttalloc_peak_bytes": peak["peak_bytes"], "ttalloc_peak_bank_bytes": peak["peak_bank_bytes"],
                "ttalloc_bank_size_bytes": 1 << 20, "ttalloc_free_bank_bytes": holes["free_bytes"],
                "ttalloc_largest_free_bank_bytes": holes["largest_free_bytes"]}
    equal({name: found[name, here] for name in expected}, expected, "metrics of the region")
    check(abs(found["ttalloc_fragmentation_ratio", here] - holes["external_fragmentation"]) < 1e-5, "fragmentation")
    equal(found["ttalloc_failures_total", ()], 1, "failures")
    equal(found["ttalloc_processes", ()], 1, "processes")
    equal(found["ttalloc_process_live_bytes", (("device", "0"), ("pid", str(player.pid)), ("program", "ttalloc-player"), ("region", "DRAM"))],
          5 * 4 * 65536, "what the process holds")
    player.end()
    place.await_drained()
    ended = samples(metrics(recorder.stop()))
    equal((ended["ttalloc_live_bytes", here], ended["ttalloc_recording_ended", ()]), (0, 1), "metrics of an ended recording")


def processes_are_bounded():
    place = Place()
    recorder = Recorder(place)
    players = [Player(place) for _ in range(35)]
    for number, player in enumerate(players):
        player.alloc(4096, 1000 + number)
        check(player.flush(), "not committed")
    held = {labels: value for (name, labels), value in samples(metrics(recorder.file)).items() if name == "ttalloc_process_live_bytes"}
    equal(len(held), 33, "series of processes")
    others = [value for labels, value in held.items() if ("pid", "other") in labels]
    equal(others, [1000 + 1001 + 1002], "what the smallest hold together")
    equal(sum(held.values()), sum(range(1000, 1035)), "what all hold")
    for player in players:
        player.end()
    place.await_drained()
    recorder.stop()


def the_recorder_serves_them():
    place = Place()
    recorder = start([program("ttalloc-recorder"), "--metrics", "127.0.0.1:0", "--metrics-file", place.file("ttalloc.prom"), "-o",
                      place.file("run.db"), "--socket", place.socket], env=place.env, cwd=place.path, stdin=subprocess.DEVNULL,
                     stderr=open(place.file("said"), "w", encoding="utf-8"))
    said = pathlib.Path(place.file("said"))
    url = wait_until(lambda: re.search(r"metrics at (http://\S+)", said.read_text(encoding="utf-8")) or recorder.poll(), "the address")
    if isinstance(url, int) or "without libmicrohttpd" in said.read_text(encoding="utf-8"):
        skip(said.read_text(encoding="utf-8"))
    url = url.group(1)
    player = Player(place)
    player.alloc(4096, 12345)
    check(player.flush(), "not committed")
    line = 'ttalloc_live_bytes{device="0",region="DRAM"} 12345\n'
    wait_until(lambda: line in fetch(url)[1], "the block in the metrics")
    kind, text = fetch(url, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    check(kind.startswith("application/openmetrics-text"), kind)
    check(text.endswith("# EOF\n") and "# TYPE ttalloc_events counter" in text, "OpenMetrics")
    for wrong, status in ((url + "x", 404), (url.replace("/metrics", "/../etc/passwd"), 404)):
        try:
            fetch(wrong)
            check(False, f"{wrong} was answered")
        except urllib.error.HTTPError as error:
            equal(error.code, status, wrong)
    player.end()
    place.await_drained()
    recorder.send_signal(signal.SIGTERM)
    equal(recorder.wait(60), 0, f"status ({said.read_text(encoding='utf-8')})")
    check("ttalloc_recording_ended 1\n" in pathlib.Path(place.file("ttalloc.prom")).read_text(encoding="utf-8"), "the file's last state")
    equal(sorted(path.name for path in place.path.glob("ttalloc.prom*")), ["ttalloc.prom"], "files of metrics")


def free_port():
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prometheus_scrapes_them():
    prometheus, promtool, place = tool("prometheus"), tool("promtool"), Place()
    recorder = Recorder(place)
    player = Player(place)
    player.alloc(4096, 54321)
    check(player.flush(), "not committed")
    said = subprocess.run([promtool, "check", "metrics"], input=metrics(recorder.file), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    equal((said.returncode, said.stdout), (0, ""), "promtool check metrics")
    server = start([program("ttalloc-analyze"), "metrics", "--listen", "127.0.0.1:0", recorder.file], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    if not url:
        skip("this build has no libmicrohttpd")
    place_of_it, port = url.removeprefix("http://").removesuffix("/metrics"), free_port()
    config = (EXAMPLES / "prometheus.yml").read_text(encoding="utf-8").replace("127.0.0.1:9464", place_of_it).replace("15s", "200ms")
    pathlib.Path(place.file("prometheus.yml")).write_text(config, encoding="utf-8")
    shutil.copy(EXAMPLES / "alerts.yml", place.path)
    start([prometheus, f"--config.file={place.file('prometheus.yml')}", f"--storage.tsdb.path={place.file('tsdb')}",
           f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=open(place.file("log"), "w", encoding="utf-8"))

    def value():
        try:
            answer = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/query?query=ttalloc_live_bytes")[1])
            return [result["value"][1] for result in answer["data"]["result"]]
        except (OSError, ValueError):
            return None

    equal(wait_until(value, "Prometheus to have scraped", 60), ["54321"], "what Prometheus has")
    player.end()
    place.await_drained()
    recorder.stop()


def rules_and_dashboard_ask_for_what_there_is():
    promtool, place = tool("promtool"), Place()
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        said = run([promtool, *arguments], cwd=EXAMPLES)
        equal(said.returncode, 0, f"promtool {arguments}: {said.stdout}{said.stderr}")
    dashboard = json.loads((EXAMPLES / "grafana.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": re.sub(r"\$__\w+", "5m", expression)} for number, expression in enumerate(asked)]
    pathlib.Path(place.file("panels.json")).write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    said = run([promtool, "check", "rules", place.file("panels.json")])
    equal(said.returncode, 0, f"expressions of the dashboard: {said.stdout}{said.stderr}")
    recorder = Recorder(place)
    names = {name for name, _ in samples(metrics(recorder.file))} | set(re.findall(r"# TYPE (\w+)", metrics(recorder.file)))
    recorder.stop()
    wanted = re.findall(r"\bttalloc_\w+", " ".join(asked) + (EXAMPLES / "alerts.yml").read_text(encoding="utf-8"))
    equal(sorted(set(wanted) - names), [], "metrics that are asked for, and are none")


def trouble_is_said():
    place = Place()
    for arguments, word in ((["--listen", "nowhere"], "ADDRESS:PORT"), (["--refresh", "1", "--output", "x"], "--refresh"),
                            (["--listen", "192.0.2.1:9"], "cannot listen")):
        recorder = Recorder(place)
        recorder.stop()
        done = run([program("ttalloc-analyze"), "metrics", *arguments, recorder.file], cwd=place.path)
        os.unlink(recorder.file)
        equal(done.returncode, 2, f"status of {arguments}")
        check(word in done.stderr or "libmicrohttpd" in done.stderr, f"{arguments}: {done.stderr}")


main(figures_are_the_verbs, processes_are_bounded, the_recorder_serves_them, prometheus_scrapes_them,
     rules_and_dashboard_ask_for_what_there_is, trouble_is_said)

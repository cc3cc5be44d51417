# SPDX-License-Identifier: Apache-2.0
"""Recordings in ClickHouse: the rows are those of the views, an interrupted export goes on, and the questions are answered by real
servers: two shards of Debian's, where clickhouse-server is installed, and today's engine, where TTALLOC_CHDB names a Python that has chdb."""
import json
import os
import pathlib
import re
import shutil
import socket as sockets
import sqlite3
import struct
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import SOURCE, Place, Player, Recorder, check, equal, main, program, run, skip, start, wait_until

FOLDER = SOURCE / "sql/clickhouse"
QUESTIONS = sorted(path.stem for path in (FOLDER / "queries").glob("*.sql"))
NO_WINDOWS = {"job"}  # 18.16


def statements(text):
    return [part.strip() for part in re.sub(r"--[^\n]*", "", text).split(";") if part.strip()]


def columns():
    """{table: [(column, type)]} of schema.sql."""
    found = {}
    for statement in statements((FOLDER / "schema.sql").read_text(encoding="utf-8")):
        table = re.match(r"CREATE TABLE IF NOT EXISTS ttalloc\.(\w+)\((.*)\) ENGINE", statement, re.S)
        if table:
            found[table.group(1)] = [tuple(column.split(None, 1)) for column in re.split(r",\s*(?![^(]*\))", table.group(2).strip())]
    return found


def decode(table, content):
    """Rows of RowBinary, as dictionaries."""
    at, rows, shape = 0, [], columns()[table]

    def number(form):
        nonlocal at
        value, = struct.unpack_from("<" + form, content, at)
        at += struct.calcsize(form)
        return value

    def text():
        nonlocal at
        size = shift = 0
        while True:
            byte = number("B")
            size |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
        at += size
        return content[at - size:at].decode()

    forms = {"Int64": "q", "UInt64": "Q", "UInt8": "B", "Date": "H"}
    while at < len(content):
        rows.append({name: number(forms[kind]) if kind in forms else text() for name, kind in shape})
    return rows


def recorded(place, name="run.db", *arguments, rotate=None, **env):
    file = place.file(name)
    done = run([program("ttalloc-recorder"), "-q", "--force", *(["--rotate", rotate] if rotate else []), "-o", file, "--", program("ttalloc-trainer"), "--quiet", *arguments],
               env={**place.env, **env}, cwd=place.path)
    check(os.path.exists(file), done.stderr)
    return file


def export(file, *arguments, status=0):
    done = run([program("ttalloc-analyze"), "export", "--to", "clickhouse", *arguments, file], timeout=120)
    equal(done.returncode, status, f"status of export {arguments} ({done.stderr})")
    return done.stderr


def views(place, file):
    """The file's rows, by its own views: where nobody mistrusts it."""
    copy = place.file("views.db")
    shutil.copy(file, copy)
    database = sqlite3.connect(copy)
    database.row_factory = sqlite3.Row
    return database


def rows_are_those_of_the_views():
    place = Place()
    file = recorded(place, "run.db", "--fail", "--leak-per-step", "1M", TTALLOC_JOB="job/7", TTALLOC_RANK="3")
    export(file, "-o", place.file("out"))
    tables = {path.stem: decode(path.stem, path.read_bytes()) for path in pathlib.Path(place.file("out")).glob("*.rowbinary")}
    equal(set(tables), set(columns()), "tables")
    database = views(place, file)
    recording, = tables["recording"]
    row = database.execute("SELECT uuid, host, start_realtime_ns, end_ns FROM recording").fetchone()
    equal([recording[name] for name in ("recording", "host", "start_realtime_ns", "duration_ns", "job", "rank", "ended", "complete", "steps")],
          [row["uuid"], row["host"], row["start_realtime_ns"], row["end_ns"], "job/7", 3, 1, 1, 5], "the recording")
    for name, order in (("allocation", "allocation_id"), ("usage", "device, region, from_ns"), ("failure", "event_id")):
        wanted = [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY {order}")]
        came = sorted(tables[name], key=lambda row: tuple(row[key] for key in order.split(", ")))
        equal(len(came), len(wanted), f"rows of {name}")
        for ours, theirs in zip(came, wanted):
            theirs["size_bytes"] = theirs.get("counted_bytes", theirs.get("size_bytes"))
            for column, kind in columns()[name]:
                if column in ("recording", "day", "host", "owner", "exported_ns"):
                    continue
                none = "" if "String" in kind else -1
                equal(ours[column], none if theirs[column] is None else theirs[column], f"{name} {theirs}: {column}")
    leaked = sum(row["size_bytes"] for row in tables["allocation"] if row["owner"] == "program")
    equal(leaked, 5 << 20, "bytes that the program never freed")
    samples = json.loads(run([program("ttalloc-analyze"), "fragmentation", "--samples", "100", "--json", file]).stdout)["rows"]
    equal(len(tables["fragmentation"]), len(samples), "samples of fragmentation")


class Pretender(ThreadingHTTPServer):
    """Takes in what a ClickHouse server would, for as long as it lives."""

    def __init__(self, patience):
        self.tables, self.left, self.refused, self.lock = {}, patience, 0, threading.Lock()
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        statement = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["query"][0]
        content = self.rfile.read(int(self.headers["Content-Length"]))
        insert = re.match(r"INSERT INTO ttalloc\.(\w+) FORMAT RowBinary$", statement)
        with self.server.lock:
            if insert and self.server.left <= 0:
                self.server.refused += 1
                self.answer(500, b"Code: 999. DB::Exception: \x1b[31mno more today\nand a second line")
            elif insert:
                self.server.left -= 1
                self.server.tables.setdefault(insert.group(1), bytearray()).extend(content)
                self.answer(200, b"")
            else:
                figure, recording, table = re.match(r"SELECT (\S+).*recording = '(\w+)' AND table_name = '([\w -]+)'$",
                                                    statement.replace("DISTINCT ", "")).groups()
                chunks = decode("chunk", bytes(self.server.tables.get("chunk", b"")))
                there = {row["number"] for row in chunks if (row["recording"], row["table_name"]) == (recording, table)}
                self.answer(200, f"{len(there) if figure == 'count(number)' else max(there, default=0)}\n".encode())

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


def an_interrupted_export_goes_on():
    place = Place()
    file = recorded(place)
    said = export(file, "--url", "http://127.0.0.1:9/", status=2)
    if "libcurl" in said:
        skip(said.strip())
    check("cannot" in said.lower() or "connect" in said.lower(), said)
    export(file, "-o", place.file("out"), "--chunk-rows", "700")
    server = Pretender(7)
    for turn in range(100):
        done = run([program("ttalloc-analyze"), "export", "--to", "clickhouse", "--chunk-rows", "700", "--url", server.url, file])
        if done.returncode == 0:
            break
        check("no more today" in done.stderr and "\x1b" not in done.stderr and "second" not in done.stderr, done.stderr)
        server.left = 7
    check(3 < turn < 20, f"done after {turn} interruptions")
    for name in columns():
        came = decode(name, bytes(server.tables.get(name, b"")))
        wanted = decode(name, pathlib.Path(place.file("out"), f"{name}.rowbinary").read_bytes())
        keyless = [{key: value for key, value in row.items() if key != "exported_ns"} for row in came]
        unique = {json.dumps(row) for row in keyless}
        equal(unique, {json.dumps({key: value for key, value in row.items() if key != "exported_ns"}) for row in wanted}, f"rows of {name}")
        check(len(came) <= len(wanted) + 700 * turn, f"{name}: {len(came)} rows came for {len(wanted)}")
    before = {name: len(content) for name, content in server.tables.items()}
    server.left = 100
    export(file, "--chunk-rows", "700", "--url", server.url)
    equal({name: len(content) for name, content in server.tables.items()}, before, "what a second export sends")
    server.shutdown()


def files_of_one_recording():
    """One after the other: none is taken for another, and what goes over twice is not sent again. So with all of them as one, and with a
    part of it."""
    place = Place()
    recorded(place, "run.db", "--steps", "60", rotate="1M")
    files = sorted(str(path) for path in place.path.glob("run*.db"))
    check(len(files) > 1, f"{len(files)} files")
    part = place.file("part.db")
    run([program("ttalloc-analyze"), "share", "--start", "10%", "--end", "60%", "-o", part, files[0]])
    server = Pretender(10000)
    if "libcurl" in run([program("ttalloc-analyze"), "export", "--to", "clickhouse", "--url", server.url, part]).stderr:
        skip("no libcurl")
    for file in files:
        export(file, "--url", server.url)
    keys = {row["allocation_id"] for row in decode("allocation", bytes(server.tables["allocation"]))}
    wanted = set()
    for file in files:
        wanted |= {row["allocation_id"] for row in views(place, file).execute("SELECT allocation_id FROM allocation")}
    equal(keys, wanted, "blocks")
    before = {name: len(content) for name, content in server.tables.items()}
    for file in (part, *files):
        export(file, "--url", server.url)
    equal({name: len(content) for name, content in server.tables.items()}, before, "what a second export sends")
    server.shutdown()


KEYS = {"recording": ("recording",), "device": ("device", "region"), "allocation": ("allocation_id", "device", "region"),
        "usage": ("device", "region", "from_ns"), "failure": ("event_id",), "fragmentation": ("device", "region", "at_ns")}


def latest(table, content):
    """What a server makes of rows that replace each other."""
    return {tuple(row[key] for key in KEYS[table]): {**row, "exported_ns": 0} for row in decode(table, content)}


def is_all_there(place, server, *files):
    """What went over piece by piece is what an export of the ended recording sends."""
    for number, file in enumerate(files):
        export(file, "-o", place.file(f"out-{number}"))
    for table in KEYS:
        wanted = {}
        for number, _ in enumerate(files):
            wanted.update(latest(table, pathlib.Path(place.file(f"out-{number}"), f"{table}.rowbinary").read_bytes()))
        came = latest(table, bytes(server.tables.get(table, b"")))
        equal(set(came), set(wanted), f"rows of {table}")
        for key, row in wanted.items():
            equal(came[key], row, f"{table} {key}")


def follow(file, server, said):
    with open(said, "a", encoding="utf-8") as stream:
        return start([program("ttalloc-analyze"), "export", "--to", "clickhouse", "--follow", "--refresh", "50", "--url", server.url, file],
                     stdout=subprocess.PIPE, stderr=stream, text=True)


def a_recording_in_progress_is_followed():
    """Piece by piece; a server that refuses for a while gets it later, and is spoken of once; a follower that was killed goes on."""
    place = Place()
    recorder, server = Recorder(place), Pretender(10000)
    player = Player(place)
    said = pathlib.Path(place.file("said"))
    follower = follow(recorder.file, server, said)
    if not follower.stdout.readline():
        skip(said.read_text(encoding="utf-8"))

    def blocks():
        with server.lock:
            return {row["address"] for row in decode("allocation", bytes(server.tables.get("allocation", b"")))}

    for number in range(1, 40):
        player.alloc(number << 12, 100 * number)
    for number in range(1, 20):
        player.free(number << 12)
    wait_until(lambda: len(blocks()) == 19, "what was freed")
    server.left = 0
    for number in range(20, 30):
        player.free(number << 12)
    wait_until(lambda: server.refused > 2, "a refusal")
    server.left = 10000
    wait_until(lambda: len(blocks()) == 29, "what was freed meanwhile")
    wait_until(lambda: "takes it again" in said.read_text(encoding="utf-8"), "a word that it goes on")
    equal(said.read_text(encoding="utf-8").count("no more today"), 1, "words about refusals")
    follower.kill()
    follower.wait()
    before = len(server.tables["allocation"])
    follower = follow(recorder.file, server, said)
    player.free(30 << 12)
    wait_until(lambda: len(blocks()) == 30, "what was freed later")
    player.failed(7 << 12)
    player.end()
    place.await_drained()
    file = recorder.stop()
    equal(follower.wait(60), 0, "the follower's end")
    check(len(decode("allocation", bytes(server.tables["allocation"][before:]))) == 10, "what went over once did not go again")
    is_all_there(place, server, file)
    server.shutdown()


def a_recorder_ships():
    """In all files that it goes on in; the end does not wait for a server that is not there."""
    place = Place()
    server = Pretender(10000)
    trainer = [program("ttalloc-trainer"), "--quiet", "--leak-per-step", "1M", "--fail", "--steps", "60"]
    done = run([program("ttalloc-recorder"), "-q", "--rotate", "1M", "--ship", server.url, "-o", place.file("run.db"), "--", *trainer],
               env=place.env, cwd=place.path, timeout=120)
    if "libcurl" in done.stderr:
        skip(done.stderr.strip())
    check("export --to" not in done.stderr and server.tables, done.stderr)
    files = sorted(map(str, place.path.glob("run*.db")), key=lambda name: sqlite3.connect(name).execute(
        "SELECT coalesce((SELECT number FROM recording_file), 0)").fetchone())
    check(len(files) > 1, f"{files}")
    is_all_there(place, server, *files)
    server.shutdown()
    done = run([program("ttalloc-recorder"), "-q", "--ship", "http://127.0.0.1:9/", "-o", place.file("alone.db"), "--", program("ttalloc-trainer"),
                "--quiet"], env=place.env, cwd=place.path, timeout=120)
    check(f"--url URL {place.file('alone.db')}" in done.stderr, done.stderr)
    equal(done.returncode, 0, "status")


def arguments_are_checked():
    place = Place()
    file = recorded(place)
    for arguments, word in (((), "--url"), (("--url", "http://x/", "-o", "y"), "--output"), (("--url", "ftp://x/"), "http"),
                            (("-o", file), "directory"), (("-o", place.file("o"), "--chunk-rows", "0"), "--chunk-rows")):
        said = export(file, *arguments, status=2)
        check(word in said or "libcurl" in said, f"{arguments}: {said}")
    for arguments, word in (((), "which question"), (("nothing",), "there is no question"), (("peak",), "--url"), (("job", "--url", "http://x/"), "--job")):
        done = run([program("ttalloc-analyze"), "fleet", *arguments])
        equal(done.returncode, 2, f"status of fleet {arguments}")
        check(word in done.stderr, f"{arguments}: {done.stderr}")


# --- real servers -----------------------------------------------------------------------------------------------------

CONFIG = """<yandex><logger><level>warning</level><log>{0}/log</log><errorlog>{0}/err</errorlog></logger>
<http_port>{1}</http_port><tcp_port>{2}</tcp_port><listen_host>127.0.0.1</listen_host><path>{0}/data/</path><tmp_path>{0}/tmp/</tmp_path>
<format_schema_path>{0}/schemas/</format_schema_path><users_config>{0}/users.xml</users_config><mark_cache_size>100000000</mark_cache_size>
<default_profile>default</default_profile><default_database>default</default_database>
<remote_servers><fleet>{3}</fleet></remote_servers></yandex>"""
USERS = """<yandex><profiles><default><allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>"""


def free_ports(count):
    probes = [sockets.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def ask(url, statement):
    with urllib.request.urlopen(urllib.request.Request(url, data=statement.encode()), timeout=60) as answer:
        return answer.read().decode()


def is_up(url):
    try:
        return ask(url, "SELECT 1") == "1\n"
    except OSError:
        return False


def two_shards(place):
    """URLs of two servers, one cluster, with the schema in both."""
    ports = free_ports(4)
    shards = "".join(f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in ports[2:])
    urls = []
    for number in range(2):
        home = pathlib.Path(place.file(f"server-{number}"))
        for folder in ("data", "tmp", "schemas"):
            (home / folder).mkdir(parents=True)
        (home / "users.xml").write_text(USERS, encoding="utf-8")
        (home / "config.xml").write_text(CONFIG.format(home, ports[number], ports[2 + number], shards), encoding="utf-8")
        start(["clickhouse-server", f"--config-file={home}/config.xml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home)
        urls.append(f"http://127.0.0.1:{ports[number]}/")
    shard = re.sub(r"ttalloc([.;])", r"ttalloc_shard\1", (FOLDER / "schema.sql").read_text(encoding="utf-8"))
    for url in urls:
        wait_until(lambda: is_up(url), "the server", 60)
        for statement in statements(shard) + statements((FOLDER / "cluster.sql").read_text(encoding="utf-8")):
            ask(url, statement)
    return urls


def fleet(question, url, *arguments):
    done = run([program("ttalloc-analyze"), "fleet", question, "--url", url, "--json", *arguments])
    equal(done.returncode, 0, f"fleet {question} ({done.stderr})")
    return json.loads(done.stdout)["rows"]


def a_cluster_answers():
    if not shutil.which("clickhouse-server"):
        skip("there is no clickhouse-server")
    place = Place()
    urls = two_shards(place)
    files = [recorded(place, f"{number}.db", "--leak-per-step", "1M", *(["--fail"] if number == 2 else [])) for number in range(5)]
    said = export(files[0], "--url", urls[0], status=0)
    if "libcurl" in said:
        skip(said)
    for file in files:
        export(file, "--url", urls[0])
    wait_until(lambda: ask(urls[1], "SELECT count() FROM ttalloc.recording FINAL") == "5\n" and
               ask(urls[1], "SELECT count(DISTINCT recording) FROM ttalloc.chunk WHERE table_name LIKE 'fragmentation%'") == "5\n",
               "the shards to have it all", 60)
    counts = [int(ask(url, "SELECT count() FROM ttalloc_shard.recording FINAL")) for url in urls]
    equal(sum(counts), 5, "recordings on the shards")
    peaks = [json.loads(run([program("ttalloc-analyze"), "peak", "--json", file]).stdout)["rows"] for file in files]
    wanted = {(row["device"], row["region"]): max(r["peak_bytes"] for rows in peaks for r in rows
                                                  if (r["device"], r["region"]) == (row["device"], row["region"])) for row in peaks[0]}
    came = {(int(row["device"]), row["region"]): int(row["peak_bytes"]) for row in fleet("peak", urls[1])}
    equal(came, wanted, "peaks")
    leak, = fleet("leaks", urls[1])
    equal((leak["label"], int(leak["bytes"]), int(leak["recordings"]), float(leak["bytes_per_step"])),
          ("dataloader/prefetch", 25 << 20, 5, float(1 << 20)), "leaks")
    failure, = fleet("failures", urls[0])
    equal((failure["region"], int(failure["failures"])), ("DRAM", 1), "failures")
    for question in set(QUESTIONS) - NO_WINDOWS:
        fleet(question, urls[0])
        equal(fleet(question, urls[0], "--host", "no'such\\host"), [], f"{question} of a host that is not there")


def todays_engine_answers():
    python = os.environ.get("TTALLOC_CHDB")
    if not python:
        skip("TTALLOC_CHDB names no Python with chdb")
    place = Place()
    for rank in range(2):
        file = recorded(place, "run.db", "--leak-per-step", "1M", "--fail", TTALLOC_JOB="job", TTALLOC_RANK=str(rank))
        export(file, "-o", place.file(f"out-{rank}"))
    done = run([python, str(SOURCE / "tests/e2e/chdb_answers.py"), str(FOLDER), place.file("out-0"), place.file("out-1")], timeout=300)
    equal(done.returncode, 0, f"chdb ({done.stderr[-2000:]})")
    answers = json.loads(done.stdout)
    equal(sorted(answers), QUESTIONS, "questions")
    equal([(row["label"], int(row["bytes"])) for row in answers["leaks"]], [("dataloader/prefetch", 10 << 20)], "leaks")
    equal(len(answers["failures"]), 1, "failures")
    check({row["region"] for row in answers["job"]} >= {"DRAM", "L1", "CB"}, "regions of the job")


main(rows_are_those_of_the_views, an_interrupted_export_goes_on, files_of_one_recording, a_recording_in_progress_is_followed,
     a_recorder_ships, arguments_are_checked, a_cluster_answers, todays_engine_answers)

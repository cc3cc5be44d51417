# SPDX-License-Identifier: Apache-2.0
"""What programs in Python make of a file: usage: read.py PROGRAM FILE, prints JSON. Runs in the Python that setup.py made."""
import json
import os
import sys
import tempfile


def visualizer(folder):
    """Asks ttnn-visualizer's server, without the network."""
    home = tempfile.mkdtemp()
    os.environ.update(APP_DATA_DIRECTORY=home, REPORT_DATA_DIRECTORY=home, FLASK_ENV="production")
    from ttnn_visualizer.app import create_app
    from ttnn_visualizer.instances import create_instance_from_local_paths
    app = create_app()
    with app.app_context():
        instance = create_instance_from_local_paths(profiler_path=folder, performance_path=None).instance_id
    client, said = app.test_client(), {}
    for path in ("operations", "buffers", "devices", "tensors", "errors", "operation-buffers", "operations/2"):
        answer = client.get(f"/api/{path}", query_string={"instanceId": instance})
        said[path] = answer.get_json() if answer.status_code == 200 else f"status {answer.status_code}: {answer.get_data(as_text=True)[:300]}"
    return said


def perfetto(file):
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace
    trace = Trace()
    with open(file, "rb") as content:
        trace.ParseFromString(content.read())
    names = {packet.track_descriptor.uuid: packet.track_descriptor.name for packet in trace.packet if packet.HasField("track_descriptor")}
    most, slices = {}, 0
    for packet in trace.packet:
        event = packet.track_event
        if packet.HasField("track_event") and event.type == event.TYPE_COUNTER:
            most[names[event.track_uuid]] = max(most.get(names[event.track_uuid], 0), event.counter_value)
        slices += packet.HasField("track_event") and event.type == event.TYPE_SLICE_BEGIN
    return {"most": most, "slices": slices}


def pandas(folder):
    import pandas
    blocks = pandas.read_csv(os.path.join(folder, "allocation.csv"))
    return {"rows": len(blocks), "bytes": int(blocks["counted_bytes"].sum())}


def polars(folder):
    import polars
    blocks = polars.read_csv(os.path.join(folder, "allocation.csv"), infer_schema_length=None)
    return {"rows": len(blocks), "bytes": blocks["counted_bytes"].sum()}


def duckdb(folder):
    import duckdb
    rows, total = duckdb.sql(f"SELECT count(*), sum(counted_bytes) FROM '{folder}/allocation.csv'").fetchone()
    return {"rows": rows, "bytes": int(total)}


def duckdb_views(file):
    """The views' own text, over the tables of a recording: what DuckDB's parser refuses, and what of two views' rows is not SQLite's."""
    import csv
    import sqlite3
    import duckdb
    recording, other = sqlite3.connect(file), duckdb.connect()
    types = {"INTEGER": "BIGINT", "TEXT": "VARCHAR", "BLOB": "BLOB"}
    for name, in recording.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = [f'"{row[1]}" {types.get(row[2], "VARCHAR")}' for row in recording.execute(f"PRAGMA table_info({name})")]
        other.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
        rows = recording.execute(f"SELECT * FROM {name}").fetchall()
        if rows and not any(isinstance(cell, bytes) for row in rows for cell in row):
            with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as copy:
                csv.writer(copy).writerows([["\x01" if cell is None else cell for cell in row] for row in rows])
                copy.flush()
                other.execute(f"COPY {name} FROM '{copy.name}' (HEADER false, NULLSTR '\x01')")
    views, refused, rows, differences = dict(recording.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")), {}, {}, {}
    for name, text in views.items():
        try:
            duckdb.extract_statements(text)
        except duckdb.Error as error:
            refused[name] = str(error)[:300]
    for name, key in (("allocation", "allocation_id"), ("event", "event_id")):
        other.execute(views[name])
        ours, theirs = ([*of.execute(f"SELECT * FROM {name} ORDER BY {key}").fetchall()] for of in (recording, other))
        rows[name] = len(theirs)
        differences[name] = abs(len(ours) - len(theirs)) + sum(a != b for a, b in zip(ours, theirs))
    return {"views": len(views), "refused": refused, "rows": rows, "differences": differences}


def parquet(recordings):
    """What the example makes of several recordings, twice, as DuckDB reads it."""
    import pathlib
    import subprocess
    import duckdb
    out = tempfile.mkdtemp()
    for _ in range(2):
        subprocess.run([sys.executable, os.environ["TTALLOC_SOURCE"] + "/examples/to_parquet.py", "-o", out, *recordings.split()], check=True, stdout=subprocess.DEVNULL)
    for view in os.listdir(out):  # the files of all recordings have one schema
        duckdb.sql(f"SELECT count(*) FROM read_parquet('{out}/{view}/*/*/*.parquet')").fetchall()
    rows, total, hosts = duckdb.sql(f"SELECT count(*), sum(counted_bytes), count(DISTINCT host) FROM read_parquet('{out}/allocation/*/*/*.parquet', hive_partitioning=true)").fetchone()
    return {"rows": rows, "bytes": int(total), "hosts": hosts, "files": len(list(pathlib.Path(out, "allocation").rglob("*.parquet")))}


def agent(folder):
    """What an agent gets from the server of examples/mcp: its tools, and the answer of one."""
    import asyncio
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client
    source, analyze = os.environ["TTALLOC_SOURCE"], os.environ["TTALLOC_ANALYZE"]

    async def talk():
        server = StdioServerParameters(command=sys.executable, args=[source + "/examples/mcp/server.py", "--directory", folder, "--analyze", analyze])
        async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            peak = await session.call_tool("peak", {"file": "run.db", "device": 0})
            outside = await session.call_tool("peak", {"file": "../../etc/passwd"})
            sql = await session.call_tool("sql", {"file": "run.db", "statement": "SELECT count(*) AS n FROM allocation"})
            return {"tools": tools, "peak": json.loads(peak.content[0].text)["rows"], "outside": outside.content[0].text,
                    "sql": json.loads(sql.content[0].text)["rows"]}
    return asyncio.run(talk())


print(json.dumps({name: of for name, of in globals().items() if callable(of)}[sys.argv[1]](sys.argv[2])))

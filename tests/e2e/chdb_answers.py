# SPDX-License-Identifier: Apache-2.0
"""Asks chdb, which is today's ClickHouse as a library, all questions about exported recordings: chdb_answers.py SQL-FOLDER DIR..."""
import json
import pathlib
import re
import sys

from chdb import session

FOLDER = pathlib.Path(sys.argv[1])
PARAMETERS = {"{days:UInt32}": "30", "{host:String}": "''", "{job:String}": "'job'"}

engine = session.Session()
for statement in re.sub(r"--[^\n]*", "", (FOLDER / "schema.sql").read_text(encoding="utf-8")).split(";"):
    if statement.strip():
        engine.query(statement)
for folder in sys.argv[2:]:
    for path in pathlib.Path(folder).glob("*.rowbinary"):
        structure = str(engine.query(
            "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') FROM (SELECT * FROM system.columns WHERE database = "
            f"'ttalloc' AND table = '{path.stem}' ORDER BY position) FORMAT TSVRaw")).strip()
        engine.query(f"INSERT INTO ttalloc.{path.stem} SELECT * FROM file('{path}', RowBinary, '{structure}')")
answers = {}
for path in sorted((FOLDER / "queries").glob("*.sql")):
    question = path.read_text(encoding="utf-8")
    for name, value in PARAMETERS.items():
        question = question.replace(name, value)
    answers[path.stem] = [json.loads(line) for line in str(engine.query(question + " FORMAT JSONEachRow")).splitlines()]
print(json.dumps(answers))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of the Model Context Protocol over ttalloc-analyze: an agent asks recordings what a person would.

    pip install 'mcp>=2'
    claude mcp add ttalloc -- python3 server.py --directory RECORDINGS

Every verb that answers is a tool, with its options; they come from 'ttalloc-analyze help --json', so that queries of your own are tools
too. Recordings are read, never written, and only those in the directory that is given.
"""
import argparse
import asyncio
import json
import pathlib
import subprocess

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

LEFT_OUT = {"format", "json", "no-header", "color", "quiet", "db", "query-path", "help", "version", "force"}
ROWS = 100  # of an answer, where nothing else is asked for
NUMBERS = {"N", "PID"}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--directory", default=".", type=pathlib.Path, help="where recordings are (default: here)")
parser.add_argument("--analyze", default="ttalloc-analyze", help="the program")
arguments = parser.parse_args()
root = arguments.directory.resolve()


def ask(*words):
    return subprocess.run([arguments.analyze, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


verbs = {verb["name"]: verb for verb in json.loads(ask("help", "--json").stdout)["verbs"] if verb["answers"] or verb["name"] == "sql"}


def recording(name):
    path = (root / name).resolve()
    if root not in path.parents or not path.is_file():
        raise ValueError(f"{name}: no recording in {root}")
    return str(path)


def schema(verb):
    files = ["old", "new"] if verb["operands"] == "OLD NEW" else ["file"]
    properties = {name: {"type": "string", "description": f"a recording in {root}"} for name in files}
    required = list(files)
    if verb["name"] == "sql":
        properties["statement"] = {"type": "string", "description": "a SELECT over the views"}
        required.append("statement")
    for option in verb["options"]:
        if option["name"] in LEFT_OUT:
            continue
        about = {"description": option["help"] + (f" (default: {option['default']})" if "default" in option else "")}
        about["type"] = "boolean" if "value" not in option else "integer" if option["value"] in NUMBERS else "string"
        if "choices" in option:
            about["enum"] = option["choices"]
        properties[option["name"]] = about
        if option.get("required"):
            required.append(option["name"])
    return {"type": "object", "properties": properties, "required": required}


def tool(name, description, inputs):
    return types.Tool.model_validate({"name": name, "description": description, "inputSchema": inputs})


async def list_tools(context, params):
    tools = [tool("recordings", "The recordings that there are.", {"type": "object", "properties": {}})]
    tools += [tool(name, f"{verb['summary']}. {verb.get('about', '')}", schema(verb)) for name, verb in verbs.items()]
    return types.ListToolsResult(tools=tools)


def answer(name, given):
    if name == "recordings":
        return json.dumps(sorted(str(path.relative_to(root)) for path in root.rglob("*.db")))
    verb = verbs[name]
    words = [name, "--json"]
    if any(option["name"] == "limit" for option in verb["options"]):
        given.setdefault("limit", ROWS)
    for option in verb["options"]:
        value = given.get(option["name"])
        if value is None or value is False or option["name"] in LEFT_OUT:
            continue
        words.append(f"--{option['name']}" if value is True else f"--{option['name']}={value}")
    words.append("--")
    if name == "sql":
        words.append(given["statement"])
    words += [recording(given[key]) for key in ("old", "new", "file") if key in given]
    done = ask(*words)
    if done.returncode == 2:
        raise ValueError(done.stderr.strip())
    return done.stdout


async def call_tool(context, params):
    try:
        text, failed = await asyncio.to_thread(answer, params.name, dict(params.arguments or {})), False
    except (KeyError, ValueError, subprocess.TimeoutExpired) as problem:
        text, failed = str(problem), True
    return types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": failed})


server = Server("ttalloc", on_list_tools=list_tools, on_call_tool=call_tool)


async def main():
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


asyncio.run(main())

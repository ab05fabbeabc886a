"""Runs every query of docs/queries over a run with DuckDB: queries.py DIR QUERIES [NAME=VALUE]...

Prints one line of JSON: {"queries": {"<query>": [{column: value}, ...], ...}, "undeclared": {"<table>": [column, ...], ...}}. A query of a table that
the run does not have is null. Views of duckdb.sql are read whole first, so that a value that is not of its column's type is an error. Undeclared is
what stands in a table of the run and in no view.
"""

import json
import pathlib
import re
import sys

import duckdb

OPTIONS = "format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864"


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    """The rows of one query."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def declare(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """Makes the views of those tables that the run has, and reads them whole. Their names."""
    made = []
    for statement in re.findall(r"^CREATE .*?^\}\);$", text, re.MULTILINE | re.DOTALL):
        name = re.search(r"VIEW (\w+) AS", statement)[1]
        try:
            connection.execute(statement)
        except duckdb.IOException as missing:
            if "No files found" not in str(missing):
                raise
            continue
        connection.execute(f'CREATE OR REPLACE TEMP TABLE whole AS SELECT * FROM "{name}"')
        made.append(name)
    return made


def undeclared(connection: duckdb.DuckDBPyConnection, path: pathlib.Path, views: list[str]) -> list[str]:
    """Columns of a table that its view does not have; bytes that are not UTF-8 stand under another name."""
    name = path.name.removesuffix(".jsonl.zst")
    view = connection.execute(f'DESCRIBE "{name}"').fetchall() if name in views else []
    known = {"_v"} | {column[0] for column in view}
    keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects('{path}', {OPTIONS})"
    found = {key for (key,) in connection.execute(keys).fetchall()} if path.stat().st_size > 64 else set()
    return sorted(key for key in found if not {key, key.removesuffix("_b64")} & known) if view else [name]


def main() -> None:
    run, queries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    connection = duckdb.connect()
    for name, value in [("run", run), *(given.split("=", 1) for given in sys.argv[3:])]:
        connection.execute(f"SET VARIABLE {name} = '{value}'")
    views = declare(connection, (queries / "duckdb.sql").read_text())
    missing = {path.name.removesuffix(".jsonl.zst"): undeclared(connection, path, views) for path in run.glob("data/*/*.jsonl.zst")}
    answers = {}
    for path in sorted(queries.glob("*.sql")):
        if path.stem not in ("duckdb", "athena"):
            try:
                answers[path.stem] = rows(connection, path.read_text())
            except duckdb.CatalogException:
                answers[path.stem] = None
    print(json.dumps({"queries": answers, "undeclared": {name: columns for name, columns in missing.items() if columns}}, default=str))


if __name__ == "__main__":
    main()

"""Runs every query of docs/queries over a run with DuckDB: queries.py DIR QUERIES [NAME=VALUE]...

Prints one line of JSON: {"<query>": [{column: value}, ...], ...}. Views of duckdb.sql are read whole first, so that a value that is not
of its column's type is an error.
"""

import json
import pathlib
import re
import sys

import duckdb


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict]:
    """The rows of one query."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def main() -> None:
    run, queries = sys.argv[1], pathlib.Path(sys.argv[2])
    connection = duckdb.connect()
    for name, value in [("run", run), *(given.split("=", 1) for given in sys.argv[3:])]:
        connection.execute(f"SET VARIABLE {name} = '{value}'")
    tables = (queries / "duckdb.sql").read_text()
    connection.execute(tables)
    for view in re.findall(r"VIEW (\w+) AS", tables):
        connection.execute(f'CREATE OR REPLACE TEMP TABLE whole AS SELECT * FROM "{view}"')
    texts = {path.stem: path.read_text() for path in sorted(queries.glob("*.sql")) if path.stem not in ("duckdb", "athena")}
    print(json.dumps({name: rows(connection, text) for name, text in texts.items()}, default=str))


if __name__ == "__main__":
    main()

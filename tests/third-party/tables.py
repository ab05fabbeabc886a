"""Reads every table of an evidence directory with DuckDB and counts its rows: tables.py DIR

Prints one line of JSON, {"<table>": rows, ...}. Knows nothing of Hozen: the tables are NDJSON in zstd.
"""

import json
import pathlib
import sys

import duckdb


def rows(path: pathlib.Path) -> int:
    """The number of rows, read column by column so that a line that does not parse is an error and not a null."""
    options = "format = 'newline_delimited', compression = 'zstd', maximum_object_size = 67108864, sample_size = -1"
    relation = duckdb.sql(f"SELECT * FROM read_json('{path}', {options})")
    # An empty table has no columns to speak of; DuckDB shows it as one column named json without rows.
    return len(relation.fetchall())


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    tables = sorted(directory.glob("data/*/*.jsonl.zst"))
    print(json.dumps({path.name.removesuffix(".jsonl.zst"): rows(path) for path in tables}))


if __name__ == "__main__":
    main()

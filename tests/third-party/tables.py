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
    # All columns are stored, so every value is parsed. An empty table has no columns to speak of; DuckDB shows one without rows.
    duckdb.sql(f"CREATE OR REPLACE TABLE evidence AS SELECT * FROM read_json('{path}', {options})")
    return duckdb.sql("SELECT count(*) FROM evidence").fetchall()[0][0]


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    tables = sorted(directory.glob("data/*/*.jsonl.zst"))
    print(json.dumps({path.name.removesuffix(".jsonl.zst"): rows(path) for path in tables}))


if __name__ == "__main__":
    main()

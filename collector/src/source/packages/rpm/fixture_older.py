#!/usr/bin/env python3
"""Makes databases of the kinds that rpm had before SQLite, of the headers in fixture.sqlite.zst (fixture.sh):

    fixture.bdb.zst     Berkeley DB, pages of 4 KiB, little-endian: nearly all headers are on overflow pages
    fixture.bdb-be.zst  the same in pages of 8 KiB, big-endian, as a mainframe has it: most headers are on pages of buckets
    fixture.ndb.zst     ndb, with two pages of slots, free slots among others, and places that are free

The first two are made by db_load of Berkeley DB 5.3 (Debian's db5.3-util), the third here, as rpm 4.18 has no writer of it on Debian; rpm's
own lib/backend/ndb/rpmpkg.c lists the same packages of it and takes every checksum. What rpm says of the first two (`bdb_ro`) must be
what it says of fixture.sqlite.zst, or nothing is written. The third is the same bytes each time, the others but for what db_load leaves
unset.

usage: ./fixture_older.py      (needs Python's sqlite3, rpm 4.18, zstd and, in PATH or as $DB_LOAD, db5.3_load)
"""

import os
import pathlib
import sqlite3
import struct
import subprocess
import tempfile
import zlib

HERE = pathlib.Path(__file__).parent
QUERY = "%{NAME} %{EPOCH} %{VERSION} %{RELEASE} %{ARCH} %{SIZE} %{SHA1HEADER} %{SHA256HEADER} %{SOURCERPM}\n"


def run(*command, given=None):
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def headers(folder):
    """Numbers of packages, and their headers."""
    path = folder / "sqlite"
    path.write_bytes(run("zstd", "-dc", HERE / "fixture.sqlite.zst"))
    return dict(sqlite3.connect(path).execute("SELECT hnum, blob FROM Packages"))


# Berkeley DB: a key is the number of a package in the byte order of the database; that of 0 holds the last number.

def bdb(folder, packages, page, order):
    """`order` is 1234 or 4321, as endian(3) has it."""
    number = struct.Struct("<I" if order == 1234 else ">I").pack
    records = {number(0): number(max(packages)), **{number(n): header for n, header in packages.items()}}
    dump = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page}\ndb_lorder={order}\nHEADER=END\n"
    dump += "".join(f" {key.hex()}\n {value.hex()}\n" for key, value in records.items()) + "DATA=END\n"
    home = folder / str(order)
    home.mkdir()
    run(os.environ.get("DB_LOAD", "db5.3_load"), home / "Packages", given=dump.encode())
    listed = run("rpm", "--dbpath", home, "--define", "_db_backend bdb_ro", "-qa", "--qf", QUERY).decode()
    expected = [line for line in (HERE / "fixture.txt").read_text().splitlines() if not line.startswith("/")]
    assert sorted(listed.splitlines()) == expected, listed
    return (home / "Packages").read_bytes()


# ndb: a header, slots of 16 bytes, and blobs that begin and end with blocks of 16 bytes. Everything is little-endian.

BLOCK, SLOTS = 16, 4096 // 16
PAGES = 2


def blob(number, header):
    head = struct.pack("<4sIII", b"BlbS", number, 1700000000, len(header)) + header
    head += bytes(-(len(head) + 12) % BLOCK)
    return head + struct.pack("<II4s", zlib.adler32(head), len(header), b"BlbE")


def ndb(packages):
    slots = [(0, 0, 0)] * (PAGES * SLOTS - 2)
    blobs = b""
    for n, (number, header) in enumerate(packages.items()):
        # Each seventh slot is free, as if its package had been removed, and so is the place of its blob.
        blobs += bytes(BLOCK * 100) if n % 7 == 3 else b""
        one = blob(number, header)
        # The second half is on the second page, from its end on.
        slot = n + n // 6 if n < 21 else len(slots) - n
        slots[slot] = (number, (PAGES * 4096 + len(blobs)) // BLOCK, len(one) // BLOCK)
        blobs += one
    head = struct.pack("<4sIIII", b"RpmP", 0, 2 * len(packages), PAGES, max(packages) + 1).ljust(32, b"\0")
    return head + b"".join(struct.pack("<4sIII", b"Slot", *slot) for slot in slots) + blobs


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        packages = headers(folder)
        made = {
            "bdb": bdb(folder, packages, 4096, 1234),
            "bdb-be": bdb(folder, packages, 8192, 4321),
            "ndb": ndb(packages),
        }
    for kind, database in made.items():
        (HERE / f"fixture.{kind}.zst").write_bytes(run("zstd", "-19", "-c", given=database))


if __name__ == "__main__":
    main()

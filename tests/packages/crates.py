"""Holds the list of crates inside a program against the bill of materials and the lock file.

usage: crates.py DEP-V0 SBOM
"""

import json
import pathlib
import sys
import tomllib
import zlib

listed = json.loads(zlib.decompress(pathlib.Path(sys.argv[1]).read_bytes()))["packages"]
bill = json.loads(pathlib.Path(sys.argv[2]).read_text())
lock = {(one["name"], one["version"]): one.get("checksum") for one in tomllib.loads(pathlib.Path("Cargo.lock").read_text())["package"]}

assert [one["name"] for one in listed if one.get("root")] == ["hozen"]
assert all(index < len(listed) for one in listed for index in one.get("dependencies", []))
names = {(one["name"], one["version"]) for one in listed}
assert len(names) > 100 and ("zstd-sys", next(v for n, v in names if n == "zstd-sys")) in names and names <= set(lock), len(names)

assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.5", 1)
refs = [one["bom-ref"] for one in bill["components"]] + [bill["metadata"]["component"]["bom-ref"]]
assert len(refs) == len(set(refs))
assert all(dep in refs for one in bill["dependencies"] for dep in [one["ref"], *one["dependsOn"]])
crates = {(one["name"], one["version"]): one for one in bill["components"] if one["type"] == "library"}
assert names - {("hozen", bill["metadata"]["component"]["version"])} <= set(crates)
for key, one in crates.items():
    if lock[key]:
        assert one["hashes"] == [{"alg": "SHA-256", "content": lock[key]}] and one["licenses"], key
assert sum(one["type"] == "file" for one in bill["components"]) == 2

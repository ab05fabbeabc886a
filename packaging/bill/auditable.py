"""The list of crates that the program carries in its section `.dep-v0`, in the format of cargo-auditable, so that
`cargo audit bin`, syft, trivy and the like say of a program alone which advisories touch it.

usage: auditable.py TARGET FILE
"""

import json
import pathlib
import sys
import zlib

from graph import Graph


def source(package: dict) -> str:
    if package["source"] is None:
        return "local"
    return "crates.io" if "crates.io" in package["source"] else "registry"


def listing(graph: Graph) -> dict:
    order = {id: index for index, id in enumerate(graph.packages)}
    packages = []
    for id, package in graph.packages.items():
        entry = {"name": package["name"], "version": package["version"], "source": source(package)}
        if id in graph.only_builds:
            entry["kind"] = "build"
        if graph.needs[id]:
            entry["dependencies"] = sorted(order[need] for need in graph.needs[id])
        if id == graph.root:
            entry["root"] = True
        packages.append(entry)
    return {"packages": packages}


if __name__ == "__main__":
    target, file = sys.argv[1:]
    text = json.dumps(listing(Graph(target)), separators=(",", ":")).encode()
    pathlib.Path(file).write_bytes(zlib.compress(text, 9))

"""The bill of materials in CycloneDX 1.5, JSON: every crate in the programs for both architectures, with its licence, the
checksum of the lock file and what it needs; and the files of the release with their digests.

usage: sbom.py OUT COMMIT EPOCH FILE...     (FILEs are the programs)
"""

import datetime
import hashlib
import json
import pathlib
import sys
import uuid

from graph import Graph

TARGETS = ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(graph: Graph, id: str) -> dict:
    package = graph.packages[id]
    entry = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "excluded" if id in graph.only_builds else "required",
        "purl": purl(package),
    }
    if package["license"]:
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = graph.checksums.get((package["name"], package["version"]))
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def program(file: pathlib.Path, version: str) -> dict:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {"type": "file", "bom-ref": f"file:{file.name}", "name": file.name, "version": version,
            "hashes": [{"alg": "SHA-256", "content": digest}]}


def bill(commit: str, epoch: int, files: list[pathlib.Path]) -> dict:
    graphs = [Graph(target) for target in TARGETS]
    root = graphs[0].packages[graphs[0].root]
    components, needs = {}, {}
    for graph in graphs:
        for id in graph.packages:
            ref = purl(graph.packages[id])
            found = component(graph, id)
            # What is linked for one architecture is required, though it be a tool for the other.
            if ref not in components or found["scope"] == "required":
                components[ref] = found
            needs.setdefault(ref, set()).update(purl(graph.packages[need]) for need in graph.needs[id])
    own = components.pop(purl(root)) | {"type": "application"}
    own["properties"] = [{"name": "hozen:commit", "value": commit}]
    time = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    contents = [components[ref] for ref in sorted(components)] + [program(file, root["version"]) for file in files]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(contents) + commit)}",
        "version": 1,
        "metadata": {"timestamp": time, "component": own},
        "components": contents,
        "dependencies": [{"ref": ref, "dependsOn": sorted(needs[ref])} for ref in sorted(needs)],
    }


if __name__ == "__main__":
    out, commit, epoch, *files = sys.argv[1:]
    text = json.dumps(bill(commit, int(epoch), [pathlib.Path(file) for file in files]), indent=1)
    pathlib.Path(out).write_text(text + "\n")

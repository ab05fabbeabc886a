"""Which crates are in the program: the one source of the bill of materials, the list inside the program and the notices.

`cargo tree` says which are used for a target, with the features that are really on; `cargo metadata` says all else about them.
"""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = "hozen"


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _used(target: str, edges: str) -> set[tuple[str, str]]:
    """Names and versions of what the program for `target` is made of along these edges."""
    tree = cargo("tree", "--locked", "-p", PROGRAM, "-e", edges, "--target", target, "--prefix", "none", "--no-dedupe", "-f", "{p}")
    words = (line.split() for line in tree.splitlines() if line.strip())
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


class Graph:
    """The crates of the program for one target, by their id, with what each needs."""

    def __init__(self, target: str) -> None:
        metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", target))
        used, linked = _used(target, "normal,build"), _used(target, "normal")
        self.packages = {
            package["id"]: package
            for package in sorted(metadata["packages"], key=lambda package: (package["name"], package["version"]))
            if (package["name"], package["version"]) in used
        }
        missing = used - {(package["name"], package["version"]) for package in self.packages.values()}
        if missing:
            raise SystemExit(f"cargo tree names what cargo metadata does not know: {sorted(missing)}")
        nodes = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
        self.needs = {id: sorted({dep["pkg"] for dep in nodes[id] if self._counts(dep)}) for id in self.packages}
        self.root = next(id for id, package in self.packages.items() if package["name"] == PROGRAM)
        self.only_builds = {id for id, package in self.packages.items() if (package["name"], package["version"]) not in linked}
        self.checksums = _checksums()

    def _counts(self, dep: dict) -> bool:
        return dep["pkg"] in self.packages and any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])


def _checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of each crate as the lock file has it."""
    import tomllib

    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}

"""The licences of everything that is in the programs, each text once, with the crates that it is the licence of. They want to
go with every copy.

usage: notices.py FILE [LICENCE-OF-MUSL]
"""

import pathlib
import sys

from graph import Graph
from sbom import TARGETS

NAMES = ("license", "licence", "copying", "copyright", "notice", "unlicense")


def texts(package: dict) -> list[str]:
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name.lower().startswith(NAMES))
    return [file.read_text(errors="replace").replace("\r\n", "\n").strip() for file in files]


def main(out: str, musl: list[str]) -> None:
    packages = {}
    for target in TARGETS:
        graph = Graph(target)
        for id, package in graph.packages.items():
            if package["source"] is not None and id not in graph.only_builds:
                packages[package["name"], package["version"]] = package
    bodies = {}
    lines = ["What is in the program hozen, and under which licence.", ""]
    for (name, version), package in sorted(packages.items()):
        lines.append(f"{name} {version}: {package['license']}")
        for text in texts(package):
            bodies.setdefault(text, []).append(f"{name} {version}")
    lines += ["musl (C library): MIT", "The Rust standard library: MIT OR Apache-2.0", ""]
    for file in musl:
        bodies.setdefault(pathlib.Path(file).read_text(errors="replace").strip(), []).append("musl")
    for text, names in bodies.items():
        lines += ["-" * 100, ", ".join(names), "", text, ""]
    pathlib.Path(out).write_text("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

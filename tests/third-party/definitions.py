"""Counts what the definitions of the package `artifacts` want on Linux: definitions.py

Prints one line of JSON: where the definitions lie, how many paths of files and of folders there are for Linux, how many of them the kernel
makes (/proc, /sys), and how many commands.
"""

import json
import pathlib

import artifacts
from artifacts import reader


def main() -> None:
    folder = pathlib.Path(artifacts.__file__).with_name("data")
    counts = {"FILE": 0, "PATH": 0, "COMMAND": 0, "kernel": 0}
    names = 0
    for path in sorted(folder.glob("*.yaml")):
        for definition in reader.YamlArtifactsReader().ReadFile(str(path)):
            names += 1
            for source in definition.sources:
                systems = [definition.supported_os, source.supported_os]
                if source.type_indicator in ("FILE", "PATH", "COMMAND") and all(not named or "Linux" in named for named in systems):
                    paths = getattr(source, "paths", [""])
                    kernel = sum(path.startswith(("/proc/", "/sys/")) for path in paths)
                    counts[source.type_indicator] += len(paths) - kernel
                    counts["kernel"] += kernel
    print(json.dumps({"folder": str(folder), "definitions": names, **counts}))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Builds the documents of this folder: YAML in, the JSON that Systems Manager takes out.

usage: build.py [--to DIR]     (default: ./built; needs PyYAML)

`!files [a.py, b.py]` stands for the text of files in scripts/, one after the other: what several steps need is written once, and is
a file that an editor and a linter understand. `!lines [a.sh]` stands for the same as a list of lines, as runCommand takes it.
"""

import pathlib

import yaml

import written
from shake import shaken

HERE = pathlib.Path(__file__).resolve().parent
# Systems Manager's limit for the text of one document.
MOST_BYTES = 64 * 1024


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML with the two words above."""


def text_of(name):
    return (HERE / "scripts" / name).read_text()


def files(loader, node):
    return "\n\n".join(text_of(name).strip() for name in loader.construct_sequence(node)) + "\n"


def lines(loader, node):
    return [line for name in loader.construct_sequence(node) for line in text_of(name).rstrip("\n").split("\n")]


Loader.add_constructor("!files", files)
Loader.add_constructor("!lines", lines)


def load(path):
    """One document."""
    document = yaml.load(path.read_text(), Loader)
    for step in document["mainSteps"]:
        inputs = step["inputs"]
        if step["action"] == "aws:executeScript":
            inputs["Script"] = shaken(inputs["Script"], inputs["Handler"])
    return document


def documents():
    """All documents, by name."""
    return {path.stem: load(path) for path in sorted(HERE.glob("*.yaml"))}


def as_json(document):
    """The text that is uploaded."""
    return written.text_of(document, MOST_BYTES, "Systems Manager")


if __name__ == "__main__":
    written.main(__doc__, HERE, documents, as_json)

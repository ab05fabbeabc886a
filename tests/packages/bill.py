"""Holds the bill of materials against the schema of CycloneDX 1.5 that its authors publish, in the copy of their own library
(cyclonedx-python-lib), and shows that the schema is one that would refuse it.

usage: bill.py SBOM
"""

import copy
import json
import pathlib
import sys
from collections.abc import Callable

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_5)


def objection(bill: dict) -> str | None:
    error = VALIDATOR.validate_str(json.dumps(bill))
    return None if error is None else str(error)


def component(change: Callable[[dict], object]) -> Callable[[dict], object]:
    return lambda bill: change(bill["components"][0])


# What must not pass, by what is wrong with it.
BROKEN: dict[str, Callable[[dict], object]] = {
    "a component has no name": component(lambda one: one.pop("name")),
    "a component is of no known type": component(lambda one: one.update(type="crate")),
    "a digest is too short": component(lambda one: one["hashes"][0].update(content="ab")),
    "a member is not in the schema": component(lambda one: one.update(sha256="")),
    "a scope is not in the schema": component(lambda one: one.update(scope="build")),
    "two components are the same": lambda bill: bill["components"].append(bill["components"][0]),
    "the serial number is no UUID": lambda bill: bill.update(serialNumber="urn:uuid:1"),
    "the time is none": lambda bill: bill["metadata"].update(timestamp="today"),
    "a dependency has no name": lambda bill: bill["dependencies"][0].pop("ref"),
    "it is of another format": lambda bill: bill.update(bomFormat="SPDX"),
}


def main(path: pathlib.Path) -> None:
    bill = json.loads(path.read_text())
    assert bill["components"][0]["hashes"], "the first component has no digest to break"
    found = objection(bill)
    assert found is None, found
    for wrong, breaks in BROKEN.items():
        broken = copy.deepcopy(bill)
        breaks(broken)
        assert objection(broken) is not None, f"the schema lets it pass that {wrong}"


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

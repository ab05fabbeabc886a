#!/usr/bin/env python3
"""Holds our Automation documents against the JSON schema of AWS's own document language service, of the npm registry.

`LANGUAGE_SERVICE` names its package, as `npm pack` brings it; it must be the one that npm.txt names (Apache-2.0; nothing of it is kept here). What the
schema rejects wrongly is named in AMENDMENTS, each with what AWS documents instead, and each must still be needed.
"""

import base64
import copy
import hashlib
import json
import os
import pathlib
import tarfile
import unittest

import jsonschema

from lint import build, documents

PINNED = pathlib.Path(__file__).resolve().parents[1] / "npm.txt"
SCHEMA = "package/dist/schema.json"


def package():
    """The package, if it is the one that is pinned."""
    path = pathlib.Path(os.environ["LANGUAGE_SERVICE"])
    _, wanted = PINNED.read_text().split()
    found = "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()
    if found != wanted:
        raise SystemExit(f"{path} is {found}, and not what {PINNED.name} names")
    return path


def published():
    """The schema as it is published."""
    with tarfile.open(package()) as archive:
        return json.load(archive.extractfile(SCHEMA))


def step_of(schema):
    return schema["properties"]["mainSteps"]["items"]


def add_on_cancel(schema):
    """`onCancel`, a property of every step (Systems Manager User Guide, "Properties shared by all actions"): Abort or step:NAME."""
    step_of(schema)["properties"]["onCancel"] = {"type": "string", "pattern": r"^(Abort|step:\w+)$"}


def add_newer_runtimes(schema):
    """`aws:executeScript` knows newer Pythons by now (the same guide, "aws:executeScript": python3.11 and others)."""
    (script,) = [one for one in step_of(schema)["allOf"] if one["if"]["properties"]["action"].get("const") == "aws:executeScript"]
    script["then"]["properties"]["inputs"]["properties"]["Runtime"]["oneOf"][0]["enum"].append("python3.11")


AMENDMENTS = (add_on_cancel, add_newer_runtimes)


def amended(*amendments):
    schema = copy.deepcopy(published())
    for amend in amendments:
        amend(schema)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    return validator(schema)


def automations():
    """As they are uploaded."""
    return {name: json.loads(build.as_json(one)) for name, one in documents().items() if one["schemaVersion"] == "0.3"}


class Shapes(unittest.TestCase):
    """What AWS's schema says of our Automation documents."""

    def test_automations_have_the_shape_that_aws_publishes(self):
        schema, found = amended(*AMENDMENTS), automations()
        self.assertGreaterEqual(len(found), 6)
        for name, document in found.items():
            with self.subTest(name):
                faults = [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in schema.iter_errors(document)]
                self.assertEqual(faults, [])

    def test_each_exception_is_needed(self):
        for left_out in AMENDMENTS:
            schema = amended(*(one for one in AMENDMENTS if one is not left_out))
            self.assertTrue(any(not schema.is_valid(one) for one in automations().values()), left_out.__name__)

    def test_it_sees_what_is_wrong(self):
        """Else that nothing is found would say nothing."""
        schema, whole = amended(*AMENDMENTS), automations()["Hozen-Respond"]

        def wrong(change):
            document = copy.deepcopy(whole)
            change(document, {step["name"]: step for step in document["mainSteps"]})
            return not schema.is_valid(document)
        self.assertFalse(wrong(lambda document, steps: None))
        self.assertTrue(wrong(lambda document, steps: document.update(mainStep=[])))
        self.assertTrue(wrong(lambda document, steps: document["parameters"]["Mode"].update(type="Text")))
        for word, value in (("action", "aws:executeScripts"), ("onFailure", "Contain"), ("onCancel", "Contain"), ("onCancelled", "step:Contain"),
                            ("nextStep", ["Contain"]), ("maxAttempts", "three")):
            self.assertTrue(wrong(lambda document, steps: steps["Contain"].update({word: value})), word)
        self.assertTrue(wrong(lambda document, steps: steps["Contain"]["inputs"].update(Runtime="python4")))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""What Run Command would run of a Command document of ours, as JSON: the script of its shell step, its variables, its time-out.

usage: command.py NAME PARAMETERS     (JSON: name to value)

Fails where Systems Manager would refuse the parameters.
"""

import json
import re
import sys

from lint import REFERENCE, build


def value_of(name, about, given):
    if name not in given and "default" not in about:
        raise SystemExit(f"InvalidParameters: {name} is missing")
    value = given.get(name, about.get("default"))
    if "allowedValues" in about and value not in about["allowedValues"]:
        raise SystemExit(f"InvalidParameters: {name} is none of its values")
    if "allowedPattern" in about and not re.search(about["allowedPattern"], value):
        raise SystemExit(f"InvalidParameters: {name} is not of its pattern")
    return value


def main(name, given):
    document = build.documents()[name]
    declared = document["parameters"]
    if unknown := set(given) - set(declared):
        raise SystemExit(f"InvalidParameters: {unknown}")
    values = {key: value_of(key, about, given) for key, about in declared.items()}
    inputs = next(step["inputs"] for step in document["mainSteps"] if step["action"] == "aws:runShellScript")

    def filled(text):
        return REFERENCE.sub(lambda found: values[found[1]], text)

    variables = {f"SSM_{key}": values[key] for key, about in declared.items() if about.get("interpolationType") == "ENV_VAR"}
    script = "".join(filled(line) + "\n" for line in inputs["runCommand"])
    print(json.dumps({"script": script, "variables": variables, "timeout": int(filled(inputs["timeoutSeconds"]))}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))

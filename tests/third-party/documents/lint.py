#!/usr/bin/env python3
"""Checks of the documents in ssm-documents that nobody else makes. Run as a program it says what is wrong, and fails if anything is."""

import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "ssm-documents"))
import build  # noqa: E402

REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_:.]+)\s*\}\}")
KNOWN = {"global:ACCOUNT_ID", "global:REGION", "automation:EXECUTION_ID"}
ACTIONS = {"executeScript", "branch", "runCommand", "executeAutomation", "approve", "sleep", "executeAwsApi", "waitForAwsResourceProperty"}
PLUGINS = {"aws:configurePackage", "aws:runShellScript"}
STEP_KEYS = {"name", "action", "inputs", "timeoutSeconds", "maxAttempts", "onFailure", "onCancel", "nextStep", "isEnd", "isCritical", "outputs"}
MOST_SECONDS = {"executeScript": 600, "approve": 2_592_000}
# Names of parameters whose values belong into no text: what is put into a command's text stays on the host and in its history.
SECRET = re.compile(r"(?i)^AWS_|token|access_?key|secret|password")
ENDED = "(end)"
SHELL = ("x; reboot", "$(reboot)", "`reboot`", "a|b", "a && b", "'", '"', "a\nreboot\nb")


@functools.cache
def documents():
    return build.documents()


def texts(value):
    """Every text in a value, scripts left out: what looks like a reference there is code."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from () if key == "Script" else texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def references(value):
    return {name for text in texts(value) for name in REFERENCE.findall(text)}


def check_parameters(document):
    for name, about in document.get("parameters", {}).items():
        if about["type"] == "String":
            rule = about.get("allowedPattern")
            if not rule and "allowedValues" not in about:
                yield f"parameter {name} takes anything"
            if rule and not (rule.startswith("^") and rule.endswith("$")):
                yield f"the pattern of {name} is not of the whole"
            if rule and any(re.search(rule, word) for word in SHELL):
                yield f"parameter {name} takes shell"
            if rule and "default" in about and not re.search(rule, about["default"]):
                yield f"the default of {name} is refused"
            if "allowedValues" in about and about.get("default", about["allowedValues"][0]) not in about["allowedValues"]:
                yield f"the default of {name} is none of its values"
        for word in (*about.get("allowedValues", []), about.get("default", "")):
            if isinstance(word, bool):
                yield f"{name}: YAML made a truth value of a word; quote it"


def check_command(document):
    steps = document["mainSteps"]
    declared = document.get("parameters", {})
    as_variables = {name for name, about in declared.items() if about.get("interpolationType") == "ENV_VAR"}
    for at, step in enumerate(steps):
        if step["action"] not in PLUGINS:
            yield f"{step['name']}: {step['action']} is not known"
        for key in ("finallyStep", "onFailure", "onSuccess"):
            if key in step:
                yield f"{step['name']}: {key} counts only within inputs"
        if step["inputs"].get("finallyStep") and at != len(steps) - 1:
            yield f"{step['name']}: finallyStep counts only on the last step"
        if step["action"] == "aws:configurePackage" and step["inputs"]["action"] == "Uninstall" and not step["inputs"].get("finallyStep"):
            yield f"{step['name']}: what takes the package away must come whatever became of the rest"
        if "precondition" not in step:
            yield f"{step['name']}: for which platform?"
        for name in references(step):
            if name not in declared:
                yield f"{step['name']}: {name} is not declared"
            elif name in as_variables:
                yield f"{step['name']}: {name} is a variable, and not to be put into text"
    script = "\n".join(line for step in steps for line in step["inputs"].get("runCommand", []))
    for name in set(re.findall(r"SSM_(?!AWS_)([A-Za-z0-9]+)", script)) - {"COMMAND_ID"}:
        if name not in as_variables:
            yield f"the script asks for {name}, which is no variable"
    for name in set(declared) - as_variables:
        if SECRET.search(name):
            yield f"{name} is a secret, and no variable"
    for name in as_variables:
        if f"SSM_{name}" not in script and not name.startswith("AWS_"):
            yield f"nothing asks for {name}"
    if re.search(r"(?i)secret|token", " ".join(about.get("default", "") for about in declared.values())):
        yield "a secret in a default"


def targets(step, order):
    """Where a step leads: (what became of it, next step)."""
    name = step["name"]
    after = order[order.index(name) + 1] if order.index(name) + 1 < len(order) else ENDED
    if step["action"] == "aws:branch":
        choices = [choice["NextStep"] for choice in step["inputs"]["Choices"]] + [step["inputs"].get("Default", ENDED if step.get("isEnd") else after)]
    else:
        choices = [ENDED if step.get("isEnd") else step.get("nextStep", after)]
    for choice in choices:
        yield "success", choice
    way = step.get("onFailure", "Abort")
    yield "failure", way.removeprefix("step:") if way.startswith("step:") else choices[0] if way == "Continue" else ENDED
    if "onCancel" in step:
        yield "cancel", step["onCancel"].removeprefix("step:")


def succeeded_before(document):
    """For each step the steps that every way to it has passed with success: the ones whose outputs are there."""
    order = [step["name"] for step in document["mainSteps"]]
    everything = set(order)
    sure = {name: set(everything) for name in order}
    sure[order[0]] = set()
    changed = True
    while changed:
        changed = False
        for step in document["mainSteps"]:
            for outcome, target in targets(step, order):
                if target == ENDED or target not in sure:
                    continue
                known = sure[step["name"]] | ({step["name"]} if outcome == "success" else set())
                if not sure[target] <= known:
                    sure[target] &= known
                    changed = True
    return sure


def check_automation(document):
    order = [step["name"] for step in document["mainSteps"]]
    declared = document["parameters"]
    by_name = {step["name"]: step for step in document["mainSteps"]}
    if len(set(order)) != len(order):
        yield "two steps with one name"
    sure = succeeded_before(document)
    reached = {order[0]}
    for _ in order:
        reached |= {target for name in reached & set(order) for _, target in targets(by_name[name], order)}
    for name in set(order) - reached:
        yield f"nothing leads to {name}"
    for step in document["mainSteps"]:
        name, action = step["name"], step["action"].removeprefix("aws:")
        if action not in ACTIONS or set(step) - STEP_KEYS:
            yield f"{name}: {action} {sorted(set(step) - STEP_KEYS)}"
        if "onFailure" not in step:
            yield f"{name}: onFailure is not said"
        if action not in ("branch", "sleep") and not 0 < step.get("timeoutSeconds", 0) <= MOST_SECONDS.get(action, 172_800):
            yield f"{name}: timeoutSeconds"
        for _, target in targets(step, order):
            if target not in by_name and target != ENDED:
                yield f"{name}: no step {target}"
        for reference in references(step["inputs"]) - KNOWN:
            asked, dot, output = reference.partition(".")
            if not dot and asked not in declared:
                yield f"{name}: {reference} is not declared"
            elif dot and asked not in by_name:
                yield f"{name}: no step {asked}"
            elif dot and asked not in sure[name]:
                yield f"{name}: {reference} is not there on every way to it"
            elif dot and output not in {one["Name"] for one in by_name[asked].get("outputs", [])}:
                yield f"{name}: {asked} gives no {output}"
        yield from check_called(step)
    used = references(document["mainSteps"]) | {"AutomationAssumeRole"}
    for name in set(declared) - used:
        yield f"nothing asks for {name}"


def check_called(step):
    """Other documents of ours get parameters that they declare, and all that they need."""
    inputs = step["inputs"]
    called = documents().get(inputs.get("DocumentName"))
    if step["action"] not in ("aws:runCommand", "aws:executeAutomation"):
        return
    if called is None:
        if not inputs["DocumentName"].startswith("AWS-"):
            yield f"{step['name']}: no document {inputs['DocumentName']}"
        return
    given = set(inputs.get("Parameters") or inputs.get("RuntimeParameters"))
    declared = called["parameters"]
    for name in given - set(declared):
        yield f"{step['name']}: {inputs['DocumentName']} has no parameter {name}"
    for name in set(declared) - given:
        if "default" not in declared[name]:
            yield f"{step['name']}: {inputs['DocumentName']} needs {name}"


# Steps of Hozen-Respond that come after the decision, or on a way of which nothing is to be contained.
AFTER = {"EndCredentials", "Report", "AskedLate", "ContainLate", "Done"}
# Who leads past Contain, and why that is right.
NOT_CONTAINED = {("Route", "Report"), ("WasRejected", "EndCredentials")}


def check_containment(document):
    """Every way of Hozen-Respond ends in Contain: success, failure, time-out and cancel of every step before it."""
    order = [step["name"] for step in document["mainSteps"]]
    for step in document["mainSteps"]:
        name = step["name"]
        if name in AFTER:
            continue
        found = list(targets(step, order))
        if name not in ("Contain", "ContainAgain") and step.get("onCancel") != "step:Contain":
            yield f"{name}: when cancelled, nothing is contained"
        for outcome, target in found:
            skips = target == ENDED or target in AFTER
            if name in ("Contain", "ContainAgain"):
                wrong = target == ENDED
            else:
                wrong = skips and (name, target) not in NOT_CONTAINED
            if wrong:
                yield f"{name}: {outcome} leads past containment, to {target}"
    contain = next(step for step in document["mainSteps"] if step["name"] == "Contain")
    if (contain["onFailure"], contain["onCancel"]) != ("step:ContainAgain", "step:ContainAgain"):
        yield "Contain is not tried again"


def check(name, document):
    yield from check_parameters(document)
    try:
        build.as_json(document)
    except SystemExit as error:
        yield str(error)
    if document["schemaVersion"] == "2.2":
        yield from check_command(document)
    elif document["schemaVersion"] == "0.3":
        yield from check_automation(document)
    else:
        yield "schemaVersion"
    if name == "Hozen-Respond":
        yield from check_containment(document)


def main():
    wrong = [f"{name}: {fault}" for name, document in build.documents().items() for fault in check(name, document)]
    print("\n".join(wrong) or "nothing is wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

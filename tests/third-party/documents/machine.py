#!/usr/bin/env python3
"""Reads the sample for Step Functions as the States Language says (https://states-language.net/spec.html), and walks it with answers of ours.

Only what the sample uses is known here; anything else is an error, so that the walk means something.
"""

import copy
import json
import pathlib
import re
import unittest

import boto3
from stage import DOCUMENTS, line

FILE = pathlib.Path(__file__).resolve().parents[3] / "packaging" / "step-functions" / "collect.asl.json"
TYPES = {"Task", "Choice", "Wait", "Pass", "Parallel", "Succeed", "Fail"}
TERMINAL = {"Succeed", "Fail"}


class Failed(Exception):
    """An error of the States Language, with its name."""


def machine():
    return json.loads(FILE.read_text())


def leads_to(state):
    """Every state that one leads to."""
    return [state[key] for key in ("Next", "Default") if key in state] + [one["Next"] for key in ("Choices", "Catch") for one in state.get(key, [])]


def faults(machine):
    """What is wrong with a machine: states that are not there or not reached, ends that are none, calls that AWS does not know."""
    states = machine["States"]
    if machine["StartAt"] not in states:
        yield f"it begins at {machine['StartAt']}, which is not there"
    reached, waiting = set(), {machine["StartAt"]} & set(states)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= {target for target in leads_to(states[name]) if target in states} - reached
    for name, state in states.items():
        if name not in reached:
            yield f"nothing leads to {name}"
        yield from (f"{name}: {fault}" for fault in faults_of(state, states))


def faults_of(state, states):
    if state["Type"] not in TYPES:
        yield f"type {state['Type']}"
    for target in leads_to(state):
        if target not in states:
            yield f"no state {target}"
    ends = state["Type"] in TERMINAL or state.get("End") is True
    if ends == bool(leads_to(state)) or (state["Type"] == "Choice" and "Default" not in state):
        yield "it neither ends nor goes on, or both"
    if state["Type"] == "Task":
        yield from faults_of_call(state)
    for branch in state.get("Branches", []):
        yield from faults(branch)


def faults_of_call(state):
    """The call is one of the service, with parameters that it has; documents of ours get parameters that they declare."""
    known = re.fullmatch(r"arn:aws:states:::aws-sdk:([a-z0-9]+):([A-Za-z]+)", state["Resource"])
    if not known:
        yield f"resource {state['Resource']}"
        return
    model = boto3.client(known[1], region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x").meta.service_model
    operation = known[2][0].upper() + known[2][1:]
    if operation not in model.operation_names:
        yield f"{known[1]} has no {operation}"
        return
    shape, given = model.operation_model(operation).input_shape, {name.removesuffix(".$") for name in state["Parameters"]}
    if given - set(shape.members) or set(shape.required_members) - given:
        yield f"parameters of {operation}"
    if "DocumentName" in given:
        declared = DOCUMENTS[state["Parameters"]["DocumentName"]]["parameters"]
        ours = {name.removesuffix(".$") for name in state["Parameters"]["Parameters"]}
        needed = {name for name, about in declared.items() if "default" not in about}
        if ours - set(declared) or needed - ours:
            yield f"parameters of {state['Parameters']['DocumentName']}"


# The walk.

def at(data, path):
    for name, place in re.findall(r"\.([A-Za-z_]+)|\[(\d+)\]", path.removeprefix("$")):
        try:
            data = data[int(place)] if place else data[name]
        except (KeyError, IndexError, TypeError):
            raise Failed("States.ParameterPathFailure", path) from None
    return data


def evaluated(text, data):
    call = re.fullmatch(r"States\.(Array|StringToJson)\((\$[^()]*)\)", text)
    if not call:
        return at(data, text)
    value = at(data, call[2])
    if call[1] == "Array":
        return [value]
    try:
        return json.loads(value)
    except ValueError:
        raise Failed("States.IntrinsicFailure", text) from None


def filled(template, data):
    if isinstance(template, dict):
        return {name.removesuffix(".$"): evaluated(value, data) if name.endswith(".$") else filled(value, data) for name, value in template.items()}
    return template


def holds(rule, data):
    if "Or" in rule or "And" in rule:
        return any(holds(one, data) for one in rule["Or"]) if "Or" in rule else all(holds(one, data) for one in rule["And"])
    if "IsPresent" in rule:
        try:
            return (at(data, rule["Variable"]), True)[1] == rule["IsPresent"]
        except Failed:
            return not rule["IsPresent"]
    value = at(data, rule["Variable"])
    (how, word), = [(key, rule[key]) for key in rule if key not in ("Variable", "Next")]
    if how not in ("StringEquals", "BooleanEquals"):
        raise ValueError(how)
    return type(value) is type(word) and value == word


def placed(state, data, result):
    result = filled(state["ResultSelector"], result) if "ResultSelector" in state else result
    path = state.get("ResultPath", "$")
    return result if path == "$" else {**data, path.removeprefix("$."): result}


class Walk:
    """One execution; `calls` answers the tasks by the name of their operation."""

    def __init__(self, calls):
        self.calls, self.trace = calls, []

    def run(self, machine, data):
        name = machine["StartAt"]
        for _ in range(500):
            self.trace.append(name)
            state = machine["States"][name]
            if state["Type"] == "Fail":
                raise Failed(state["Error"], state["Cause"])
            if state["Type"] == "Choice":
                name = next((rule["Next"] for rule in state["Choices"] if holds(rule, data)), state["Default"])
                continue
            try:
                data = placed(state, data, self.result(state, data))
            except Failed as error:
                if not state.get("Catch"):
                    raise
                data, name = {**data, "Failure": {"Error": error.args[0]}}, state["Catch"][0]["Next"]
                continue
            if state["Type"] == "Succeed" or state.get("End"):
                return data
            name = state["Next"]
        raise AssertionError("an execution without end")

    def result(self, state, data):
        if state["Type"] == "Parallel":
            return [self.run(branch, copy.deepcopy(data)) for branch in state["Branches"]]
        if state["Type"] == "Task":
            attempts = 1 + sum(one["MaxAttempts"] for one in state.get("Retry", []))
            for attempt in range(attempts):
                try:
                    return self.calls[state["Resource"].rsplit(":", 1)[-1]](filled(state["Parameters"], data))
                except Failed:
                    if attempt + 1 == attempts:
                        raise
        return filled(state["Parameters"], data) if "Parameters" in state else data


GIVEN = {"InstanceId": "i-0123456789abcdef0", "CaseId": "IR-1", "EvidenceUri": "s3://evidence/cases", "EvidenceRegion": "eu-central-1",
         "Responder": "arn:aws:iam::123456789012:role/hozen/hozen-responder", "Contain": True}


def account(said, status="Success", containment="Success", send=None):
    """Answers of an account: a command that is on its way twice and then ends so, and an Automation likewise."""
    looks = {"command": ["Pending", "InProgress", status], "automation": ["InProgress", containment]}
    started = []

    def look(which):
        return looks[which].pop(0) if len(looks[which]) > 1 else looks[which][0]

    def fail(_):
        raise Failed("Ssm.InvalidInstanceIdException")
    return started, {
        "sendCommand": send or (lambda given: {"Command": {"CommandId": "c"}}),
        "getCommandInvocation": lambda given: {"Status": look("command"), "StandardOutputContent": said},
        "startAutomationExecution": fail if containment == "refused" else lambda given: (started.append(given), {"AutomationExecutionId": "a"})[1],
        "getAutomationExecution": lambda given: {"AutomationExecution": {"AutomationExecutionStatus": look("automation")}},
    }


def no_command(_):
    raise Failed("Ssm.InvalidInstanceIdException")


class Sample(unittest.TestCase):
    """What is asked for is done, whatever became of the rest."""

    def walk(self, contain=True, **how):
        started, calls = account(**how)
        walk, ended = Walk(calls), "Collected"
        try:
            walk.run(machine(), {**GIVEN, "Contain": contain})
        except Failed as error:
            ended = error.args[0]
        return ended, len(started), walk.trace

    def test_it_is_sound(self):
        self.assertEqual(list(faults(machine())), [])

    def test_what_is_wrong_is_found(self):
        changes = [
            (lambda states: states["Gather"].update(Next="Nowhere"), "no state Nowhere"),
            (lambda states: states["MustContain"].update(Default="Contain"), "nothing leads to"),
            (lambda states: states["MustContain"].pop("Default"), "neither ends"),
            (lambda states: states["Contain"].update(End=True), "neither ends"),
            (lambda states: states["Contain"]["Parameters"]["Parameters"].pop("InstanceId.$"), "parameters of Hozen-Respond"),
            (lambda states: states["Contain"].update(Resource="arn:aws:states:::aws-sdk:ssm:startAutomation"), "has no"),
            (lambda states: states["Gather"]["Branches"][0]["States"]["Look"]["Parameters"].pop("InstanceId.$"), "parameters of GetCommandInvocation"),
        ]
        for change, words in changes:
            broken = machine()
            change(broken["States"])
            if words == "nothing leads to":
                broken["States"]["MustContain"]["Choices"] = [{"Variable": "$.Contain", "BooleanEquals": True, "Next": "Contain"}]
                broken["States"]["IsContained"]["Choices"].pop(0)
            self.assertIn(words, "\n".join(faults(broken)))

    def test_collected_and_contained(self):
        ended, contained, trace = self.walk(said=line() + "\n")
        self.assertEqual((ended, contained), ("Collected", 1))
        self.assertLess(trace.index("Read"), trace.index("Contain"))

    def test_collect_only_never_contains(self):
        for how in ({"said": line()}, {"said": "", "status": "TimedOut"}, {"said": "", "send": no_command}):
            self.assertEqual(self.walk(contain=False, **how)[1], 0)

    def test_whatever_fails_it_contains(self):
        for how in ({"said": "", "status": "TimedOut"}, {"said": "no JSON", "status": "Failed"}, {"said": "", "send": no_command},
                    {"said": line(safe_to_isolate=False, outcome="failed"), "status": "Failed"}):
            self.assertEqual(self.walk(**how)[:2], ("NotCollected", 1), how)

    def test_sealed_evidence_counts_whatever_the_status(self):
        self.assertEqual(self.walk(said=line(outcome="partial", code=20), status="Failed")[:2], ("Collected", 1))

    def test_containment_that_fails_is_told(self):
        self.assertEqual(self.walk(said=line(), containment="Failed")[0], "NotContained")
        self.assertEqual(self.walk(said=line(), containment="refused")[:2], ("Ssm.InvalidInstanceIdException", 0))


if __name__ == "__main__":
    unittest.main()

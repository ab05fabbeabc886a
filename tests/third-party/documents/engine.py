"""Walks an Automation as Systems Manager would: steps, branches, failures, time-outs, retries, cancelling, executions within executions.

Scripts of aws:executeScript are executed as they are, with their own boto3 calls, which moto answers. What moto does not have (managed
instances, commands, executions) is here. Clock and sleep are this engine's, so that 45 minutes pass at once.
"""

import builtins
import functools
import itertools
import json
import os
import pathlib
import re
import types
import uuid

# moto makes thousands of images for each test, if it is not told which ones; and no test has an account.
os.environ["MOTO_AMIS_PATH"] = str(pathlib.Path(__file__).with_name("images.json"))
os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing", AWS_DEFAULT_REGION="eu-central-1")

import boto3  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from moto import mock_aws  # noqa: E402

REGION = "eu-central-1"
ACCOUNT = "123456789012"
SESSION = None
# Clients are costly to make, and moto answers those of earlier worlds, too.
REAL = {}
REFERENCE = re.compile(r"\{\{\s*([A-Za-z0-9_:.]+)\s*\}\}")


class StepFailed(Exception):
    """A step that did not come to its end."""


class Cancelled(Exception):
    """The execution was cancelled while a step was at work."""


def denied(action, code="AccessDenied"):
    return ClientError({"Error": {"Code": code, "Message": f"not allowed: {action}"}}, action)


class Client:
    """A client of boto3 that keeps a list of calls, fails where it is told to, and answers what moto cannot."""

    def __init__(self, world, service, real, assumed=False):
        self.world, self.service, self.real, self.assumed = world, service, real, assumed
        self.meta, self.exceptions = real.meta, real.exceptions

    def __getattr__(self, method):
        def call(**arguments):
            api = self.real.meta.method_to_api_mapping.get(method, method)
            self.record(api, arguments)
            # moto does with some calls of EC2 what it was only asked for.
            if arguments.get("DryRun"):
                raise denied(api, "DryRunOperation")
            own = self.world.own.get((self.service, api))
            return own(**arguments) if own else getattr(self.real, method)(**arguments)
        return call

    def record(self, api, arguments):
        self.world.calls.append((self.service, api, arguments))
        if self.world.in_script:
            (self.world.assumed if self.assumed else self.world.own_rights).add(f"{self.service}:{api}")
        self.world.may_fail(self.service, api, arguments)

    def get_paginator(self, method):
        api = self.real.meta.method_to_api_mapping[method]

        def paginate(**arguments):
            self.record(api, arguments)
            own = self.world.own.get((self.service, api))
            return [own(**arguments)] if own else self.real.get_paginator(method).paginate(**arguments)
        return types.SimpleNamespace(paginate=paginate)


class World:
    """An account: what moto holds, and what it does not."""

    def __init__(self):
        self.now, self.slept = 1_800_000_000.0, []
        self.calls, self.faults = [], []
        # What scripts did in the responder's name, and with credentials of roles that they took.
        self.in_script, self.own_rights, self.assumed = False, set(), set()
        self.managed, self.commands, self.executions = {}, [], {}
        self.on_command, self.on_approve, self.on_step = {}, lambda: "Approved", lambda execution, step: None
        self.own = {
            ("ssm", "DescribeInstanceInformation"): self.instance_information,
            ("ssm", "ListCommands"): self.list_commands,
            ("ssm", "GetCommandInvocation"): self.get_command_invocation,
            ("ssm", "GetAutomationExecution"): self.get_automation_execution,
            ("ec2", "GetConsoleScreenshot"): lambda **_: {"ImageData": "aGVsbG8="},
            ("securityhub", "BatchUpdateFindings"): lambda **_: {"ProcessedFindings": [], "UnprocessedFindings": []},
            ("securityhub", "BatchUpdateFindingsV2"): lambda **_: {"ProcessedFindings": [], "UnprocessedFindings": []},
        }
        self.clients = {}

    def client(self, service, **arguments):
        global SESSION
        SESSION = SESSION or boto3.Session(region_name=REGION)
        key = (service, json.dumps(arguments, sort_keys=True))
        if key not in self.clients:
            assumed = "aws_access_key_id" in arguments
            if key not in REAL:
                REAL[key] = SESSION.client(service, region_name=arguments.pop("region_name", REGION), **arguments)
            self.clients[key] = Client(self, service, REAL[key], assumed)
        return self.clients[key]

    def fail(self, service, api, error=None, times=10 ** 6, when=lambda arguments: True):
        self.faults.append([service, api, error or denied(f"{service}:{api}"), times, when])

    def may_fail(self, service, api, arguments):
        for fault in self.faults:
            if fault[:2] == [service, api] and fault[3] > 0 and fault[4](arguments):
                fault[3] -= 1
                raise fault[2]

    def called(self, service, api):
        return [arguments for one, other, arguments in self.calls if (one, other) == (service, api)]

    # What moto does not have.

    def instance_information(self, Filters=(), **_):
        wanted = [value for one in Filters for value in one["Values"]]
        known = [{"InstanceId": name, "PingStatus": status} for name, status in self.managed.items() if name in wanted]
        return {"InstanceInformationList": known}

    def list_commands(self, InstanceId, **_):
        return {"Commands": [command for command in self.commands if command["InstanceId"] == InstanceId]}

    def get_command_invocation(self, CommandId, PluginName, **_):
        found = next(command for command in self.commands if command["CommandId"] == CommandId)
        if PluginName not in found["Plugins"]:
            raise denied("GetCommandInvocation", "InvalidPluginName")
        return {key: found[key] for key in ("Status", "ResponseCode", "StandardOutputContent", "StandardErrorContent")}

    def get_automation_execution(self, AutomationExecutionId):
        found = self.executions.get(AutomationExecutionId)
        if found is None:
            raise denied("GetAutomationExecution", "AutomationExecutionNotFoundException")
        return {"AutomationExecution": {"AutomationExecutionStatus": found.status, "StepExecutions": found.steps}}


class Execution:
    """One execution of one document."""

    def __init__(self, world, documents, name, parameters, parent=None):
        self.world, self.documents, self.name, self.parent = world, documents, name, parent
        self.document = documents[name]
        self.id = str(uuid.uuid4())
        self.parameters = checked(self.document, parameters)
        self.outputs, self.trace, self.steps, self.status, self.error = {}, [], [], "InProgress", None
        world.executions[self.id] = self

    def run(self):
        by_name = {step["name"]: step for step in self.document["mainSteps"]}
        order = [step["name"] for step in self.document["mainSteps"]]
        name, failed = order[0], False
        for _ in range(200):
            step = by_name[name]
            try:
                self.perform(step)
                target = self.chosen(step) or (None if step.get("isEnd") else step.get("nextStep") or following(order, name))
            except Cancelled:
                if self.status == "Cancelling" or self.parent:
                    self.status = "Cancelled"
                    if self.parent:
                        raise
                self.status = "Cancelling"
                target = jump(step.get("onCancel", "Abort"))
            except StepFailed as error:
                self.error = str(error)
                way = step.get("onFailure", "Abort")
                failed = failed or step.get("isCritical", way != "Continue" and not way.startswith("step:"))
                target = step.get("nextStep") or following(order, name) if way == "Continue" else jump(way)
                if step.get("isEnd"):
                    target = None
            if target is None:
                break
            name = target
        else:
            raise AssertionError("an execution without end")
        self.status = "Cancelled" if self.status == "Cancelling" else "Failed" if failed else "Success"
        return self

    def perform(self, step):
        self.trace.append(step["name"])
        said = {"StepName": step["name"], "Outputs": {}, "Action": step["action"]}
        self.steps.append(said)
        action = getattr(self, step["action"].removeprefix("aws:"))
        for attempt in range(step.get("maxAttempts", 1)):
            try:
                self.world.on_step(self, step["name"])
                inputs = self.resolved(step["inputs"]) if step["action"] != "aws:branch" else step["inputs"]
                said["Inputs"] = inputs
                self.outputs[step["name"]] = action(step, inputs, said)
                self.world.now += 1
                return
            except StepFailed:
                if attempt + 1 == step.get("maxAttempts", 1):
                    raise

    # Actions.

    def executeScript(self, step, inputs, said):
        assert inputs["Runtime"] == "python3.11", inputs["Runtime"]
        begun = self.world.now
        result = run_script(self.world, inputs["Script"], inputs["Handler"], inputs["InputPayload"])
        if self.world.now - begun > min(step["timeoutSeconds"], 600):
            raise StepFailed(f"{step['name']} took {self.world.now - begun} s")
        outputs = {one["Name"]: select(result, one["Selector"].removeprefix("$.Payload.")) for one in step.get("outputs", [])}
        said["Outputs"] = outputs
        return outputs

    def branch(self, step, inputs, said):
        return {"next": self.choose(step)}

    def choose(self, step):
        for choice in step["inputs"]["Choices"]:
            if self.resolved(choice["Variable"]) == choice["StringEquals"]:
                return choice["NextStep"]
        return step["inputs"].get("Default")

    def chosen(self, step):
        return self.outputs[step["name"]]["next"] if step["action"] == "aws:branch" else None

    def runCommand(self, step, inputs, said):
        document = self.documents[inputs["DocumentName"]]
        assert document["schemaVersion"] == "2.2", inputs["DocumentName"]
        parameters = checked(document, {name: value[0] for name, value in inputs["Parameters"].items()})
        command = {"CommandId": str(uuid.uuid4()), "InstanceId": inputs["InstanceIds"][0], "Comment": inputs.get("Comment", ""),
                   "Document": inputs["DocumentName"], "Parameters": parameters, "at": self.world.now,
                   "Plugins": [plugin["name"] for plugin in document["mainSteps"]],
                   "Status": "Pending", "ResponseCode": -1, "StandardOutputContent": "", "StandardErrorContent": ""}
        assert len(command["Comment"]) <= 100
        self.world.commands.append(command)
        if self.world.managed.get(command["InstanceId"]) != "Online":
            self.world.now += int(inputs.get("TimeoutSeconds", 3600))
            command["Status"] = "DeliveryTimedOut"
        else:
            self.world.on_command[inputs["DocumentName"]](self.world, command)
        # What Systems Manager keeps of it.
        command["StandardOutputContent"] = command["StandardOutputContent"][:24000]
        if command["Status"] == "Cancelled":
            raise Cancelled()
        if command["Status"] != "Success":
            raise StepFailed(f"{inputs['DocumentName']}: {command['Status']}")
        said["Outputs"] = {"CommandId": command["CommandId"], "Output": command["StandardOutputContent"][:2500]}
        return said["Outputs"]

    def executeAutomation(self, step, inputs, said):
        parameters = {name: value[0] for name, value in inputs["RuntimeParameters"].items()}
        child = Execution(self.world, self.documents, inputs["DocumentName"], parameters, self)
        child.run()
        said["Outputs"] = {"ExecutionId": child.id, "Status": child.status}
        if child.status != "Success":
            raise StepFailed(f"{inputs['DocumentName']}: {child.error}")
        return said["Outputs"]

    def approve(self, step, inputs, said):
        word = self.world.on_approve()
        said["Outputs"] = {"ApprovalStatus": [word]}
        if word != "Approved":
            self.world.now += 10 if word == "Rejected" else step["timeoutSeconds"]
            raise StepFailed(word)
        return said["Outputs"]

    def sleep(self, step, inputs, said):
        self.world.now += 1
        return {}

    def executeAwsApi(self, step, inputs, said):
        arguments = {key: value for key, value in inputs.items() if key not in ("Service", "Api")}
        method = re.sub(r"(?<!^)([A-Z])", r"_\1", inputs["Api"]).lower()
        try:
            result = getattr(self.world.client(inputs["Service"]), method)(**arguments)
        except ClientError as error:
            raise StepFailed(str(error)) from error
        return {one["Name"]: dig(result, one["Selector"]) for one in step.get("outputs", [])}

    def waitForAwsResourceProperty(self, step, inputs, said):
        wanted = inputs["InstanceInformationFilterList"][0]["valueSet"][0]
        if self.world.managed.get(wanted) not in inputs["DesiredValues"]:
            self.world.now += step["timeoutSeconds"]
            raise StepFailed("timed out")
        return {}

    # Values.

    def resolved(self, value):
        if isinstance(value, dict):
            return {key: inner if key == "Script" else self.resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolved(inner) for inner in value]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        return self.lookup(whole[1]) if whole else REFERENCE.sub(lambda match: str(self.lookup(match[1])), value)

    def lookup(self, name):
        fixed = {"global:ACCOUNT_ID": ACCOUNT, "global:REGION": REGION, "automation:EXECUTION_ID": self.id}
        if name in fixed:
            return fixed[name]
        if name in self.parameters:
            return self.parameters[name]
        step, _, output = name.partition(".")
        try:
            return self.outputs[step][output]
        except KeyError:
            raise StepFailed(f"{name} is not known here") from None


def checked(document, given):
    """Parameters as the service checks them before anything runs."""
    declared = document.get("parameters", {})
    unknown = set(given) - set(declared)
    if unknown:
        raise ValueError(f"InvalidParameters: {sorted(unknown)}")
    values = {}
    for name, about in declared.items():
        if name not in given and "default" not in about:
            raise ValueError(f"{name} is missing")
        value = given.get(name, about.get("default"))
        if isinstance(value, str):
            # Python's $ also stands before a newline at the end; that of Systems Manager does not.
            if "allowedPattern" in about and not re.search(re.sub(r"\$$", r"\\Z", about["allowedPattern"]), value):
                raise ValueError(f"{name} is not as {about['allowedPattern']}: {value!r}")
            if "allowedValues" in about and value not in about["allowedValues"]:
                raise ValueError(f"{name} is none of {about['allowedValues']}: {value!r}")
        values[name] = value
    return values


@functools.cache
def compiled(text, handler):
    """A script is the same in every walk, and compiling it takes longer than running it."""
    return compile(text, f"<{handler}>", "exec")


def run_script(world, text, handler, payload):
    """Executes a script with the world's clock and clients."""
    def sleep(seconds):
        world.slept.append(seconds)
        world.now += seconds
    clock = types.SimpleNamespace(time=lambda: world.now, sleep=sleep)
    aws = types.SimpleNamespace(client=world.client)

    def bring(name, *arguments, **named):
        return {"time": clock, "boto3": aws}.get(name) or builtins.__import__(name, *arguments, **named)
    scope = {"__builtins__": {**vars(builtins), "__import__": bring, "print": lambda *_: None}}
    exec(compiled(text, handler), scope)
    world.in_script = True
    try:
        # A payload is JSON on its way, both ways.
        return json.loads(json.dumps(scope[handler](json.loads(json.dumps(payload)), {})))
    except Cancelled:
        raise
    except Exception as error:
        raise StepFailed(f"{type(error).__name__}: {error}") from error
    finally:
        world.in_script = False


def select(value, path):
    try:
        return str(value[path])
    except KeyError:
        raise StepFailed(f"the script gave no {path}") from None


def dig(value, selector):
    for part in re.findall(r"[A-Za-z]+|\d+", selector.removeprefix("$.")):
        value = value[int(part) if part.isdigit() else part]
    return value


def jump(word):
    return word.removeprefix("step:") if word.startswith("step:") else None


def following(order, name):
    later = itertools.islice(order, order.index(name) + 1, None)
    return next(later, None)


__all__ = ["ACCOUNT", "REGION", "Cancelled", "Execution", "StepFailed", "World", "checked", "denied", "mock_aws", "run_script"]

#!/usr/bin/env python3
"""Executes the Command documents as the agent of Systems Manager does: by sh, parameters in variables, nothing else of the environment.

In the place of the program stands one that says how it was called; `HOZEN` names the real one, whose help must know every option.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from engine import checked
from stage import DOCUMENTS

PLACES = "/usr/bin/hozen /usr/local/bin/hozen /usr/sbin/hozen /opt/hozen/bin/hozen /opt/hozen/hozen"
STAND_IN = """#!/bin/sh
printf '%s\\0' "$@"
printf '\\n'
env
"""
# What each document runs; the drop-in for an orchestrator of others collects, too.
COMMANDS = {"Hozen-Collect": "collect", "Hozen-Preflight": "preflight", "Hozen-Seal": "seal", "Hozen-DropIn": "collect"}
SECRETS = {"AccessKeyId": "ASIAEXAMPLE0123456789", "SecretAccessKey": "c2VjcmV0c2VjcmV0c2VjcmV0", "SessionToken": "dG9rZW50b2tlbg=="}


def script_of(name):
    """The one step that runs a script."""
    return next(step for step in DOCUMENTS[name]["mainSteps"] if step["action"] == "aws:runShellScript")["inputs"]["runCommand"]


class Host:
    """A host with the stand-in, or with nothing; `with Host() as host`."""

    def __init__(self, installed=True):
        self.installed = installed

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.program = pathlib.Path(self.folder.name) / "hozen"
        if self.installed:
            self.program.write_text(STAND_IN)
            self.program.chmod(0o755)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def run(self, name, is_old=False, **parameters):
        """Exit code, what it was called with, and its environment; or what the script said, where it was not called."""
        declared, values = DOCUMENTS[name]["parameters"], checked(DOCUMENTS[name], parameters)
        as_variable = {one for one, about in declared.items() if about.get("interpolationType") == "ENV_VAR"}
        text = "\n".join(script_of(name))
        assert PLACES in text, name
        text = text.replace(PLACES, str(self.program))
        for one in set(values) - as_variable:
            text = text.replace("{{ %s }}" % one, values[one])
        variables = {} if is_old else {f"SSM_{one}": values[one] for one in as_variable}
        file = pathlib.Path(self.folder.name) / "_script.sh"
        file.write_text(text + "\n")
        done = subprocess.run(["sh", file], env={"PATH": "/usr/bin:/bin", "SSM_COMMAND_ID": "c", **variables}, capture_output=True, text=True,
                              timeout=60, check=False)
        called, _, environment = done.stdout.partition("\0\n")
        if not environment:
            return done.returncode, done.stdout, {}
        return done.returncode, called.split("\0"), dict(line.split("=", 1) for line in environment.splitlines() if "=" in line)


class Commands(unittest.TestCase):
    """What the program is called with."""

    def assert_called(self, name, wanted, **parameters):
        with Host() as host:
            code, called, _ = host.run(name, **parameters)
            self.assertEqual((code, called), (0, wanted.split()))

    def test_without_parameters_it_goes_by_the_configuration(self):
        self.assert_called("Hozen-Collect", "collect --config ssm:/hozen/profile/default --deadline "
                           + DOCUMENTS["Hozen-Collect"]["parameters"]["DeadlineSeconds"]["default"] + "s")

    def test_every_parameter_of_a_collection_arrives(self):
        self.assert_called(
            "Hozen-Collect", "collect --to s3://evidence/cases --case IR-1 --region eu-central-1 --bucket-owner 123456789012 "
            "--kms-key arn:aws:kms:eu-central-1:123456789012:key/k --lock compliance --retain-days 30 --credentials ssm:/hozen/credentials/x "
            "--modules s3://modules/lime --endpoint-url https://s3.example:443 --profile full --memory kcore --deadline 900s --max-bandwidth 10MiB "
            "--reference GD-1",
            EvidenceUri="s3://evidence/cases", CaseId="IR-1", EvidenceRegion="eu-central-1", BucketOwner="123456789012",
            KmsKey="arn:aws:kms:eu-central-1:123456789012:key/k", Lock="compliance", RetainDays="30", Credentials="ssm:/hozen/credentials/x",
            Modules="s3://modules/lime", EndpointUrl="https://s3.example:443", Profile="full", Memory="kcore", DeadlineSeconds="900",
            MaxBandwidth="10MiB", Reference="GD-1")

    def test_each_document_takes_every_profile_and_every_way_to_memory_that_there_is(self):
        said = subprocess.run([os.environ["HOZEN"], "collect", "--help"], capture_output=True, text=True, check=True).stdout
        for name in ("Profile", "Memory"):
            (about,) = re.findall(rf"\n {{6}}--{name.lower()} <.*?(?=\n {{6}}--[a-z])", said, re.S)
            known = set(re.findall(r"^ +- ([a-z]+):", about, re.M))
            self.assertGreater(len(known), 2, about)
            pattern = DOCUMENTS["Hozen-Collect"]["parameters"][name]["allowedPattern"]
            self.assertEqual(set(re.findall("[a-z]+", pattern)), known)
            for document in ("Hozen-Respond", "Hozen-Gather"):
                self.assertEqual(set(DOCUMENTS[document]["parameters"][name]["allowedValues"]), known, document)

    def test_the_deadline_ends_before_systems_manager_does(self):
        """It is given whatever a configuration says, for that knows nothing of the time-out of the command."""
        about = DOCUMENTS["Hozen-Collect"]["parameters"]
        self.assertLessEqual(int(about["DeadlineSeconds"]["default"]) + 120, int(about["TimeoutSeconds"]["default"]))

    def test_preflight_and_seal(self):
        self.assert_called("Hozen-Preflight", "preflight --to s3://evidence/cases --allow-clock-offset --case IR-1",
                           EvidenceUri="s3://evidence/cases", CaseId="IR-1")
        self.assert_called("Hozen-Seal", "seal s3://evidence/cases/run --kms-key alias/hozen-seal --json --end-sha256 " + "e" * 64
                           + " --credentials ssm:/hozen/credentials/x-seal --rehash",
                           RunUri="s3://evidence/cases/run", SealKey="alias/hozen-seal", EndSha256="e" * 64, Rehash="yes",
                           Credentials="ssm:/hozen/credentials/x-seal")

    def test_credentials_of_an_orchestrator_come_by_the_environment_alone(self):
        with Host() as host:
            code, called, environment = host.run("Hozen-DropIn", s3ArtifactLocation="evidence/cases", Region="eu-central-1", **SECRETS)
            self.assertEqual((code, called), (0, "collect --to s3://evidence/cases --deadline 1680s --credentials environment --profile triage "
                                                 "--region eu-central-1".split()))
            given = {name: environment[f"SSM_AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")}
            self.assertEqual(list(given.values()), list(SECRETS.values()))
            self.assertFalse(set(environment) & {f"SSM_{name}" for name in SECRETS})

    def test_an_agent_that_is_too_old_and_a_host_without_the_program_are_told(self):
        needed = {"Hozen-Seal": {"RunUri": "s3://evidence/cases/run", "SealKey": "alias/hozen-seal"}, "Hozen-DropIn": {"s3ArtifactLocation": "evidence/cases", **SECRETS}}
        for name in COMMANDS:
            for host, is_old, wanted in ((Host(), True, 40), (Host(installed=False), False, 44)):
                with self.subTest(name, code=wanted), host:
                    code, said, _ = host.run(name, is_old, **needed.get(name, {}))
                    line = json.loads(said)
                    self.assertEqual((code, line["code"], line["outcome"]), (wanted, wanted, "refused"))

    def test_the_program_knows_every_option(self):
        for name, command in COMMANDS.items():
            said = subprocess.run([os.environ["HOZEN"], command, "--help"], capture_output=True, text=True, check=True).stdout
            known = set(re.findall(r"--[a-z0-9-]+", said))
            asked = set(re.findall(r"(?<=\s)--[a-z0-9-]+", "\n".join(line for line in script_of(name) if not line.startswith("#"))))
            self.assertEqual(asked - known - {"--"}, set(), name)
            self.assertTrue(asked, name)


if __name__ == "__main__":
    unittest.main()

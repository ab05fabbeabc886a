#!/usr/bin/env python3
"""Walks Hozen-BuildModule against moto, executes what runs on its builder under sh, and holds both against the policies of their two roles."""

import fnmatch
import hashlib
import io
import json
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import unittest

import stage
from engine import ACCOUNT, Cancelled, Execution
from stage import DOCUMENTS, Stage

POLICIES = pathlib.Path(__file__).resolve().parents[3] / "packaging" / "cloudformation"
INSTALLER = {"schemaVersion": "2.2", "parameters": {"action": {"type": "String"}, "name": {"type": "String"}}, "mainSteps": [{"name": "configurePackage"}]}
GIVEN = {"AutomationAssumeRole": f"arn:aws:iam::{ACCOUNT}:role/hozen/hozen-factory", "ImageId": stage.IMAGE, "Store": "s3://lime/modules",
         "LimeSource": "s3://lime/sources/lime-1.12.0.tar.gz", "LimeSha256": "0" * 64}
ON_BUILDER = ("Store", "KernelRelease", "LimeSource", "LimeSha256", "KeyParameter")


def policy(name):
    text = (POLICIES / name).read_text().replace("MODULE-BUCKET", "lime").replace("RESPONDER-ACCOUNT", ACCOUNT)
    return json.loads(text)["Statement"]


def listed(value):
    return [value] if isinstance(value, str) else value


def allows(name, action, place):
    """Whether a statement lets the role do this there; conditions are held against the calls by the tests themselves."""
    return any(action in listed(one["Action"]) and any(fnmatch.fnmatchcase(place, pattern) for pattern in listed(one["Resource"])) for one in policy(name))


def actions(name):
    return {action for one in policy(name) for action in listed(one["Action"])}


class Factory:
    """A stage with the builder's profile and a network for it; what is started from the image comes under management by itself."""

    def __init__(self, on, comes=True):
        self.on, self.builders = on, []
        on.iam.real.create_role(RoleName="hozen-builder", Path="/hozen/", AssumeRolePolicyDocument="{}")
        on.iam.real.create_instance_profile(InstanceProfileName="hozen-builder", Path="/hozen/")
        on.iam.real.add_role_to_instance_profile(InstanceProfileName="hozen-builder", RoleName="hozen-builder")

        def start(**arguments):
            answer = on.ec2.real.run_instances(**arguments)
            self.builders.append(answer["Instances"][0]["InstanceId"])
            on.world.managed.update({self.builders[-1]: "Online"} if comes else {})
            return answer
        on.world.own["ec2", "RunInstances"] = start
        on.world.on_command.update({"AWS-ConfigureAWSPackage": lambda world, command: stage.ends(command, "installed"),
                                    "Hozen-BuildModuleOnBuilder": lambda world, command: stage.ends(command, '{"v":1,"outcome":"complete"}')})

    def build(self, **changed):
        given = {**GIVEN, "SubnetId": self.on.subnet, "SecurityGroupId": self.on.egress, **changed}
        return Execution(self.on.world, {**DOCUMENTS, "AWS-ConfigureAWSPackage": INSTALLER}, "Hozen-BuildModule", given).run()

    def states(self):
        found = self.on.ec2.real.describe_instances(InstanceIds=self.builders)["Reservations"]
        return {instance["State"]["Name"] for group in found for instance in group["Instances"]}


class Walks(unittest.TestCase):
    """The builder ends whatever became of the module, and nothing else is touched."""

    def test_a_module_is_built_on_a_builder_of_its_own(self):
        with Stage() as on:
            factory = Factory(on)
            run = factory.build()
            self.assertEqual((run.status, run.trace), ("Success", ["Start", "AwaitManaged", "Install", "Build", "End"]), run.error)
            self.assertEqual(factory.states(), {"terminated"})
            self.assertEqual({command["InstanceId"] for command in on.world.commands}, set(factory.builders))
            built = on.world.commands[-1]
            self.assertEqual({name: built["Parameters"][name] for name in ("Store", "LimeSource", "LimeSha256")}, {name: GIVEN[name] for name in ("Store", "LimeSource", "LimeSha256")})
            self.assertTrue(on.untouched() and on.untouched(on.neighbour))

    def test_the_builder_ends_whatever_fails(self):
        def fails(world, command):
            stage.ends(command, "", 1)
        for document in ("AWS-ConfigureAWSPackage", "Hozen-BuildModuleOnBuilder"):
            with self.subTest(document), Stage() as on:
                factory = Factory(on)
                on.world.on_command[document] = fails
                self.assertEqual((factory.build().status, factory.states()), ("Failed", {"terminated"}))
        with self.subTest("it never comes under management"), Stage() as on:
            factory = Factory(on, comes=False)
            self.assertEqual((factory.build().status, factory.states(), on.world.commands), ("Failed", {"terminated"}, []))

    def test_the_builder_ends_when_the_execution_is_cancelled(self):
        for step in ("AwaitManaged", "Install", "Build"):
            with self.subTest(step), Stage() as on:
                factory = Factory(on)

                def look(execution, name, step=step):
                    if name == step and execution.status == "InProgress":
                        raise Cancelled()
                on.world.on_step = look
                self.assertEqual((factory.build().status, factory.states()), ("Cancelled", {"terminated"}))

    def test_what_cannot_be_started_is_not_ended(self):
        with Stage() as on:
            factory = Factory(on)
            on.world.fail("ec2", "RunInstances")
            self.assertEqual((factory.build().status, on.world.called("ec2", "TerminateInstances")), ("Failed", []))

    def test_parameters_that_would_be_shell_are_refused(self):
        with Stage() as on:
            factory = Factory(on)
            for name in ("KernelRelease", "Store", "LimeSource", "KeyParameter", "ImageId"):
                for word in ("x; reboot", "$(reboot)", "`reboot`", "a\nb", "'"):
                    with self.assertRaises(ValueError, msg=f"{name}={word!r}"):
                        factory.build(**{name: word})
            self.assertEqual(on.world.calls, [])


class Rights(unittest.TestCase):
    """The factory's role starts, commands and ends builders; it has what its document asks for, and no more."""

    def test_the_factory_has_what_its_document_needs_and_no_more(self):
        needed = set()
        for step in DOCUMENTS["Hozen-BuildModule"]["mainSteps"]:
            inputs = step["inputs"]
            if step["action"] == "aws:runCommand":
                needed |= {"ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations"}
            else:
                needed.add(f"{inputs['Service']}:{inputs['Api']}")
            needed |= {"ec2:CreateTags"} if "TagSpecifications" in inputs else set()
            needed |= {"iam:PassRole"} if "IamInstanceProfile" in inputs else set()
        self.assertEqual(actions("factory-role.json"), needed)

    def test_conditions_of_the_role_are_what_the_document_does(self):
        by_sid = {one["Sid"]: one for one in policy("factory-role.json")}
        with Stage() as on:
            Factory(on).build()
            asked = on.world.called("ec2", "RunInstances")[0]
        wanted = by_sid["StartABuilder"]["Condition"]
        self.assertEqual(asked["MetadataOptions"]["HttpTokens"], wanted["StringEquals"]["ec2:MetadataHttpTokens"])
        self.assertEqual(asked["TagSpecifications"][0]["Tags"], [{"Key": "hozen:purpose", "Value": wanted["StringEquals"]["aws:RequestTag/hozen:purpose"]}])
        self.assertTrue(wanted["ArnEquals"]["ec2:InstanceProfile"].endswith("/hozen/" + asked["IamInstanceProfile"]["Name"]))
        # No statement lets it command, end or tag an instance that is no builder.
        for action in ("ec2:TerminateInstances", "ssm:SendCommand", "ec2:CreateTags", "ec2:RunInstances"):
            for one in policy("factory-role.json"):
                if action in listed(one["Action"]) and any(":instance/" in place for place in listed(one["Resource"])):
                    self.assertIn("hozen:purpose\": \"builder" if action != "ec2:CreateTags" else "RunInstances", json.dumps(one["Condition"]), one["Sid"])
        self.assertEqual(by_sid["GiveTheBuilderItsRole"]["Resource"], f"arn:aws:iam::{ACCOUNT}:role/hozen/hozen-builder")

    def test_the_responder_has_no_business_with_the_factory(self):
        denied = next(one for one in policy("responder-role.json") if one["Sid"] == "NoBusinessOfTheFactory")
        self.assertEqual(denied["Effect"], "Deny")
        key = DOCUMENTS["Hozen-BuildModule"]["parameters"]["KeyParameter"]["default"]
        for place in (f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter{key}", f"arn:aws:iam::{ACCOUNT}:role/hozen/hozen-builder"):
            self.assertTrue(any(fnmatch.fnmatchcase(place, pattern) for pattern in denied["Resource"]), place)


# Stands in for the AWS command line: notes how it was called, and does for a folder what it would do for a bucket.
AWS = """#!/bin/sh
echo "$*" >>LOG
case "$*" in
  "s3 cp --quiet s3://lime/sources/"*) cp SOURCE "$5" ;;
  "ssm get-parameter "*) echo PRIVATE ;;
esac
"""
# Stands in for the factory's script: leaves what it leaves, and says what it was given.
BUILDER = """#!/bin/bash
echo "$*" >>CALLED
while [ $# -gt 1 ]; do
  case "$1" in --store) store="$2" ;; --key) cat "$2" >>CALLED ;; --source) ls "$2" >>CALLED ;; esac
  shift
done
mkdir -p "$store/modules" && echo module >"$store/modules/abc.ko" && echo index >"$store/index.json"
"""


class OnBuilder(unittest.TestCase):
    """The command that runs on the builder, under sh."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log, self.called = self.folder / "log", self.folder / "called"
        source = self.folder / "lime.tar.gz"
        with tarfile.open(source, "w:gz") as archive:
            about = tarfile.TarInfo("lime/src/main.c")
            archive.addfile(about, io.BytesIO(b""))
        self.sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
        self.stand_in("aws", AWS.replace("LOG", str(self.log)).replace("SOURCE", str(source)))
        self.stand_in("apt-get", f"#!/bin/sh\necho \"apt-get $*\" >>{self.log}\n")
        self.stand_in("build-module.sh", BUILDER.replace("CALLED", str(self.called)))
        self.stand_in("hozen", "#!/bin/sh\n")

    def stand_in(self, name, text):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def run_it(self, path=None, **changed):
        """Exit code, and what it said. `path` is where it finds programs besides the stand-ins."""
        step = DOCUMENTS["Hozen-BuildModuleOnBuilder"]["mainSteps"][0]
        text = "\n".join(step["inputs"]["runCommand"])
        for places, name in (("/usr/share/hozen/build-module.sh /opt/hozen/build-module.sh", "build-module.sh"),
                             ("/usr/bin/hozen /usr/local/bin/hozen /opt/hozen/bin/hozen", "hozen")):
            assert places in text, name
            text = text.replace(places, str(self.folder / name))
        given = {**GIVEN, "KernelRelease": "6.1.0-1", "KeyParameter": "/hozen/modules/signing-key", "LimeSha256": self.sha256, **changed}
        (self.folder / "_script.sh").write_text(text + "\n")
        variables = {f"SSM_{name}": given[name] for name in ON_BUILDER}
        done = subprocess.run(["sh", self.folder / "_script.sh"], env={"PATH": f"{self.folder}:{path or '/usr/bin:/bin'}", "TMPDIR": str(self.folder), **variables},
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_the_module_is_there_before_the_index_and_nothing_else_is_touched(self):
        code, said, errors = self.run_it()
        self.assertEqual((code, json.loads(said or "null")), (0, {"v": 1, "outcome": "complete", "release": "6.1.0-1"}), errors)
        calls = [line.split() for line in self.log.read_text().splitlines() if not line.startswith("apt-get")]
        self.assertEqual([call[:2] for call in calls], [["s3", "cp"], ["s3", "sync"], ["ssm", "get-parameter"], ["s3", "sync"], ["s3", "cp"]])
        self.assertEqual((calls[-2][-1], calls[-1][-1]), ("s3://lime/modules/modules", "s3://lime/modules/index.json"))
        called = self.called.read_text()
        self.assertIn("--release 6.1.0-1", called)
        self.assertIn("PRIVATE", called)
        self.assertIn("main.c", called)
        self.assertFalse([path for path in self.folder.iterdir() if path.name.startswith("tmp.")], "the key lies there still")
        self.the_role_may(calls)

    def the_role_may(self, calls):
        """What the command line asks of S3 for its words, each where the policy lets it, and no right that nothing needs."""
        used = {"kms:Decrypt"}
        for kind, word, *rest in calls:
            if kind == "ssm":
                used.add("ssm:GetParameter")
                self.assertTrue(allows("builder-role.json", "ssm:GetParameter", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter{rest[1]}"), rest)
                continue
            (place,) = [one for one in rest if one.startswith("s3://")]
            action = "s3:GetObject" if rest.index(place) == 1 else "s3:PutObject"
            used |= {action} | ({"s3:ListBucket"} if word == "sync" else set())
            key = place.removeprefix("s3://") + ("/x.ko" if word == "sync" else "")
            # A whole store is fetched: its index and its modules.
            for one in (key, key.replace("/x.ko", "/modules/x.ko")) if action == "s3:GetObject" else (key,):
                self.assertTrue(allows("builder-role.json", action, f"arn:aws:s3:::{one}"), one)
        self.assertEqual(actions("builder-role.json"), used)
        for place in ("lime/sources/lime.tar.gz", "lime/modules/other.json", "evidence/cases/x"):
            self.assertFalse(allows("builder-role.json", "s3:PutObject", f"arn:aws:s3:::{place}"), place)

    def test_a_source_of_another_digest_is_not_built(self):
        code, said, errors = self.run_it(LimeSha256="1" * 64)
        self.assertEqual((code == 0, said, self.called.exists()), (False, "", False), errors)
        self.assertNotIn("get-parameter", self.log.read_text())

    def test_on_amazon_linux_and_red_hat_each_kernel_gets_its_headers_and_its_compiler(self):
        """As packaging/lime/README.md has them. There is no apt-get there."""
        (self.folder / "apt-get").unlink()
        tools = self.folder / "tools"
        tools.mkdir()
        for name in ("bash", "cat", "cp", "gzip", "ls", "mkdir", "mktemp", "mv", "rm", "sha256sum", "sh", "tar", "uname"):
            (tools / name).symlink_to(shutil.which(name))
        self.stand_in("dnf", f"#!/bin/sh\necho \"$* [${{MAKEFLAGS-}}]\" >{self.log}.dnf\n")
        usual = "install -y -q make gcc binutils elfutils-libelf-devel "
        for release, wanted in (("6.1.161-183.298.amzn2023.x86_64", "kernel-devel-{} []"), ("6.12.40-63.114.amzn2023.aarch64", "kernel6.12-devel-{} []"),
                                ("5.15.189-131.211.amzn2.x86_64", "gcc10 kernel-devel-{} [CC=gcc10-gcc]"), ("4.14.355-280.amzn2.x86_64", "kernel-devel-{} []"),
                                ("5.14.0-570.el9.x86_64", "kernel-devel-{} []")):
            with self.subTest(release):
                code, _, errors = self.run_it(path=tools, KernelRelease=release)
                self.assertEqual((code, pathlib.Path(f"{self.log}.dnf").read_text().strip()), (0, usual + wanted.format(release)), errors)

    def test_an_image_without_the_command_line_is_told(self):
        (self.folder / "aws").unlink()
        if subprocess.run(["sh", "-c", "command -v aws"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False).returncode == 0:
            self.skipTest("this machine has one in /usr/bin")
        code, said, errors = self.run_it()
        self.assertEqual((code, said), (44, ""))
        self.assertIn("take an image that has it", errors)


if __name__ == "__main__":
    unittest.main(warnings="ignore")

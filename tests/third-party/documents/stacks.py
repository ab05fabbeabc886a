#!/usr/bin/env python3
"""Reads the templates of packaging/cloudformation as others do, deploys them in moto, and follows findings from the deployed rules to responses."""

import copy
import fnmatch
import functools
import importlib.util
import json
import logging
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import types
import unittest

import jmespath
import policies
import rules
import stage
from engine import ACCOUNT, Execution, checked
from stage import DOCUMENTS, Stage

HERE = pathlib.Path(__file__).resolve().parent
LINTER = [sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())"]
FOLDER = HERE.parents[2] / "packaging" / "cloudformation"
# What moto's CloudFormation does not know is left out with a warning: policies of buckets, topics and queues, the trail, alarms, actions of Security Hub.
logging.disable(logging.CRITICAL)


@functools.cache
def templates():
    return builder().templates()


@functools.cache
def builder():
    """build.py of the templates; that of the documents has the same name."""
    about = importlib.util.spec_from_file_location("cloudformation_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    return module


# Stands in for the AWS command line: answers what it is asked, and notes what it is told.
STAND_IN = """#!/bin/sh
case "$1 $2" in
  "ssm get-parameter") cat respond ;;
  "ec2 describe-instances") echo eni-1 eni-2 ;;
  *) echo "$*" >>log ;;
esac
"""


def guide():
    """docs/operations.md, each command as one line."""
    return (FOLDER.parents[1] / "docs" / "operations.md").read_text().replace("\\\n", " ")


def deployments(name):
    """The commands of docs/operations.md that deploy a template, in their order, in their order."""
    return re.findall(rf"^ *deploy .*--template-file built/{name}\.json.*$", guide(), re.M)


def policy(name):
    return json.loads((FOLDER / name).read_text())


def statement(name, sid):
    return next(one for one in policy(name)["Statement"] if one["Sid"] == sid)


def actions(name):
    """What a policy allows."""
    found = set()
    for statement in policy(name)["Statement"]:
        if statement["Effect"] == "Allow":
            found |= set([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    return found


def values(value, key):
    """Every value of a key, wherever it stands."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from [inner] if name == key else values(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from values(inner, key)


class Templates(unittest.TestCase):
    """What can be said of the templates without an account."""

    def test_cfn_lint_finds_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name, template in templates().items():
                files.append(pathlib.Path(folder) / f"{name}.json")
                files[-1].write_text(builder().as_json(template))
            said = subprocess.run([*LINTER, "--include-checks", "W", "--", *files], capture_output=True, text=True, check=False)
            self.assertEqual((said.returncode, said.stdout), (0, ""), said.stderr)
            files[0].write_text(files[0].read_text().replace('"AWS::SSM::Document"', '"AWS::SSM::Documnt"', 1))
            said = subprocess.run([*LINTER, "--", files[0]], capture_output=True, text=True, check=False)
            self.assertNotEqual(said.returncode, 0, "cfn-lint finds nothing anywhere")

    def test_what_is_deployed_without_a_bucket_is_small_enough_for_that(self):
        """docs/operations.md sends only the documents by a bucket; https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""
        for name, template in templates().items():
            for command in deployments(name):
                if "--s3-bucket" not in command:
                    self.assertLessEqual(len(builder().as_json(template)), 51_200, name)
        self.assertTrue(all("--s3-bucket" in command for command in deployments("documents")))

    def test_the_guide_deploys_each_stack_with_what_it_takes(self):
        """And no rule starts a response before the drill: the first command says so, for the template's own default is another."""
        outputs = {name: name + "-of-the-first-stack" for name in templates()["evidence"]["Outputs"]}
        (query,) = re.findall(r'--query\s+"([^"]*)" >evidence\.outputs', guide())
        said = jmespath.search(query, {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]})
        for name, template in templates().items():
            known, (first, *later) = template.get("Parameters", {}), deployments(name)
            given = {word.split("=")[0] for word in first.replace("$(cat evidence.outputs)", " ".join(said)).split() if "=" in word}
            self.assertEqual(given - set(known), set(), name)
            self.assertEqual({one for one, about in known.items() if "Default" not in about} - given, set(), name)
            for command in later:
                self.assertLessEqual({word.split("=")[0] for word in command.split() if "=" in word}, set(known), name)
        self.assertEqual([["Findings=DISABLED" in one, "Findings=ENABLED" in one] for one in deployments("responder")], [[True, False], [False, True]])

    def test_the_policies_are_those_of_the_files(self):
        """With the words put back, each policy in a template is its file; and each file for a role stands in one."""
        names = {"bucket-policy.json", "evidence-key-policy.json", "seal-key-policy.json"} | {path.name for path in FOLDER.glob("*-role.json")}
        written = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
        self.assertEqual({name for name in names if f"!policy [{name}]" not in written}, {"modules-role.json", "parameters-role.json"})
        sids = {sid for template in templates().values() for sid in values(template, "Sid")}
        for name in names - {"modules-role.json", "parameters-role.json"}:
            self.assertLessEqual({statement["Sid"] for statement in policy(name)["Statement"]}, sids, name)

    def test_no_word_is_left(self):
        for name, template in templates().items():
            if name != "documents":
                left = re.findall(r"\b[A-Z]{4,}(?:-[A-Z]+)+\b", json.dumps(template))
                self.assertEqual(left, [], name)

    def test_variables_of_policies_are_no_variables_of_templates(self):
        text = json.dumps(templates()["evidence"]["Resources"]["WriterPolicy"])
        self.assertIn("cases/${!aws:PrincipalTag/case}/*", text)
        self.assertNotIn("${aws:PrincipalTag", text)

    def test_every_statement_has_a_name_and_none_allows_all(self):
        for name, template in templates().items():
            for statements in values(template["Resources"], "Statement"):
                for statement in statements:
                    self.assertTrue(statement.get("Sid"), (name, statement))
                    wide = statement["Action"] in ("*", "kms:*") and statement["Effect"] == "Allow"
                    self.assertTrue(not wide or statement["Sid"] == "Administer", (name, statement["Sid"]))

    def test_associations_give_their_documents_what_they_take(self):
        found = [resource["Properties"] for resource in templates()["responder"]["Resources"].values() if resource["Type"] == "AWS::SSM::Association"]
        self.assertEqual([one["Name"] for one in found], ["Hozen-Preflight"])
        for one in found:
            checked(DOCUMENTS[one["Name"]], {name: value[0] for name, value in one["Parameters"].items()})

    def test_what_holds_evidence_outlives_the_stack(self):
        for name, resource in templates()["evidence"]["Resources"].items():
            if resource["Type"] in ("AWS::S3::Bucket", "AWS::CloudTrail::Trail") or name in ("EvidenceKey", "SealKey"):
                self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Retain", "Retain"), name)

    def test_the_bucket_is_locked_private_and_encrypted(self):
        bucket = templates()["evidence"]["Resources"]["EvidenceBucket"]["Properties"]
        self.assertTrue(bucket["ObjectLockEnabled"])
        self.assertEqual(bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"], {"Mode": {"Ref": "LockMode"}, "Days": {"Ref": "LockDays"}})
        self.assertEqual(set(bucket["PublicAccessBlockConfiguration"].values()), {True})
        self.assertEqual(bucket["OwnershipControls"]["Rules"], [{"ObjectOwnership": "BucketOwnerEnforced"}])
        self.assertEqual([rule["AbortIncompleteMultipartUpload"] for rule in bucket["LifecycleConfiguration"]["Rules"]], [{"DaysAfterInitiation": 7}])
        self.assertNotIn("Expiration", json.dumps(bucket))

    def test_the_bucket_keeps_versions_and_has_a_key_of_its_own(self):
        bucket = templates()["evidence"]["Resources"]["EvidenceBucket"]["Properties"]
        self.assertEqual(bucket["VersioningConfiguration"], {"Status": "Enabled"})
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        self.assertEqual(rule["ServerSideEncryptionByDefault"], {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["EvidenceKey", "Arn"]}})

    def test_the_trail_has_every_request_for_an_object_of_the_bucket(self):
        (trail,) = [one["Properties"] for one in templates()["evidence"]["Resources"].values() if one["Type"] == "AWS::CloudTrail::Trail"]
        (chosen,) = trail["EventSelectors"]
        self.assertEqual((chosen["ReadWriteType"], chosen["IncludeManagementEvents"]), ("All", True))
        (data,) = chosen["DataResources"]
        self.assertEqual((data["Type"], [one["Fn::Sub"] for one in data["Values"]]), ("AWS::S3::Object", ["arn:${AWS::Partition}:s3:::${BucketName}/"]))
        bucket = templates()["evidence"]["Resources"]["EvidenceBucket"]["Properties"]
        self.assertEqual(bucket["BucketName"], {"Ref": "BucketName"})
        self.assertEqual((trail["IsLogging"], trail["EnableLogFileValidation"], trail["IsMultiRegionTrail"]), (True, True, True))

    def test_topics_are_encrypted_with_keys_of_theirs(self):
        for name, topic, key in (("responder", "Topic", "TopicKey"), ("evidence", "AlarmTopic", "AlarmKey")):
            resources = templates()[name]["Resources"]
            self.assertEqual(resources[topic]["Properties"]["KmsMasterKeyId"], {"Fn::GetAtt": [key, "Arn"]})
            self.assertEqual((resources[key]["Type"], resources[key]["Properties"]["EnableKeyRotation"]), ("AWS::KMS::Key", True))
            topics = [one for one in resources.values() if one["Type"] == "AWS::SNS::Topic"]
            self.assertEqual(len(topics), 1, name)

    def test_an_alarm_watches_every_rule(self):
        """What a rule could not hand over, and what not even the queue took, where it has one."""
        for name, topic, alarms in (("responder", "Topic", ("NotStartedAlarm", "LostAlarm")), ("evidence", "AlarmTopic", ("NotToldAlarm",))):
            resources = templates()[name]["Resources"]
            found = {one: about for one, about in resources.items() if about["Type"] == "AWS::Events::Rule"}
            with_queue = {one for one, about in found.items() if list(values(about, "DeadLetterConfig"))}
            for alarm, metric, watched in zip(alarms, ("FailedInvocations", "InvocationsFailedToBeSentToDlq"), (set(found), with_queue)):
                about = resources[alarm]["Properties"]
                self.assertEqual(about["AlarmActions"], [{"Ref": topic}])
                self.assertEqual((about["Threshold"], about["ComparisonOperator"]), (1, "GreaterThanOrEqualToThreshold"))
                self.assertEqual({one["Value"]["Ref"] for part in values(about, "Dimensions") for one in part}, watched, alarm)
                self.assertEqual(set(values(about, "MetricName")), {metric})
                self.assertEqual(list(values(about, "Expression")), ["SUM(METRICS())"])
                # As many as the formula of an alarm takes, itself counted.
                self.assertLessEqual(len(about["Metrics"]), 10)
                # A rule that is made under a condition is watched under it.
                asked = {one["Fn::If"][1]["MetricStat"]["Metric"]["Dimensions"][0]["Value"]["Ref"]: one["Fn::If"][0] for one in about["Metrics"] if "Fn::If" in one}
                self.assertEqual(asked, {one: found[one]["Condition"] for one in watched if "Condition" in found[one]})
        queue = templates()["responder"]["Resources"]["UndeliveredAlarm"]["Properties"]
        self.assertEqual((queue["MetricName"], queue["Dimensions"][0]["Value"]), ("ApproximateNumberOfMessagesVisible", {"Fn::GetAtt": ["Undelivered", "QueueName"]}))

    def test_an_automation_that_fails_is_told_of_whatever_it_could_say_itself(self):
        rule = templates()["responder"]["Resources"]["AutomationFailed"]["Properties"]
        self.assertEqual([target["Arn"] for target in rule["Targets"]], [{"Ref": "Topic"}])
        event = {"source": "aws.ssm", "detail-type": "EC2 Automation Execution Status-change Notification"}
        for name, document in DOCUMENTS.items():
            for status in ("Failed", "TimedOut", "Cancelled") if document["schemaVersion"] == "0.3" else ():
                self.assertTrue(rules.matches(rule["EventPattern"], {**event, "detail": {"Definition": name, "Status": status}}), (name, status))
        for definition, status in (("Hozen-Respond", "Success"), ("Hozen-Respond", "InProgress"), ("AWS-StopEC2Instance", "Failed")):
            self.assertFalse(rules.matches(rule["EventPattern"], {**event, "detail": {"Definition": definition, "Status": status}}))

    def test_the_configuration_of_a_fleet_has_options_that_there_are(self):
        """Of docs/response.md; and what stands there of roles and policies is called so."""
        docs = FOLDER.parents[1] / "docs"
        text = (docs / "response.md").read_text()
        known = tomllib.loads((docs / "hozen.toml").read_text().replace("\n#= ", "\n"))
        (given,) = re.findall(r"```toml\n(.*?)```", text, re.S)
        for name, value in tomllib.loads(given).items():
            self.assertIn(name, known)
            if isinstance(value, dict):
                self.assertLessEqual(set(value), set(known[name]))
        self.assertIn("Key=resource-groups:Name,", text)
        self.assertEqual(DOCUMENTS["Hozen-Collect"]["parameters"]["Config"]["default"], "ssm:/hozen/profile/default")
        self.assertIn("--name /hozen/profile/default --type String", text)
        self.assertIn("presigned", known)
        self.assertEqual((tomllib.loads(given)["to"], statement("fleet-role.json", "WriteBelowItsAccount")["Resource"]),
                         ("s3://EVIDENCE-BUCKET/cases-fleet/111122223333", "arn:aws:s3:::EVIDENCE-BUCKET/cases-fleet/${aws:PrincipalAccount}/*"))
        for name, sids in (("bucket-policy.json", ("FleetsWrite", "FleetsMayAskForTheLock")), ("evidence-key-policy.json", ("FleetsWriteThroughS3",))):
            for sid in sids:
                self.assertEqual(statement(name, sid)["Principal"], {"AWS": "FLEET-ROLE-ARNS"})
        for name, parameter in (("evidence", "FleetRoleArns"), ("responder", "FleetRoles")):
            self.assertEqual((templates()[name]["Parameters"][parameter]["Default"], f"`{parameter}`" in text), ("", True))

    def test_no_response_lays_a_hold_unless_that_is_asked_for(self):
        """A hold has no end; docs/response.md says why that is nobody's default."""
        asked = templates()["responder"]["Parameters"]["LegalHold"]
        self.assertEqual((asked["Default"], DOCUMENTS["Hozen-Respond"]["parameters"]["LegalHold"]["default"]), ("no", "no"))
        self.assertIn('"LegalHold":"${LegalHold}"', json.dumps(templates()["responder"]["Resources"]["Respond"]["Properties"]["Value"]).replace("\\", ""))
        text = (FOLDER.parents[1] / "docs" / "response.md").read_text()
        self.assertIn("## Legal hold\n", text)

    def test_the_three_groups_are_what_they_are_called(self):
        groups = {name: resource["Properties"] for name, resource in templates()["responder"]["Resources"].items() if resource["Type"] == "AWS::EC2::SecurityGroup"}
        self.assertEqual({tag["Value"] for group in groups.values() for tag in group["Tags"]}, {"quarantine", "untrack", "egress"})
        quarantine = groups["Quarantine"]
        self.assertNotIn("SecurityGroupIngress", quarantine)
        self.assertEqual([rule["CidrIp"] for rule in quarantine["SecurityGroupEgress"]], ["127.0.0.1/32"])
        for way in ("SecurityGroupIngress", "SecurityGroupEgress"):
            self.assertEqual([rule.get("CidrIp") or rule["CidrIpv6"] for rule in groups["Untrack"][way]], ["0.0.0.0/0", "::/0"])
        self.assertNotIn("SecurityGroupIngress", groups["Egress"])
        self.assertFalse(list(values(groups["Egress"], "CidrIp")))


class Deployed(Stage):
    """A stage on which the three stacks stand: groups, roles, rules and parameters are theirs."""

    def __enter__(self):
        super().__enter__()
        self.world.client("s3").real.delete_bucket(Bucket=stage.BUCKET)
        self.outputs = {}
        self.deploy("evidence", BucketName=stage.BUCKET, OrganisationId="o-abcdefghij", ResponderAccounts=ACCOUNT, ReaderPrincipals=ACCOUNT,
                    KeyAdministratorRoleArn=f"arn:aws:iam::{ACCOUNT}:role/keys", BreakGlassRoleArn=f"arn:aws:iam::{ACCOUNT}:role/glass")
        given = {name: self.outputs[name] for name in ("EvidenceRegion", "EvidenceAccount", "EvidenceKeyArn", "SealKeyArn")}
        self.deploy("responder", VpcId=self.vpc, S3PrefixListId="pl-12345678", EvidenceBucket=stage.BUCKET, SealerInstanceId="i-0aaaaaaaaaaaaaaaa",
                    Automatic="collect-and-contain", ModuleBucket="lime", SecurityHubV2="yes", LegalHold="yes", **given)
        self.quarantine, self.topic = self.outputs["QuarantineGroupId"], self.outputs["TopicArn"]
        self.started, self.findings, self.noted = [], {}, []
        self.world.own.update({("ssm", "StartAutomationExecution"): self.start, ("guardduty", "GetFindings"): self.guardduty,
                               ("securityhub", "GetFindings"): self.security_hub, ("securityhub", "GetFindingsV2"): self.security_hub_v2})
        self.world.calls.clear()
        return self

    def deploy(self, name, **parameters):
        client = self.world.client("cloudformation").real
        client.create_stack(StackName=name, TemplateBody=json.dumps(for_moto(templates()[name])), Capabilities=["CAPABILITY_NAMED_IAM"],
                            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()])
        made = client.describe_stacks(StackName=name)["Stacks"][0]
        assert made["StackStatus"] == "CREATE_COMPLETE", made
        self.outputs |= {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}

    def start(self, DocumentName, Parameters):
        """Checks parameters as the service does; what was started runs when the test wants it."""
        lists = {name for name, about in DOCUMENTS[DocumentName]["parameters"].items() if about["type"] == "StringList"}
        run = Execution(self.world, DOCUMENTS, DocumentName, {name: value if name in lists else value[0] for name, value in Parameters.items()})
        self.started.append(run)
        return {"AutomationExecutionId": run.id}

    def guardduty(self, DetectorId, FindingIds):
        return {"Findings": [pascal(self.findings[one]) for one in FindingIds if one in self.findings]}

    def security_hub(self, Filters, **_):
        return {"Findings": [self.findings[one["Value"]] for one in Filters["Id"] if one["Value"] in self.findings]}

    def security_hub_v2(self, Filters):
        wanted = [(one["FieldName"], one["Filter"]["Value"]) for both in Filters["CompositeFilters"] for one in both["StringFilters"]]
        assert {name for name, _ in wanted} == {"metadata.uid"} and Filters["CompositeOperator"] == "OR", Filters
        return {"Findings": [self.findings[value] for _, value in wanted if value in self.findings]}

    def deployed_rules(self):
        events = self.world.client("events").real
        for rule in events.list_rules()["Rules"]:
            yield rule["Name"], json.loads(rule["EventPattern"]), events.list_targets_by_rule(Rule=rule["Name"])["Targets"]

    def send(self, event):
        """Gives an event to the deployed rules; the routes that ran, with their answers. What is only noted goes to `noted`."""
        routes = []
        for _, pattern, targets in self.deployed_rules():
            for target in targets if rules.matches(pattern, event) else []:
                if target["Arn"].endswith(":log-group:/aws/events/hozen-noted"):
                    self.noted.append(rules.given(target, event))
                    continue
                document = re.search(r":automation-definition/([A-Za-z-]+):", target["Arn"])[1]
                given = rules.transformed(target["InputTransformer"], event)
                self.start(document, given)
                routes.append(self.started.pop().run())
        return routes

    def answers(self, route):
        assert route.status == "Success", route.error
        return json.loads(route.outputs["Route"]["Answers"])


def for_moto(template):
    """moto asks for ports where CloudFormation does not, and knows no rules of groups to prefix lists and IPv6."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        for way in ("SecurityGroupIngress", "SecurityGroupEgress") if resource["Type"] == "AWS::EC2::SecurityGroup" else ():
            kept = [rule for rule in resource["Properties"].get(way, []) if "CidrIp" in rule]
            resource["Properties"][way] = [{"FromPort": -1, "ToPort": -1, **rule} for rule in kept]
    return template


def finding_patterns(**conditions):
    """The patterns of the rules for findings as they are deployed under these conditions."""
    known = {"AWS::AccountId": ACCOUNT, "AWS::Region": stage.REGION, "AWS::Partition": "aws"}
    found = {}
    for name, resource in templates()["responder"]["Resources"].items():
        is_rule = resource["Type"] == "AWS::Events::Rule" and conditions.get(resource.get("Condition"), True)
        pattern = resolved(resource["Properties"]["EventPattern"], known, conditions) if is_rule else {}
        if set(pattern.get("source", [])) & {"aws.guardduty", "aws.securityhub"}:
            found[name] = pattern
    return found


def resolved(value, known, conditions):
    """What CloudFormation makes of a part of a template: Ref, Fn::Sub, Fn::GetAtt and Fn::If."""
    if isinstance(value, list):
        return [resolved(one, known, conditions) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return known[value["Ref"]]
    if set(value) == {"Fn::GetAtt"}:
        return known[".".join(value["Fn::GetAtt"])]
    if set(value) == {"Fn::If"}:
        name, then, otherwise = value["Fn::If"]
        return resolved(then if conditions[name] else otherwise, known, conditions)
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{(!?)([^}]*)\}", lambda found: f"${{{found[2]}}}" if found[1] else str(known[found[2]]), value["Fn::Sub"])
    return {name: resolved(inner, known, conditions) for name, inner in value.items()}


def pascal(value):
    """A finding as GetFindings gives it: the names of an event with a capital."""
    if isinstance(value, dict):
        return {name[0].upper() + name[1:]: pascal(inner) for name, inner in value.items()}
    return [pascal(one) for one in value] if isinstance(value, list) else value


def id_of(one):
    """By which a service is asked for a finding."""
    return one.get("Id") or one.get("id") or one["metadata"]["uid"]


def fixtures(name, on):
    """The findings of a file, with the instances of this stage."""
    text = (HERE / "findings" / f"{name}.json").read_text().replace("INSTANCE", on.instance).replace("NEIGHBOUR", on.neighbour)
    return json.loads(text)


class Findings(unittest.TestCase):
    """Each finding is routed, handed over, refused with a reason, or noted: by Hozen-Route, or by a rule in the log."""

    @classmethod
    def setUpClass(cls):
        # One deployment for all: it is what takes the time.
        cls.on = cls.enterClassContext(Deployed())

    def setUp(self):
        on, ssm = self.on, self.on.world.client("ssm").real
        on.started, on.findings, on.noted, on.world.faults = [], {}, [], []
        self.policy = ssm.get_parameter(Name="/hozen/policy")["Parameter"]["Value"]
        for one in ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/hozen/routed/"]}])["Parameters"]:
            ssm.delete_parameter(Name=one["Name"])

    def first(self):
        """The event of a finding that starts a response, which GuardDuty has."""
        event = fixtures("guardduty", self.on)[0]["event"]
        self.on.findings[event["detail"]["id"]] = event["detail"]
        return event

    def test_by_hand_the_documents_get_what_they_take(self):
        """The commands of docs/response.md as they stand there, on the parameter of the stack."""
        text = (FOLDER.parents[1] / "docs" / "response.md").read_text().split("## By hand\n")[1].split("\n## ")[0]
        commands = "".join(re.findall(r"```sh\n(.*?)```", text, re.S)).replace("i-0123456789abcdef0", self.on.instance)
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "respond").write_text(self.on.world.client("ssm").real.get_parameter(Name="/hozen/respond")["Parameter"]["Value"])
            (place / "aws").write_text(STAND_IN)
            (place / "aws").chmod(0o755)
            subprocess.run(["sh", "-eu", "-c", commands], cwd=folder, env={"PATH": f"{folder}:/usr/bin:/bin"}, timeout=60, check=True)
            called = (place / "log").read_text().splitlines()
            given = {name: json.loads((place / f"{name}.json").read_text()) for name in ("p", "drill", "release")}
        self.assertEqual(called, [
            "ssm start-automation-execution --document-name Hozen-Respond --parameters file://p.json",
            "ssm start-automation-execution --document-name Hozen-Respond --parameters file://drill.json",
            "ssm start-automation-execution --document-name Hozen-Release --parameters file://release.json",
            *(f"ec2 modify-network-interface-attribute --network-interface-id {card} --groups {self.on.quarantine}" for card in ("eni-1", "eni-2")),
            f"ec2 modify-instance-metadata-options --instance-id {self.on.instance} --http-endpoint disabled"])
        for name, document in (("p", "Hozen-Respond"), ("drill", "Hozen-Respond"), ("release", "Hozen-Release")):
            self.assertLessEqual(set(given[name]), set(DOCUMENTS[document]["parameters"]))
            self.on.start(document, given[name])
        self.assertEqual(set(given["release"]), set(DOCUMENTS["Hozen-Release"]["parameters"]))
        self.assertEqual((given["drill"]["Drill"], "Drill" in given["p"]), (["yes"], False))
        for mode in ("collect-only", "collect-and-contain", "contain-now"):
            self.assertIn(mode, commands)
            self.assertIn(mode, DOCUMENTS["Hozen-Respond"]["parameters"]["Mode"]["allowedValues"])

    def assert_answered(self, on, fixture):
        started, told, noted = len(on.started), len(on.world.called("sns", "Publish")), len(on.noted)
        routes = on.send(fixture["event"])
        by_rule = fixture.get("by") == "rule"
        # One of them, and not both.
        self.assertEqual((len(routes), on.noted[noted:]), (0, [fixture["event"]]) if by_rule else (1, []))
        if by_rule:
            self.assertEqual((fixture["answer"], len(on.started), len(on.world.called("sns", "Publish"))), ("noted", started, told))
            return
        answers = on.answers(routes[0])
        self.assertEqual({answer["answer"] for answer in answers}, {fixture["answer"]}, answers)
        for answer in answers:
            self.assertTrue(answer.get("why") or answer["answer"] == "routed", answer)
        runs = on.started[started:]
        wanted = fixture.get("on", [on.instance]) if fixture["answer"] == "routed" else []
        if fixture["answer"] != "handed-over":
            self.assertEqual([run.parameters["InstanceId"] for run in runs], wanted)
        self.assertEqual({run.parameters.get("Mode") or run.parameters["Action"] for run in runs}, {fixture["mode"]} if "mode" in fixture else set())
        by_people = fixture["event"]["detail-type"].endswith("Custom Action")
        self.assertEqual(len(on.world.called("sns", "Publish")) - told, len(answers) if by_people or fixture["answer"] == "routed" else 0)

    def test_findings_of_guardduty(self):
        for fixture in fixtures("guardduty", self.on):
            with self.subTest(fixture["name"]):
                self.on.findings[fixture["event"]["detail"]["id"]] = fixture["event"]["detail"]
                self.assert_answered(self.on, fixture)

    def test_findings_that_people_chose_in_security_hub(self):
        for fixture in fixtures("securityhub", self.on):
            with self.subTest(fixture["name"]):
                found = fixture["event"]["detail"]["findings"]
                self.on.findings = {} if fixture.get("gone") else {one["Id"]: one for one in found}
                self.assert_answered(self.on, fixture)

    def test_findings_of_the_newer_security_hub(self):
        for fixture in fixtures("securityhub_v2", self.on):
            with self.subTest(fixture["name"]):
                self.on.findings = {} if fixture.get("gone") else {id_of(one): one for one in fixture["event"]["detail"]["findings"]}
                self.assert_answered(self.on, fixture)

    def test_no_fixture_goes_unseen_with_and_without_the_newer_security_hub(self):
        """By the patterns of the template: of each finding exactly one rule. Of an insight, too, which is no finding."""
        insight = {"source": "aws.securityhub", "detail-type": "Security Hub Insight Results", "detail": {"actionName": "HozenCollect"},
                   "resources": [f"arn:aws:securityhub:{stage.REGION}:{ACCOUNT}:action/custom/HozenCollect"]}
        kinds = {"guardduty": [], "securityhub": [{"by": "rule", "event": insight, "name": "an insight"}], "securityhub_v2": []}
        for newer in (True, False):
            patterns = finding_patterns(HasSecurityHubV2=newer)
            for kind, more in kinds.items():
                for fixture in fixtures(kind, self.on) + more:
                    by_rule = fixture.get("by") == "rule" or kind == "securityhub_v2" and not newer
                    taken = [name for name, pattern in patterns.items() if rules.matches(pattern, fixture["event"])]
                    self.assertEqual([name.endswith("Noted") for name in taken], [by_rule], (fixture["name"], newer, taken))

    def test_what_is_noted_by_a_rule_lies_in_a_log_that_takes_it_and_tells_nobody(self):
        resources = templates()["responder"]["Resources"]
        log, said = resources["NotedLog"], resources["NotedLogPolicy"]["Properties"]["PolicyDocument"]["Fn::Sub"]
        # What EventBridge asks of the group's name, and of its policy (EventBridge User Guide, "CloudWatch Logs permissions").
        self.assertTrue(log["Properties"]["LogGroupName"].startswith("/aws/events/"))
        self.assertEqual((log["DeletionPolicy"], log["Properties"]["RetentionInDays"]), ("Retain", 365))
        (allowed,) = json.loads(said)["Statement"]
        self.assertEqual(set(allowed["Principal"]["Service"]), {"events.amazonaws.com", "delivery.logs.amazonaws.com"})
        self.assertEqual(set(allowed["Action"]), {"logs:CreateLogStream", "logs:PutLogEvents"})
        self.assertTrue(allowed["Resource"].endswith(":log-group:${NotedLog}:*"))
        for name in ("GuardDutyNoted", "SecurityHubNoted", "SecurityHubDetectionNoted"):
            (target,) = resources[name]["Properties"]["Targets"]
            self.assertEqual(set(target), {"Id", "Arn"}, "the whole event, to the log alone")
            self.assertTrue(target["Arn"]["Fn::Sub"].endswith(":log-group:${NotedLog}"))

    def test_what_is_refused_by_itself_is_an_event_that_a_rule_can_mail(self):
        """The pattern is the one of docs/response.md; the topic takes what rules send."""
        (text,) = re.findall(r"--event-pattern '(\{.*\})'", (FOLDER.parents[1] / "docs" / "response.md").read_text())
        pattern, on = json.loads(text), self.on
        for fixture in fixtures("guardduty", on):
            on.findings[fixture["event"]["detail"]["id"]] = fixture["event"]["detail"]
            before, mailed = len(on.world.called("events", "PutEvents")), len(on.world.called("sns", "Publish"))
            on.send(fixture["event"])
            entries = [entry for call in on.world.called("events", "PutEvents")[before:] for entry in call["Entries"]]
            for entry in entries:
                event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
                with self.subTest(fixture["name"]):
                    self.assertEqual(rules.matches(pattern, event), fixture["answer"] == "refused")
                    self.assertTrue(event["detail"].get("why") or event["detail"]["answer"] == "routed", event)
            self.assertEqual(bool(entries), fixture.get("by") != "rule", fixture["name"])
            if fixture["answer"] in ("refused", "noted"):
                self.assertEqual(len(on.world.called("sns", "Publish")), mailed)
        resources = templates()["responder"]["Resources"]
        (said,) = [one for one in resources["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"] if one["Sid"] == "RulesTell"]
        self.assertEqual((said["Principal"], said["Action"], "Condition" in said), ({"Service": "events.amazonaws.com"}, "sns:Publish", False))
        self.assertIn("events.amazonaws.com", json.dumps(resources["TopicKey"]["Properties"]["KeyPolicy"]))

    def in_ocsf(self, name):
        (found,) = next(one for one in fixtures("securityhub_v2", self.on) if one["name"] == name)["event"]["detail"]["findings"]
        return found

    def by_hand(self, name, action):
        """The answer to a finding of the newer Security Hub that somebody names by its id."""
        found = self.in_ocsf(name)
        self.on.findings[id_of(found)] = found
        given = {"AutomationAssumeRole": stage.ASSUME, "Source": "securityhub-v2", "Action": action, "FindingIds": [id_of(found)]}
        (answer,) = self.on.answers(Execution(self.on.world, DOCUMENTS, "Hozen-Route", given).run())
        return answer

    def test_what_no_rule_takes_from_the_newer_security_hub_can_be_asked_for(self):
        for name in ("an exposure", "a vulnerability", "of GuardDuty, which has a rule of its own"):
            self.assertEqual(self.by_hand(name, "collect-and-contain")["answer"], "routed", name)
        self.assertEqual([run.parameters["Mode"] for run in self.on.started], ["collect-and-contain"] * 3)
        for name in ("an exposure", "a vulnerability", "a setting"):
            self.assertEqual(self.by_hand(name, "automatic")["answer"], "noted", name)
        elsewhere = "the instance is of another account"
        self.assertEqual(self.by_hand(elsewhere, "collect-only")["answer"], "handed-over")
        self.assertEqual(self.on.started[-1].parameters["FindingIds"], [id_of(self.in_ocsf(elsewhere))])

    def test_a_finding_of_guardduty_starts_one_response_whoever_brings_it(self):
        self.assertEqual(self.on.answers(self.on.send(self.first())[0])[0]["answer"], "routed")
        self.assertEqual(self.by_hand("of GuardDuty, which has a rule of its own", "automatic")["why"], "a response to this finding was started before")

    def test_their_fields_are_those_of_the_services(self):
        def model(service, operation, way):
            return getattr(self.on.world.client(service).real.meta.service_model.operation_model(operation), way).members["Findings"].member
        known = model("guardduty", "GetFindings", "output_shape")
        for fixture in fixtures("guardduty", self.on):
            self.assert_known(known, pascal(fixture["event"]["detail"]), fixture["name"])
        known = model("securityhub", "BatchImportFindings", "input_shape")
        for fixture in fixtures("securityhub", self.on):
            for one in fixture["event"]["detail"]["findings"]:
                self.assertLessEqual(set(known.required_members), set(one), fixture["name"])
                self.assert_known(known, one, fixture["name"])

    def assert_known(self, shape, value, where):
        if shape.type_name == "structure":
            for name, inner in value.items():
                self.assertIn(name, shape.members, f"{where}: {shape.name}")
                self.assert_known(shape.members[name], inner, where)
        elif shape.type_name == "list":
            for inner in value:
                self.assert_known(shape.member, inner, where)

    def test_the_roles_of_the_factory_are_made_for_its_store(self):
        iam = self.on.world.client("iam").real
        written = {role: json.dumps(iam.get_role_policy(RoleName=role, PolicyName=role)["PolicyDocument"]) for role in ("hozen-factory", "hozen-builder")}
        self.assertIn("role/hozen/hozen-builder", written["hozen-factory"])
        for word in ("arn:aws:s3:::lime/modules/index.json", f'"s3:ResourceAccount": "{ACCOUNT}"'):
            self.assertIn(word, written["hozen-builder"])
        profile = iam.get_instance_profile(InstanceProfileName="hozen-builder")["InstanceProfile"]
        self.assertEqual([role["RoleName"] for role in profile["Roles"]], ["hozen-builder"])

    def test_a_finding_starts_one_response_however_often_it_comes(self):
        on, event = self.on, self.first()
        answers = [on.answers(on.send(event)[0])[0]["answer"] for _ in range(3)]
        self.assertEqual((answers, len(on.started)), (["routed", "noted", "noted"], 1))

    def test_what_could_not_be_started_is_tried_again_and_fails_aloud(self):
        on, event = self.on, self.first()
        on.world.fail("ssm", "StartAutomationExecution", times=1)
        self.assertEqual(on.send(event)[0].status, "Failed")
        self.assertEqual(on.told()["answer"], "failed")
        self.assertEqual(on.answers(on.send(event)[0])[0]["answer"], "routed")

    def test_by_itself_a_finding_starts_no_more_than_is_allowed(self):
        on, event, ssm = self.on, self.first(), self.on.world.client("ssm").real
        for automatic, modes in (("note", []), ("collect-only", ["collect-only"])):
            text = self.policy.replace('"automatic":"collect-and-contain"', f'"automatic":"{automatic}"')
            ssm.put_parameter(Name="/hozen/policy", Value=text, Overwrite=True)
            on.send(event)
            self.assertEqual([run.parameters["Mode"] for run in on.started], modes)
        ssm.put_parameter(Name="/hozen/policy", Value=self.policy, Overwrite=True)

    def test_without_what_the_stack_wrote_down_it_fails_aloud(self):
        self.on.world.fail("ssm", "GetParameter", times=1)
        route = self.on.send(self.first())[0]
        self.assertEqual((route.status, self.on.started), ("Failed", []))
        self.assertIn("deploy responder.yaml", route.error)

    def test_what_is_handed_over_is_answered_there_and_not_handed_on(self):
        on = self.on
        here, there = [one for one in fixtures("securityhub", on) if one["name"] in ("an instance", "of another account")]
        on.findings = {one["Id"]: one for fixture in (here, there) for one in fixture["event"]["detail"]["findings"]}
        for fixture, count in ((here, 1), (there, 0)):
            given = {"AutomationAssumeRole": stage.ASSUME, "Source": "securityhub", "Action": "collect-only", "HandedOver": "yes",
                     "FindingIds": [fixture["event"]["detail"]["findings"][0]["Id"]]}
            self.assertEqual(Execution(on.world, DOCUMENTS, "Hozen-Route", given).run().status, "Success")
            self.assertEqual(len(on.started), count)
            on.started.clear()


class Whole(unittest.TestCase):
    """The whole way, with nothing but what the stacks made."""

    def test_from_the_finding_to_the_quarantine_of_the_stack(self):
        with Deployed() as on:
            event = fixtures("guardduty", on)[0]["event"]
            on.findings[event["detail"]["id"]] = event["detail"]
            on.send(event)
            run = on.started[0].run()
            self.assertEqual((run.status, run.outputs["Report"]["Outcome"]), ("Success", "collected-and-contained"), run.error)
            self.assertTrue(on.contained())
            self.assertEqual((on.profile(), on.told()["case"]), (["hozen-quarantine"], "GD-" + event["detail"]["id"]))
            taken = {arguments["RoleArn"].rsplit("/", 1)[-1] for arguments in on.world.called("sts", "AssumeRole")}
            self.assertEqual(taken, {"hozen-writer", "hozen-revoker", "hozen-sealer", "hozen-holder"})
            self.assertTrue(on.world.called("s3", "PutObjectLegalHold"))


FLEET, ELSEWHERE = "210987654321", "999999999999"


class Fleets(unittest.TestCase):
    """Roles of instances that write without a response, by the policies of bucket, key and role as they are deployed: nowhere else, and nothing else."""

    WEB, OTHER = (f"arn:aws:iam::{FLEET}:role/{name}" for name in ("web", "other"))
    RUN = f"cases-fleet/{FLEET}/IR-1/{FLEET}/i-0123456789abcdef0/01ARZ3NDEKTSV4RRFFQ69G5FAV"

    @classmethod
    def setUpClass(cls):
        cls.named, cls.unnamed = (cls.of_evidence(["web"], True), cls.of_evidence([""], False))
        document = templates()["responder"]["Resources"]["FleetPolicy"]["Properties"]["PolicyDocument"]
        cls.own = resolved(document, {"AWS::Partition": "aws", "EvidenceBucket": stage.BUCKET, "EvidenceAccount": ACCOUNT, "EvidenceRegion": stage.REGION,
                                      "EvidenceKeyArn": "arn:key"}, {})

    @classmethod
    def of_evidence(cls, roles, has_fleets):
        """The policies of the bucket, of its key, and of the writer's boundary."""
        resources = templates()["evidence"]["Resources"]
        known = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": stage.REGION, "BucketName": stage.BUCKET, "OrganisationId": "o-ours",
                 "ResponderAccounts": [ACCOUNT], "FleetRoleArns": [f"arn:aws:iam::{FLEET}:role/{name}" for name in roles], "LeastDays": 30,
                 "BreakGlassRoleArn": f"arn:aws:iam::{ACCOUNT}:role/glass", "KeyAdministratorRoleArn": f"arn:aws:iam::{ACCOUNT}:role/keys"}
        known |= {f"{name}.Arn": f"arn:aws:iam::{ACCOUNT}:role/hozen/hozen-{name.lower()}" for name in ("Writer", "Reader", "Sealer", "Salvager")}
        known["EvidenceKey.Arn"] = "arn:key"
        parts = (("EvidenceBucketPolicy", "PolicyDocument"), ("EvidenceKey", "KeyPolicy"), ("WriterBoundary", "PolicyDocument"))
        return [resolved(resources[name]["Properties"][word], known, {"HasFleets": has_fleets}) for name, word in parts]

    def context(self, **changed):
        """Of a whole object that is put as the agent puts it, by an instance of the fleet."""
        usual = {"aws:PrincipalArn": self.WEB, "aws:PrincipalAccount": FLEET, "aws:PrincipalOrgID": "o-ours", "aws:PrincipalIsAWSService": "false",
                 "aws:SecureTransport": "true", "s3:ResourceAccount": ACCOUNT, "s3:if-none-match": "*", "s3:ObjectCreationOperation": "true",
                 "s3:object-lock-remaining-retention-days": "89", "s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:key"}
        usual |= {name.replace("_", ":", 1).replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in usual.items() if value is not None}

    def may(self, action, place, principal=WEB, policies_of_evidence=None, **changed):
        bucket = (policies_of_evidence or self.named)[0]
        resource = f"arn:aws:s3:::{stage.BUCKET}" + (f"/{place}" if place else "")
        return policies.allowed((bucket, self.own), principal, action, resource, self.context(aws_PrincipalArn=principal, **changed))

    def test_they_write_and_lock_below_the_number_of_their_account(self):
        for name in ("000-begin.json", "data/memory/000000.lime.zst", "999-end.json"):
            self.assertTrue(self.may("s3:PutObject", f"{self.RUN}/{name}"))
            self.assertTrue(self.may("s3:PutObjectRetention", f"{self.RUN}/{name}"))
        self.assertTrue(self.may("s3:PutObject", f"cases-fleet/{FLEET}/IR-1/preflight/x.json"))
        # A part carries no condition.
        part = {"s3_if_none_match": None, "s3_ObjectCreationOperation": "false"}
        self.assertTrue(self.may("s3:PutObject", f"{self.RUN}/data/memory/000000.lime.zst", **part))
        self.assertTrue(self.may("s3:GetBucketObjectLockConfiguration", ""))

    def test_they_write_nowhere_else(self):
        for place in ("cases/IR-1/x", f"cases/IR-1/{FLEET}/i-0/R/x", "cases-drill/IR-1/x", f"cases-fleet/{ELSEWHERE}/IR-1/x", "cases-fleet/x", f"cases-fleet/{FLEET}",
                      f"cases-fleet/{FLEET}1/x", "x"):
            for action in ("s3:PutObject", "s3:PutObjectRetention"):
                self.assertFalse(self.may(action, place), (action, place))

    def test_the_bucket_holds_them_to_what_it_holds_every_writer_to(self):
        place = f"{self.RUN}/999-end.json"
        for sid, action, changed in (("NothingIsWrittenOver", "s3:PutObject", {"s3_if_none_match": None}),
                                     ("NoLockIsTooShort", "s3:PutObjectRetention", {"s3_object_lock_remaining_retention_days": "29"}),
                                     ("OnlyOurKey", "s3:PutObject", {"s3_x_amz_server_side_encryption_aws_kms_key_id": "arn:thief"}),
                                     ("OnlyOverTls", "s3:PutObject", {"aws_SecureTransport": "false"}),
                                     ("OnlyOurOrganisation", "s3:PutObject", {"aws_PrincipalOrgID": "o-theirs"}),
                                     ("HoldsAreOnlyLaid", "s3:PutObjectLegalHold", {"s3_object_lock_legal_hold": "OFF"})):
            said = policies.decided(self.named[0], self.WEB, action, f"arn:aws:s3:::{stage.BUCKET}/{place}", self.context(**changed))
            self.assertEqual(said, ("Deny", sid))

    def test_they_delete_read_and_change_nothing(self):
        place = f"{self.RUN}/999-end.json"
        for action in ("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"):
            said = policies.decided(self.named[0], self.WEB, action, f"arn:aws:s3:::{stage.BUCKET}/{place}", self.context())
            self.assertEqual(said, ("Deny", "NothingIsDeleted"))
        for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObjectLegalHold", "s3:PutObjectAcl", "s3:AbortMultipartUpload"):
            self.assertFalse(self.may(action, place), action)
        for action in ("s3:ListBucket", "s3:ListBucketVersions", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"):
            self.assertFalse(self.may(action, ""), action)

    def test_they_use_the_key_through_the_bucket_alone(self):
        through = {"kms:ViaService": f"s3.{stage.REGION}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{stage.BUCKET}"}
        of_the_key = self.named[1], {**self.own, "Statement": [one for one in self.own["Statement"] if "kms:Decrypt" in one["Action"]]}
        for action, context, wanted in (("kms:GenerateDataKey", through, True), ("kms:Decrypt", through, True), ("kms:GenerateDataKey", {}, False),
                                        ("kms:Decrypt", {**through, "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::other"}, False), ("kms:PutKeyPolicy", through, False)):
            self.assertEqual(policies.allowed(of_the_key, self.WEB, action, "arn:key", {"aws:PrincipalArn": self.WEB, **context}), wanted, (action, context))

    def test_who_is_not_named_writes_nothing(self):
        place = f"{self.RUN}/999-end.json"
        self.assertFalse(self.may("s3:PutObject", place, principal=self.OTHER))
        self.assertFalse(self.may("s3:PutObject", place, policies_of_evidence=self.unnamed))

    def test_where_none_is_named_the_statements_give_the_writer_nothing(self):
        bucket, key, boundary = self.unnamed
        writer = f"arn:aws:iam::{ACCOUNT}:role/hozen/hozen-writer"
        for policy_of, sids in ((bucket, ("FleetsWrite", "FleetsMayAskForTheLock")), (key, ("FleetsWriteThroughS3",))):
            self.assertEqual([one["Principal"]["AWS"] for one in policy_of["Statement"] if one["Sid"] in sids], [writer] * len(sids))
        place = f"arn:aws:s3:::{stage.BUCKET}/cases-fleet/{ACCOUNT}/IR-1/x"
        self.assertEqual(policies.decided(boundary, writer, "s3:PutObject", place, {}), (None, None))
        self.assertEqual(policies.decided(boundary, writer, "s3:PutObject", place.replace("cases-fleet/", "cases/"), {})[0], "Allow")

    def test_those_who_read_and_seal_reach_them(self):
        for name, action, place in (("reader-role.json", "s3:GetObjectVersion", "data/x"), ("sealer-role.json", "s3:GetObjectVersion", "data/x"),
                                    ("sealer-role.json", "s3:PutObject", "seal/x.json"), ("salvager-role.json", "s3:PutObject", "data/memory/x")):
            context = {"s3:ResourceAccount": "EVIDENCE-ACCOUNT"}
            said = policies.decided(policy(name), "", action, f"arn:aws:s3:::EVIDENCE-BUCKET/{self.RUN}/{place}", context)
            self.assertEqual(said[0], "Allow", (name, action))


class Readiness(unittest.TestCase):
    """The function behind the Config rule."""

    def test_each_instance_is_judged(self):
        with Stage() as on:
            stale, silent = on.make_instance(), on.make_instance()
            entries = {on.instance: ("2026-11-28T03:00:00Z", {"Ready": "yes", "MemoryWay": "lime"}), stale: ("2026-11-01T03:00:00Z", {"Ready": "yes"}),
                       on.neighbour: ("2026-11-28T03:00:00Z", {"Ready": "no", "Obstacles": "lockdown"})}
            on.world.managed.update({name: "Online" for name in (stale, silent, on.neighbour)})
            gone = on.make_instance()
            said = {}
            on.world.own["ssm", "ListInventoryEntries"] = lambda InstanceId, TypeName: (
                {"CaptureTime": entries[InstanceId][0], "Entries": [entries[InstanceId][1]]} if InstanceId in entries else {"Entries": []})
            on.world.own["config", "PutEvaluations"] = lambda Evaluations, ResultToken: said.update({one["ComplianceResourceId"]: one for one in Evaluations})
            on.world.calls.clear()
            event = {"invokingEvent": json.dumps({"notificationCreationTime": "2026-11-28T04:00:00.000Z"}), "resultToken": "token"}
            scope = {"__name__": "readiness"}
            exec(compile((FOLDER / "readiness.py").read_text(), "readiness.py", "exec"), scope)
            scope["boto3"] = types.SimpleNamespace(client=on.world.client)
            self.assertEqual(scope["handler"](event, None), 5)
            found = {name: (one["ComplianceType"], one["Annotation"]) for name, one in said.items()}
            self.assertEqual(found, {
                on.instance: ("COMPLIANT", "memory by lime"), on.neighbour: ("NON_COMPLIANT", "not ready: lockdown"),
                stale: ("NON_COMPLIANT", "the last preflight is of 2026-11-01T03:00:00Z"),
                silent: ("NON_COMPLIANT", "no preflight has run here: Hozen is not installed, or nobody asked"),
                gone: ("NON_COMPLIANT", "Systems Manager does not manage it, or its agent does not answer")})
            called = {f"{service}:{api}" for service, api, _ in on.world.calls}
            self.assertEqual(called, {one for one in actions("readiness-role.json") if not one.startswith("logs:")})


# What Automation itself asks for in the responder's name, by its actions: runCommand and executeAutomation.
BY_AUTOMATION = {"ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:StartAutomationExecution", "ssm:GetAutomationExecution",
                 "ssm:StopAutomationExecution"}
# What goes with a call and is none itself.
WITH_CALLS = {"iam:PassRole", "sts:TagSession", "kms:GenerateDataKey", "kms:Decrypt"}
# Calls whose right has another name.
RIGHTS = {"s3:ListObjectVersions": "s3:ListBucketVersions", "securityhub:GetFindingsV2": "securityhub:GetFindings",
          "securityhub:BatchUpdateFindingsV2": "securityhub:BatchUpdateFindings"}
# Roles of the evidence account that a response takes.
OTHERS = {f"{name}RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name.lower()}" for name in ("Revoker", "Holder")}


class Rights(unittest.TestCase):
    """The roles have what the documents need in their walks, and no more."""

    def test_the_responder_has_what_its_documents_need_and_no_more(self):
        own, others = set(BY_AUTOMATION), set()
        for walk in (self.respond_and_release, self.make_groups, self.route):
            for used, found in zip((own, others), walk()):
                used |= found
        allowed = actions("responder-role.json") - WITH_CALLS
        self.assertEqual(own - allowed, set())
        self.assertEqual(allowed - own, set())
        self.assertEqual({one for one in others if one.startswith("iam:")}, actions("revoker-role.json"))
        self.assertEqual({one for one in others if one.startswith("s3:")}, actions("holder-role.json"))
        self.assertEqual({one for one in others if one.startswith("ssm:")}, actions("starter-role.json") - WITH_CALLS)

    def test_what_a_response_writes_lies_where_the_policies_let_it(self):
        """Of a case and of a drill: the session's place within the writer's, and the facts within the responder's and the bucket's own word."""
        for drill in ("no", "yes"):
            with self.subTest(drill), Stage() as on:
                on.respond(Drill=drill)
                session = json.loads(on.world.called("sts", "AssumeRole")[0]["Policy"])["Statement"][0]["Resource"]
                self.assert_within(session, statement("writer-role.json", "WriteEvidence"))
                key = on.world.called("s3", "PutObject")[0]["Key"]
                for name, sid in (("responder-role.json", "SaveFacts"), ("bucket-policy.json", "RespondersSaveFacts")):
                    self.assert_within([f"arn:aws:s3:::{stage.BUCKET}/{key}"], statement(name, sid))

    def assert_within(self, places, allowed):
        patterns = [one.replace("EVIDENCE-BUCKET", stage.BUCKET).replace("${aws:PrincipalTag/case}", "IR-1") for one in allowed["Resource"]]
        for place in places:
            self.assertTrue(any(fnmatch.fnmatchcase(place, pattern) for pattern in patterns), (place, patterns))

    def respond_and_release(self):
        with Stage() as on:
            old = f"hozen-ended-{int(on.world.now) - 20 * 3600}-i-0"
            on.iam.real.put_role_policy(RoleName="writer", PolicyName=old, PolicyDocument=json.dumps(policy("quarantine-role.json")))
            on.respond(PreContain="yes", EgressGroupId=on.egress, DiskEvidence="image", **OTHERS)
            on.release()
            on.respond(Again="yes", QuarantineProfile="", **OTHERS)
            on.release()
            return self.called(on)

    def make_groups(self):
        with Stage() as on:
            on.ec2.delete_tags(Resources=[on.quarantine], Tags=[{"Key": "hozen:purpose"}])
            scaling = on.world.client("autoscaling")
            scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=stage.IMAGE, InstanceType="t3.small")
            scaling.create_auto_scaling_group(AutoScalingGroupName="web", LaunchConfigurationName="web", MinSize=1, MaxSize=3, DesiredCapacity=1,
                                              VPCZoneIdentifier=on.subnet)
            on.instance = scaling.describe_auto_scaling_instances()["AutoScalingInstances"][0]["InstanceId"]
            on.world.managed[on.instance] = "Online"
            on.world.calls.clear()
            on.respond(QuarantineGroupId="", UntrackGroupId="", RequireApproval="yes", Approvers=["arn:aws:iam::123456789012:role/lead"], **OTHERS)
            on.release()
            return self.called(on)

    def route(self):
        with Deployed() as on:
            for name in ("guardduty", "securityhub", "securityhub_v2"):
                for fixture in fixtures(name, on)[:8]:
                    found = fixture["event"]["detail"]
                    on.findings = {id_of(one): one for one in found.get("findings", [found])}
                    on.send(fixture["event"])
            return self.called(on)

    def called(self, on):
        return [{RIGHTS.get(one, one) for one in calls} for calls in (on.world.own_rights, on.world.assumed)]


if __name__ == "__main__":
    unittest.main(warnings="ignore")

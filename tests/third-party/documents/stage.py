"""A stage for walks: an account with a suspect instance, what stands around it, and a host that answers commands."""

import json
import pathlib
import sys

from engine import ACCOUNT, REGION, Cancelled, Execution, StepFailed, World, denied, mock_aws

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "ssm-documents"))
import build  # noqa: E402

DOCUMENTS = build.documents()
BUCKET = "evidence"
EVERYTHING_OPEN = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
ASSUME = f"arn:aws:iam::{ACCOUNT}:role/responder"
# The one of images.json.
IMAGE = "ami-1e749f67"
RUN = "01JD0000000000000000000000"
SECRET_WORDS = ("SecretAccessKey", "SessionToken")


class Stage:
    """Everything that a walk needs; `with Stage() as stage`."""

    def __enter__(self):
        self.mock = mock_aws()
        self.mock.start()
        self.world = World()
        self.ec2, self.iam = self.world.client("ec2"), self.world.client("iam")
        self.make_network()
        self.make_roles()
        self.instance = self.make_instance()
        self.neighbour = self.make_instance()
        self.world.managed[self.instance] = "Online"
        self.make_places()
        self.world.managed["i-0aaaaaaaaaaaaaaaa"] = "Online"
        self.world.on_command = {"Hozen-Preflight": preflight_ready, "Hozen-Collect": collect_well, "Hozen-Seal": seal_well}
        self.world.calls.clear()
        return self

    def __exit__(self, *_):
        self.mock.stop()

    def make_network(self):
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.web = self.make_group("web")
        self.admin = self.make_group("admin")
        self.egress = self.make_group("egress")
        self.untrack = self.make_group("untrack")
        self.quarantine = self.make_group("quarantine")
        ec2.create_tags(Resources=[self.quarantine], Tags=[{"Key": "hozen:purpose", "Value": "quarantine"}])
        rules = ec2.describe_security_groups(GroupIds=[self.quarantine])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=self.quarantine, IpPermissions=rules)

    def make_group(self, name):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]

    def make_roles(self):
        for name in ("web", "quarantined", "writer", "sealer"):
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        for name in ("web", "quarantined"):
            self.iam.create_instance_profile(InstanceProfileName=name)
            self.iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)

    def make_instance(self):
        # moto shows the groups of an instance as those of its interface, too, unless the interface was there before.
        card = self.ec2.create_network_interface(SubnetId=self.subnet, Groups=[self.web, self.admin])["NetworkInterface"]
        first = {"DeviceIndex": 0, "NetworkInterfaceId": card["NetworkInterfaceId"]}
        return self.ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, InstanceType="t3.large", NetworkInterfaces=[first],
                                      IamInstanceProfile={"Name": "web"})["Instances"][0]["InstanceId"]

    def make_places(self):
        s3 = self.world.client("s3")
        s3.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.topic = self.world.client("sns").create_topic(Name="hozen")["TopicArn"]

    def second_interface(self):
        card = self.ec2.create_network_interface(SubnetId=self.subnet, Groups=[self.admin])["NetworkInterface"]["NetworkInterfaceId"]
        self.ec2.attach_network_interface(NetworkInterfaceId=card, InstanceId=self.instance, DeviceIndex=1)
        return card

    def parameters(self, **changed):
        given = {
            "AutomationAssumeRole": ASSUME, "InstanceId": self.instance, "CaseId": "IR-1", "Mode": "collect-and-contain",
            "EvidenceUri": f"s3://{BUCKET}/cases", "EvidenceRegion": REGION, "EvidenceAccount": ACCOUNT,
            "WriterRoleArn": f"arn:aws:iam::{ACCOUNT}:role/writer", "SealerInstanceId": "i-0aaaaaaaaaaaaaaaa",
            "SealerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/sealer",
            "SealKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/seal", "QuarantineGroupId": self.quarantine,
            "UntrackGroupId": self.untrack, "QuarantineProfile": "quarantined", "TopicArn": self.topic,
            "FindingId": f"arn:aws:guardduty:{REGION}:{ACCOUNT}:detector/1/finding/2", "LegalHold": "yes",
            "ProductArn": f"arn:aws:securityhub:{REGION}::product/aws/guardduty",
        }
        return {**given, **changed}

    def respond(self, **changed):
        return self.begin(**changed).run()

    def begin(self, **changed):
        return Execution(self.world, DOCUMENTS, "Hozen-Respond", self.parameters(**changed))

    def release(self, **changed):
        given = {"AutomationAssumeRole": ASSUME, "InstanceId": self.instance, "CaseId": "IR-1", "TopicArn": self.topic}
        return Execution(self.world, DOCUMENTS, "Hozen-Release", {**given, **changed}).run()

    # What came of it.

    def groups(self, instance=None):
        found = self.ec2.real.describe_network_interfaces(
            Filters=[{"Name": "attachment.instance-id", "Values": [instance or self.instance]}])["NetworkInterfaces"]
        return [sorted(group["GroupId"] for group in card["Groups"]) for card in found]

    def contained(self, instance=None):
        return all(groups == [self.quarantine] for groups in self.groups(instance))

    def untouched(self, instance=None):
        return all(groups == sorted([self.web, self.admin]) for groups in self.groups(instance))

    def profile(self):
        found = self.ec2.real.describe_iam_instance_profile_associations(
            Filters=[{"Name": "instance-id", "Values": [self.instance]}])["IamInstanceProfileAssociations"]
        return [one["IamInstanceProfile"]["Arn"].rsplit("/", 1)[-1] for one in found if one["State"] != "disassociated"]

    def attribute(self, name):
        """As EC2 describes it: disableApiTermination, instanceInitiatedShutdownBehavior."""
        found = self.ec2.real.describe_instance_attribute(InstanceId=self.instance, Attribute=name)
        return found[name[0].upper() + name[1:]]["Value"]

    def tags(self):
        found = self.ec2.real.describe_tags(Filters=[{"Name": "resource-id", "Values": [self.instance]}])["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def noted(self, run):
        """What the steps of a response left for each other."""
        return json.loads(self.world.client("ssm").real.get_parameter(Name="/hozen/response/" + run.id)["Parameter"]["Value"])

    def changed(self):
        """Calls that change the instance or what it is part of, and were not only asked for."""
        meant = ("Modify", "Associate", "Replace", "Disassociate", "Create", "Delete", "Enter", "Set", "Put", "Terminate", "Stop")
        return [api for service, api, arguments in self.world.calls
                if service in ("ec2", "iam", "autoscaling") and api.startswith(meant) and not arguments.get("DryRun")]

    def imds(self):
        found = self.ec2.real.describe_instances(InstanceIds=[self.instance])["Reservations"][0]["Instances"][0]
        return found["MetadataOptions"]["HttpEndpoint"]

    def denies(self, role, session, issued="2020-01-01T00:00:00Z"):
        """Whether a policy of the role denies a session everything."""
        real = self.iam.real
        identity = f"{real.get_role(RoleName=role)['Role']['RoleId']}:{session}"
        for name in real.list_role_policies(RoleName=role)["PolicyNames"]:
            for statement in real.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
                condition = statement["Condition"]
                meant = identity in condition["StringEquals"]["aws:userId"]
                if statement["Effect"] == "Deny" and meant and issued < condition.get("DateLessThan", {}).get("aws:TokenIssueTime", "9"):
                    return True
        return False

    def told(self):
        """What went to the topic, the last of it."""
        return json.loads(self.world.called("sns", "Publish")[-1]["Message"])

    def first(self, service, api, when=lambda arguments: True):
        """When a call was first made, among all calls."""
        return next(at for at, (one, other, arguments) in enumerate(self.world.calls)
                    if (one, other) == (service, api) and when(arguments))


def line(**changed):
    """The line that the agent prints."""
    said = {"v": 1, "outcome": "complete", "code": 0, "safe_to_isolate": True, "run": RUN, "memory": {"status": "ok", "images": ["kcore"]},
            "to": f"s3://{BUCKET}/cases/IR-1/{ACCOUNT}/i-0/{RUN}", "end": {"key": "999-end.json", "sha256": "e" * 64, "version": "v1"},
            "manifest": {"key": "900-manifest.json", "sha256": "a" * 64}}
    return json.dumps({**said, **changed})


def ends(command, text, code=0, status=None):
    command["Status"] = status or ("Success" if code == 0 else "Failed")
    command["ResponseCode"], command["StandardOutputContent"] = code, text + "\n"


def preflight_ready(world, command):
    ends(command, json.dumps({"v": 1, "ready": True, "obstacles": [], "destination": {"ready": True}}, indent=1))


def preflight_refused(world, command):
    refused = {"ready": False, "step": "lock", "reason": "the bucket locks nothing"}
    ends(command, json.dumps({"v": 1, "ready": False, "obstacles": [], "destination": refused}, indent=1), 32)


def collect_well(world, command):
    world.now += 600
    world.client("s3").real.put_object(Bucket=BUCKET, Key=f"cases/IR-1/{ACCOUNT}/i-0/{RUN}/999-end.json", Body=b"end")
    ends(command, line())


def collect_badly(world, command):
    ends(command, line(outcome="failed", code=31, safe_to_isolate=False, error="the seal could not be stored"), 31)


def collect_partly(world, command):
    """Sealed, though not everything is there: a code other than 0, which Run Command calls Failed."""
    ends(command, line(outcome="partial", code=20, memory={"status": "failed", "images": []}), 20)


def collect_killed(world, command):
    world.now += int(command["Parameters"]["TimeoutSeconds"])
    ends(command, "", 137, "TimedOut")
    command["StandardOutputContent"] = ""


def collect_cancelled(world, command):
    ends(command, "", 137, "Cancelled")


def seal_well(world, command):
    ends(command, json.dumps({"v": 1, "sealed": True}))


def seal_refuses(world, command):
    ends(command, json.dumps({"v": 1, "error": "it does not verify: the digest of data/x is another"}), 1)


__all__ = ["ACCOUNT", "BUCKET", "Cancelled", "DOCUMENTS", "Execution", "REGION", "SECRET_WORDS", "Stage", "StepFailed", "denied"]

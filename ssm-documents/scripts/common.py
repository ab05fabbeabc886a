import datetime
import json
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

FAILED = (BotoCoreError, ClientError)
# What a parameter of Systems Manager holds.
MOST_NOTED = 8000


def client(name):
    return boto3.client(name)


def utc(seconds=None):
    seconds = time.time() if seconds is None else seconds
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def contains(event):
    """Whether containment was asked for. Nothing but this decides that an instance is cut off."""
    return event["Mode"] in ("collect-and-contain", "contain-now") and event.get("Drill", "no") != "yes"


def read_parameter(name, fallback=None):
    try:
        return json.loads(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except (*FAILED, ValueError):
        return fallback


def response(event):
    """What the steps of this execution have noted so far. Outputs of steps that failed cannot be had; this can."""
    return read_parameter("/hozen/response/" + event["Execution"], {})


def shortened(fact, most):
    if isinstance(fact, str):
        return fact[:most]
    return [shortened(one, most) for one in fact[:max(most // 30, 2)]] if isinstance(fact, list) else fact


def note(event, **facts):
    """Adds facts to what is known of this execution. It is never worth a failure: containment does not wait for it."""
    known = response(event)
    known.update(facts)
    for most in (4000, 300, 30):
        value = json.dumps({name: shortened(fact, most) for name, fact in known.items()}, default=str)
        if len(value) <= MOST_NOTED:
            break
    try:
        client("ssm").put_parameter(Name="/hozen/response/" + event["Execution"], Value=value, Type="String",
                                    Overwrite=True, Tier="Intelligent-Tiering")
    except FAILED as error:
        print(f"not noted: {error}")


class Steps:
    """Actions that are each tried whatever became of the others."""

    def __init__(self):
        self.done, self.failed = [], []

    def attempt(self, what, call, **arguments):
        try:
            answer = call(**arguments)
        except FAILED as error:
            self.failed.append(f"{what}: {error}"[:300])
            return None
        self.done.append(what)
        return answer


def find_instance(event):
    """The instance as EC2 describes it, or nothing where there is none."""
    try:
        answer = client("ec2").describe_instances(InstanceIds=[event["InstanceId"]])
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("InvalidInstanceID"):
            return None
        raise
    found = [instance for group in answer["Reservations"] for instance in group["Instances"]]
    return found[0] if found else None


def interfaces(event):
    """Every interface of the instance, also those that were attached later."""
    filters = [{"Name": "attachment.instance-id", "Values": [event["InstanceId"]]}]
    pages = client("ec2").get_paginator("describe_network_interfaces").paginate(Filters=filters)
    return [interface for page in pages for interface in page["NetworkInterfaces"]]


def groups_of(interface):
    return sorted(group["GroupId"] for group in interface["Groups"])


def split_uri(uri):
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


def evidence_uri(event):
    """Where the runs go; a drill goes beside the cases."""
    bucket, prefix = split_uri(event["EvidenceUri"])
    if event.get("Drill", "no") == "yes":
        prefix = f"{prefix}-drill"
    return f"s3://{bucket}/{prefix}"


def lets_nothing_through(group):
    """No way in, and none out but to the loopback, which no packet that leaves a host has. A tag alone says nothing: who may tag can tag any group."""
    ways_out = [one for rule in group["IpPermissionsEgress"] for kind in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
                for one in rule.get(kind, [])]
    return not group["IpPermissions"] and all(one.get("CidrIp") == "127.0.0.1/32" for one in ways_out)


def sealer_credentials(event):
    return f"/hozen/credentials/{event['Execution']}-seal"

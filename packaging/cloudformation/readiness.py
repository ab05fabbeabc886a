"""The Config rule forensic-ready: whether evidence could be collected from each running instance of this region, today.

Run by AWS Config once a day. What an instance can do it says itself: Hozen-Preflight with Inventory=yes leaves an entry Custom:HozenReadiness in the
inventory of Systems Manager. An instance that has none, or an old one, is not ready: nobody knows.
"""

import datetime
import json

import boto3

TYPE = "Custom:HozenReadiness"
OLDEST = datetime.timedelta(days=8)
MOST_AT_ONCE = 100


def handler(event, context):
    at = json.loads(event["invokingEvent"])["notificationCreationTime"]
    found = [evaluation(instance, at) for instance in running()]
    for begin in range(0, len(found), MOST_AT_ONCE):
        boto3.client("config").put_evaluations(Evaluations=found[begin:begin + MOST_AT_ONCE], ResultToken=event["resultToken"])
    return len(found)


def running():
    pages = boto3.client("ec2").get_paginator("describe_instances").paginate(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    return [instance for page in pages for group in page["Reservations"] for instance in group["Instances"]]


def evaluation(instance, at):
    word, why = judged(instance, datetime.datetime.fromisoformat(at.replace("Z", "+00:00")))
    return {"ComplianceResourceType": "AWS::EC2::Instance", "ComplianceResourceId": instance["InstanceId"], "ComplianceType": word,
            "Annotation": why[:255], "OrderingTimestamp": at}


def judged(instance, now):
    if instance.get("Platform", "").lower() == "windows":
        return "NOT_APPLICABLE", "Hozen collects on Linux only"
    ssm, name = boto3.client("ssm"), instance["InstanceId"]
    known = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [name]}])["InstanceInformationList"]
    if not known or known[0]["PingStatus"] != "Online":
        return "NON_COMPLIANT", "Systems Manager does not manage it, or its agent does not answer"
    said = ssm.list_inventory_entries(InstanceId=name, TypeName=TYPE)
    if not said.get("Entries"):
        return "NON_COMPLIANT", "no preflight has run here: Hozen is not installed, or nobody asked"
    if now - datetime.datetime.fromisoformat(said["CaptureTime"].replace("Z", "+00:00")) > OLDEST:
        return "NON_COMPLIANT", "the last preflight is of " + said["CaptureTime"]
    entry = said["Entries"][0]
    if entry.get("Ready") != "yes":
        return "NON_COMPLIANT", "not ready: " + (entry.get("Obstacles") or "the inventory says why")
    return "COMPLIANT", "memory by " + (entry.get("MemoryWay") or "an unknown way")

# What only AWS knows of the instance, stored beside the evidence before anything is changed for good.
import base64
import hashlib


def save_facts(event, context):
    ec2, steps, one = client("ec2"), Steps(), {"InstanceId": event["InstanceId"]}
    instance = find_instance(event)
    cards = interfaces(event)
    groups = sorted({group for card in cards for group in groups_of(card)})
    facts = {
        "v": 1, "case": event["CaseId"], "execution": event["Execution"], "at": utc(), "finding": event["FindingId"],
        "instance": instance, "interfaces": cards,
        "groups": (steps.attempt("groups", ec2.describe_security_groups, GroupIds=groups) or {}).get("SecurityGroups"),
        "profile": (steps.attempt("profile", ec2.describe_iam_instance_profile_associations,
                                  Filters=[{"Name": "instance-id", "Values": [event["InstanceId"]]}]) or {})
        .get("IamInstanceProfileAssociations"),
        "console": (steps.attempt("console", ec2.get_console_output, **one) or {}).get("Output"),
        "screenshot": (steps.attempt("screenshot", ec2.get_console_screenshot, **one) or {}).get("ImageData"),
        "not_had": steps.failed,
    }
    stored = store(event, "control-plane.json", facts)
    note(event, facts=stored, facts_not_had=steps.failed)
    return {"Uri": stored}


def store(event, name, facts):
    """One object, that nothing was written over for. The bucket's default retention locks it."""
    bucket, prefix = split_uri(evidence_uri(event))
    key = f"{prefix}/{event['CaseId']}/{event['Account']}/{event['InstanceId']}/orchestrator/{event['Execution']}/{name}"
    body = json.dumps(facts, default=str, sort_keys=True).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    arguments = {"ExpectedBucketOwner": event["EvidenceAccount"]} if event["EvidenceAccount"] else {}
    boto3.client("s3", region_name=event["EvidenceRegion"]).put_object(
        Bucket=bucket, Key=key, Body=body, ChecksumSHA256=digest, IfNoneMatch="*", **arguments)
    return f"s3://{bucket}/{key}"

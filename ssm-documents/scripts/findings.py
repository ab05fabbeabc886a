# Findings as GuardDuty and Security Hub have them, brought into one form: what it is, where, which instances it names, and by which id it is asked for.
import re

INSTANCE = re.compile(r"(?:^|[:/])(i-[0-9a-f]{8,17})$")
# Security Hub's own numbers for severity (OCSF), each as the least that GuardDuty calls by that word.
SEVERITIES = {2: 1.0, 3: 4.0, 4: 7.0, 5: 9.0, 6: 10.0}
DETECTION = 2004
NAMES = ("Name", "UserName", "FunctionName", "DbInstanceIdentifier")


def findings_of(event):
    """What the services say now, not what an event said: only ids come from outside."""
    if event["Source"] == "guardduty":
        found = client("guardduty").get_findings(DetectorId=event["DetectorId"], FindingIds=event["FindingIds"])["Findings"]
        return [from_guardduty(one) for one in found]
    if event["Source"] == "securityhub-v2":
        wanted = [{"FieldName": "metadata.uid", "Filter": {"Comparison": "EQUALS", "Value": one}} for one in event["FindingIds"]]
        filters = {"CompositeFilters": [{"StringFilters": wanted, "Operator": "OR"}], "CompositeOperator": "OR"}
        return [from_ocsf(one) for page in client("securityhub").get_paginator("get_findings_v2").paginate(Filters=filters) for one in page["Findings"]]
    wanted = [{"Comparison": "EQUALS", "Value": one} for one in event["FindingIds"]]
    pages = client("securityhub").get_paginator("get_findings").paginate(Filters={"Id": wanted})
    return [from_security_hub(one) for page in pages for one in page["Findings"]]


def from_guardduty(one):
    resource, steps = one["Resource"], one.get("Service", {}).get("Detection", {}).get("Sequence", {}).get("Resources", [])
    place = {"account": one["AccountId"], "region": one["Region"]}
    named = [resource.get("InstanceDetails", {}).get("InstanceId"), resource.get("AccessKeyDetails", {}).get("PrincipalId")]
    targets = [target(word, place) for word in named + [step.get("Uid") for step in steps]]
    return {
        "id": one["Arn"], "ask": one["Id"], "key": one["Id"], "type": one["Type"], "severity": float(one["Severity"]), **place,
        "product": f"arn:{one.get('Partition', 'aws')}:securityhub:{one['Region']}::product/aws/guardduty",
        "targets": unique(targets), "others": [f"{resource.get('ResourceType', 'no resource')} {name_in(resource)}".strip()],
    }


def from_security_hub(one):
    place = {"account": one["AwsAccountId"], "region": one.get("Region") or event_region(one["ProductArn"])}
    targets = [target(word, place) for resource in one["Resources"] for word in words_of(resource)]
    is_guardduty = one["ProductArn"].endswith("product/aws/guardduty")
    return {
        "id": one["Id"], "ask": one["Id"], "key": one["Id"].rsplit("/", 1)[-1] if is_guardduty else "", "type": (one.get("Types") or [""])[0],
        "severity": one.get("Severity", {}).get("Normalized", 0) / 10, **place, "product": one["ProductArn"], "targets": unique(targets),
        "others": [f"{resource['Type']} {resource['Id']}" for resource in one["Resources"] if resource["Type"] != "AwsEc2Instance"],
    }


def from_ocsf(one):
    """Of the newer Security Hub, which has findings in the Open Cybersecurity Schema Framework."""
    about, product, cloud = one["finding_info"], one["metadata"]["product"]["uid"], one["cloud"]
    place, types = {"account": cloud["account"]["uid"], "region": cloud["region"]}, about.get("types") or [""]
    resources = one.get("resources") or []
    targets = [target(word, place_of(resource, place)) for resource in resources for word in words_of_ocsf(resource)]
    return {
        "id": about["uid"], "ask": one["metadata"]["uid"], "key": about["uid"].rsplit("/", 1)[-1] if product.endswith("/aws/guardduty") else "",
        # GuardDuty's own type stands beside a general one.
        "type": next((word for word in types if ":" in word), types[0]), "severity": SEVERITIES.get(one.get("severity_id"), 0.0), **place,
        "product": product, "targets": unique(targets), "is_detection": one["class_uid"] == DETECTION,
        "others": [f"{resource.get('type', 'resource')} {resource.get('uid', '')}" for resource in resources if resource.get("type") != "AWS::EC2::Instance"],
    }


def place_of(resource, place):
    """Where a resource is; the finding may be of another account and region."""
    account = resource.get("owner", {}).get("account", {}).get("uid")
    return {"account": account or place["account"], "region": resource.get("region") or place["region"]}


def words_of_ocsf(resource):
    """Its id, the same as an ARN, and whose key it is."""
    yield from (resource.get("uid"), resource.get("uid_alt"))
    data = resource.get("data")
    yield data.get("principal_id") if isinstance(data, dict) else None
    yield resource.get("user", {}).get("uid")


def event_region(arn):
    return arn.split(":")[3]


def words_of(resource):
    """Where a resource of Security Hub may name an instance: its own id, whose key it is, or what it is attached to."""
    details = resource.get("Details", {})
    yield resource["Id"]
    yield details.get("AwsIamAccessKey", {}).get("PrincipalId")
    yield details.get("AwsEc2NetworkInterface", {}).get("Attachment", {}).get("InstanceId")


def target(word, place):
    """The instance that a word names: an id, an ARN that ends in one, or a session of an instance's role, which EC2 names after it (AROA…:i-…)."""
    named = INSTANCE.search(word or "")
    if not named:
        return None
    parts = word.split(":")
    where = {"region": parts[3], "account": parts[4]} if word.startswith("arn:") else place
    return {**where, "instance": named[1]}


def unique(targets):
    return [one for at, one in enumerate(targets) if one and one not in targets[:at]]


def name_in(resource):
    """The first name in what GuardDuty says of a resource, for people."""
    for about in resource.values():
        for one in about if isinstance(about, list) else [about]:
            for name in NAMES if isinstance(one, dict) else ():
                if one.get(name):
                    return one[name]
    return ""

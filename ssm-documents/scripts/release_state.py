def release_name(event):
    return "/hozen/release/" + event["InstanceId"]


def keep_for_release(event, steps, instance):
    """Writes down how the instance was before anything was changed. The first word stays: who comes later would write down the quarantine."""
    if read_parameter(release_name(event)):
        return
    ec2, one = client("ec2"), {"InstanceId": event["InstanceId"]}
    protection = steps.attempt("asked for termination protection", ec2.describe_instance_attribute, **one,
                               Attribute="disableApiTermination") or {}
    before = {
        "case": event["CaseId"],
        "execution": event["Execution"],
        "groups": {one["NetworkInterfaceId"]: groups_of(one) for one in interfaces(event)},
        "profile": instance.get("IamInstanceProfile", {}).get("Arn", ""),
        "imds": instance.get("MetadataOptions", {}).get("HttpEndpoint", "enabled"),
        "protected": protection.get("DisableApiTermination", {}).get("Value", False),
        "disks": [disk["DeviceName"] for disk in instance.get("BlockDeviceMappings", []) if disk["Ebs"]["DeleteOnTermination"]],
    }
    steps.attempt("wrote down how it was", client("ssm").put_parameter, Name=release_name(event), Value=json.dumps(before),
                  Type="String", Overwrite=False, Tier="Intelligent-Tiering")

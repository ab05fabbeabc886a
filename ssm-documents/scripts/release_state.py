def release_name(event):
    return "/hozen/release/" + event["InstanceId"]


def keep_for_release(event, steps, instance):
    """Writes down how the instance was before anything was changed. The first word stays: who comes later would write down the quarantine. Only
    where no group was changed since, as after a response that collected only, a later case takes over."""
    known, cards = read_parameter(release_name(event)), {card["NetworkInterfaceId"]: groups_of(card) for card in interfaces(event)}
    if known and (known["case"] == event["CaseId"] or known["groups"] != cards):
        return
    ec2, one = client("ec2"), {"InstanceId": event["InstanceId"]}
    asked = ("disableApiTermination", "instanceInitiatedShutdownBehavior")
    protection, shutdown = [steps.attempt("asked for " + word, ec2.describe_instance_attribute, **one, Attribute=word) or {} for word in asked]
    before = {
        "case": event["CaseId"],
        "execution": event["Execution"],
        "groups": cards,
        "profile": instance.get("IamInstanceProfile", {}).get("Arn", ""),
        "imds": instance.get("MetadataOptions", {}).get("HttpEndpoint", "enabled"),
        "shutdown": shutdown.get("InstanceInitiatedShutdownBehavior", {}).get("Value", ""),
        "protected": protection.get("DisableApiTermination", {}).get("Value", False),
        "disks": [disk["DeviceName"] for disk in instance.get("BlockDeviceMappings", []) if disk["Ebs"]["DeleteOnTermination"]],
    }
    # What that response protected stays to be given back.
    before.update({word: known[word] for word in ("protected", "disks", "shutdown") if word in (known or {})})
    steps.attempt("wrote down how it was", client("ssm").put_parameter, Name=release_name(event), Value=json.dumps(before),
                  Type="String", Overwrite=bool(known), Tier="Intelligent-Tiering")

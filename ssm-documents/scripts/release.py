# Undoes what a response did to an instance, by what was written down before.


def release(event, context):
    before = read_parameter(release_name(event))
    if not before:
        raise RuntimeError("nothing is written down of how this instance was: no response has changed it, or it was released")
    if before["case"] != event["CaseId"]:
        raise RuntimeError(f"the instance is held for case {before['case']}, not {event['CaseId']}")
    steps, ec2 = Steps(), client("ec2")
    give_rights_back(event, steps, before)
    for card in interfaces(event):
        groups = before["groups"].get(card["NetworkInterfaceId"])
        if groups:
            steps.attempt("groups of " + card["NetworkInterfaceId"], ec2.modify_network_interface_attribute,
                          NetworkInterfaceId=card["NetworkInterfaceId"], Groups=groups)
        else:
            steps.failed.append(f"{card['NetworkInterfaceId']} came later; it stays in quarantine")
    give_protection_back(event, steps, before)
    if not steps.failed:
        for name in (release_name(event), "/hozen/contain/" + event["InstanceId"]):
            Steps().attempt("forgotten", client("ssm").delete_parameter, Name=name)
    tell(event, steps)
    if steps.failed:
        raise RuntimeError("not all is as it was: " + "; ".join(steps.failed))
    return {"Released": "yes"}


def give_rights_back(event, steps, before):
    ec2, iam = client("ec2"), client("iam")
    name = before["profile"].rsplit("/", 1)[-1]
    if name:
        filters = [{"Name": "instance-id", "Values": [event["InstanceId"]]}]
        found = steps.attempt("profile", ec2.describe_iam_instance_profile_associations, Filters=filters) or {}
        now = [one for one in found.get("IamInstanceProfileAssociations", []) if one["State"] != "disassociated"]
        if now:
            steps.attempt("profile back", ec2.replace_iam_instance_profile_association, AssociationId=now[0]["AssociationId"],
                          IamInstanceProfile={"Name": name})
        else:
            steps.attempt("profile back", ec2.associate_iam_instance_profile, InstanceId=event["InstanceId"],
                          IamInstanceProfile={"Name": name})
        profile = steps.attempt("roles", iam.get_instance_profile, InstanceProfileName=name) or {}
        for role in profile.get("InstanceProfile", {}).get("Roles", []):
            # The sessions of before stay denied by their time only while the policy is there; who releases says that this is over.
            if "hozen-revoked-" + event["InstanceId"] in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
                steps.attempt("sessions of " + role["RoleName"], iam.delete_role_policy, RoleName=role["RoleName"],
                              PolicyName="hozen-revoked-" + event["InstanceId"])
    if before["imds"] == "enabled":
        steps.attempt("metadata service on", ec2.modify_instance_metadata_options, InstanceId=event["InstanceId"], HttpEndpoint="enabled")


def give_protection_back(event, steps, before):
    ec2, scaling, one = client("ec2"), client("autoscaling"), {"InstanceId": event["InstanceId"]}
    steps.attempt("termination protection", ec2.modify_instance_attribute, **one, DisableApiTermination={"Value": before["protected"]})
    if before.get("shutdown"):
        steps.attempt("shutdown", ec2.modify_instance_attribute, **one, InstanceInitiatedShutdownBehavior={"Value": before["shutdown"]})
    for name in before["disks"]:
        steps.attempt("disk " + name, ec2.modify_instance_attribute, **one,
                      BlockDeviceMappings=[{"DeviceName": name, "Ebs": {"DeleteOnTermination": True}}])
    found = steps.attempt("scaling groups", scaling.describe_auto_scaling_instances, InstanceIds=[event["InstanceId"]]) or {}
    for member in found.get("AutoScalingInstances", []):
        place = {"InstanceIds": [event["InstanceId"]], "AutoScalingGroupName": member["AutoScalingGroupName"]}
        steps.attempt("scale-in", scaling.set_instance_protection, **place, ProtectedFromScaleIn=False)
        if member["LifecycleState"] == "Standby":
            steps.attempt("out of standby", scaling.exit_standby, **place)
    steps.attempt("tags", ec2.delete_tags, Resources=[event["InstanceId"]], Tags=[{"Key": "hozen:case"}, {"Key": "hozen:execution"}])


def tell(event, steps):
    if event["TopicArn"]:
        message = {"v": 1, "outcome": "not-released" if steps.failed else "released", "case": event["CaseId"],
                   "instance": event["InstanceId"], "done": steps.done, "failed": steps.failed, "execution": event["Execution"]}
        Steps().attempt("topic", client("sns").publish, TopicArn=event["TopicArn"], Subject=f"Hozen release: {event['InstanceId']}",
                        Message=json.dumps(message, indent=1))

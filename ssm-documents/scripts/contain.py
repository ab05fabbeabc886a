# Cuts the instance off, if that was asked for. Can be called again at any time; never takes anything back.

SHORT_WAIT = 45     # the most seconds to wait where the execution was cancelled: it is not left long to live


def contain(event, context):
    if not may_contain(event):
        if event["Drill"] == "yes" and event["When"] == "end":
            ask_only(event)
        return {"Contained": "not asked"}
    steps, instance = Steps(), find_instance(event)
    if instance is None:
        note(event, contained="no instance", containment_reason=reason(event))
        return {"Contained": "no instance"}
    keep_for_release(event, steps, instance)
    cut_network(event, steps)
    cut_rights(event, steps, instance)
    note_addresses(event, steps)
    loose = still_loose(event)
    note(event, contained="no" if loose else "yes", contained_at=utc(), containment_reason=reason(event),
         containment_done=len(steps.done), containment_failed=steps.failed, loose=loose)
    if loose:
        raise RuntimeError("not in quarantine: " + ", ".join(loose))
    return {"Contained": "yes"}


def may_contain(event):
    """Asked for by this response, or by another one that found this one at work: what a drill keeps another from is not lost."""
    if contains(event) or event["When"] == "late":
        return True
    return response(event).get("way") not in ("joined", "refuse") and bool(read_parameter("/hozen/contain/" + event["InstanceId"]))


def ask_only(event):
    """A drill: whether EC2 would take the groups and turn the metadata service off."""
    steps, ec2 = Steps(), client("ec2")
    for card in interfaces(event):
        rehearse(steps, "quarantine: " + card["NetworkInterfaceId"], ec2.modify_network_interface_attribute,
                 NetworkInterfaceId=card["NetworkInterfaceId"], Groups=groups_of(card))
    rehearse(steps, "metadata service off", ec2.modify_instance_metadata_options, InstanceId=event["InstanceId"], HttpEndpoint="disabled")
    note(event, rehearsed=steps.done, would_fail=steps.failed)


def reason(event):
    known = response(event)
    if is_cancelled(event):
        return "cancelled"
    if event["Mode"] == "contain-now":
        return "asked for at once"
    deadline = known.get("deadline_s", int(event["MaxWaitMinutes"]) * 60)
    if known.get("started") and time.time() - known["started"] > deadline and not is_sealed(known):
        return "deadline"
    return "after collection" if is_sealed(known) else "collection did not come to an end that was sealed"


def is_cancelled(event):
    try:
        found = client("ssm").get_automation_execution(AutomationExecutionId=event["Execution"])["AutomationExecution"]
    except FAILED:
        return False
    return found["AutomationExecutionStatus"] in ("Cancelling", "Cancelled")


def is_sealed(known):
    return (known.get("collect") or {}).get("safe_to_isolate") is True


def cut_network(event, steps):
    """Connections that are tracked outlive a change of groups: for a while everything is open, which ends the tracking, then nothing is. Where
    every interface is in quarantine already, nothing is opened again."""
    if not still_loose(event):
        return
    put_into(event, steps, "untrack", event["UntrackGroupId"])
    wait = int(event["UntrackSeconds"])
    time.sleep(min(wait, SHORT_WAIT) if is_cancelled(event) else wait)
    put_into(event, steps, "quarantine", event["QuarantineGroupId"])


def cut_rights(event, steps, instance):
    """First the profile, then the metadata service, then the sessions: the other way round a new session could be had in between."""
    ec2 = client("ec2")
    for association in associations(event, steps):
        name, profile = association["AssociationId"], association["IamInstanceProfile"]["Arn"].rsplit("/", 1)[-1]
        if not event["QuarantineProfile"]:
            steps.attempt("profile removed", ec2.disassociate_iam_instance_profile, AssociationId=name)
        elif profile != event["QuarantineProfile"]:
            steps.attempt("profile replaced", ec2.replace_iam_instance_profile_association, AssociationId=name,
                          IamInstanceProfile={"Name": event["QuarantineProfile"]})
    if event["DisableImds"] == "yes":
        steps.attempt("metadata service off", ec2.modify_instance_metadata_options, InstanceId=event["InstanceId"],
                      HttpEndpoint="disabled")
    if event["RevokeSessions"] == "yes":
        revoke(event, steps, instance)


def associations(event, steps):
    filters = [{"Name": "instance-id", "Values": [event["InstanceId"]]}]
    found = steps.attempt("profile", client("ec2").describe_iam_instance_profile_associations, Filters=filters) or {}
    return [one for one in found.get("IamInstanceProfileAssociations", []) if one["State"] != "disassociated"]


def revoke(event, steps, instance):
    """Denies everything to sessions of this instance, and of no other that shares the role: EC2 names a session after its instance."""
    before = read_parameter(release_name(event), {})
    arn = before.get("profile") or instance.get("IamInstanceProfile", {}).get("Arn", "")
    if not arn or arn.rsplit("/", 1)[-1] == event["QuarantineProfile"]:
        return
    iam = client("iam")
    profile = steps.attempt("roles", iam.get_instance_profile, InstanceProfileName=arn.rsplit("/", 1)[-1]) or {}
    for role in profile.get("InstanceProfile", {}).get("Roles", []):
        statement = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {
            "DateLessThan": {"aws:TokenIssueTime": utc()},
            "StringEquals": {"aws:userId": [f"{role['RoleId']}:{event['InstanceId']}"]}}}
        steps.attempt("sessions revoked: " + role["RoleName"], iam.put_role_policy, RoleName=role["RoleName"],
                      PolicyName="hozen-revoked-" + event["InstanceId"],
                      PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def note_addresses(event, steps):
    """Elastic addresses stay: they are in logs and findings, and a quarantined interface answers nobody on them."""
    filters = [{"Name": "instance-id", "Values": [event["InstanceId"]]}]
    found = steps.attempt("addresses", client("ec2").describe_addresses, Filters=filters) or {}
    note(event, elastic_addresses=[one["PublicIp"] for one in found.get("Addresses", [])])

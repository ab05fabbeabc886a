# The first step: which instance, in what state, and whether another response is at it.

UNKNOWN = "there is no such instance in this account and region: look for it elsewhere, or in CloudTrail for who terminated it"


def identify(event, context):
    note(event, case=event["CaseId"], instance=event["InstanceId"], mode=event["Mode"], finding=event["FindingId"],
         started=int(time.time()))
    instance = find_instance(event)
    if instance is None or instance["State"]["Name"] in ("terminated", "shutting-down"):
        return ended(event, "refuse", UNKNOWN)
    if event["Mode"] == "contain-now":
        take_lock(event)
        return ended(event, "contain-now", "")
    if not take_lock(event):
        return join(event)
    if read_parameter(done_name(event)) and event["Again"] != "yes" and event["Drill"] != "yes":
        return ended(event, "unreachable", "this case has a sealed run of this instance already; Again=yes takes another")
    reason = unreachable(event, instance)
    return ended(event, "unreachable" if reason else "collect", reason)


def ended(event, way, reason):
    note(event, way=way, way_reason=reason)
    return {"Next": way, "Reason": reason}


def unreachable(event, instance):
    """Why Run Command cannot collect here; empty if it can."""
    state = instance["State"]["Name"]
    if state != "running":
        return f"the instance is {state}: its disks are kept, memory is gone"
    if instance.get("Platform", "").lower() == "windows":
        return "Hozen collects on Linux only: take memory with a tool for Windows before you stop the instance"
    filters = [{"Key": "InstanceIds", "Values": [event["InstanceId"]]}]
    known = client("ssm").describe_instance_information(Filters=filters)["InstanceInformationList"]
    if not known:
        return "Systems Manager does not manage the instance (no agent, no role, or no way to its endpoints)"
    if known[0]["PingStatus"] != "Online":
        return "the agent of Systems Manager on the instance does not answer: " + known[0]["PingStatus"]
    return ""


def done_name(event):
    return f"/hozen/done/{event['InstanceId']}/{event['CaseId']}"


def lock_name(event):
    return "/hozen/lock/" + event["InstanceId"]


def take_lock(event):
    """One response collects on an instance at a time. Who is dead holds nothing."""
    value = json.dumps({"execution": event["Execution"], "case": event["CaseId"], "at": utc()})
    for _ in range(2):
        try:
            client("ssm").put_parameter(Name=lock_name(event), Value=value, Type="String", Overwrite=False)
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterAlreadyExists":
                raise
        holder = read_parameter(lock_name(event), {})
        if holder.get("execution") == event["Execution"]:
            return True
        if is_alive(holder.get("execution", "")):
            return False
        client("ssm").delete_parameter(Name=lock_name(event))
    return False


def is_alive(execution):
    try:
        found = client("ssm").get_automation_execution(AutomationExecutionId=execution)["AutomationExecution"]
    except FAILED:
        return False
    return found["AutomationExecutionStatus"] in ("Pending", "InProgress", "Waiting", "Cancelling", "PendingApproval", "Runbook")


def join(event):
    """Another response is at this instance. If this one is to contain, that one is told, and contains at its end; it
    looks again after it has let go of the lock, so whoever comes in between is seen by one of the two."""
    if contains(event):
        value = json.dumps({"execution": event["Execution"], "case": event["CaseId"]})
        client("ssm").put_parameter(Name="/hozen/contain/" + event["InstanceId"], Value=value, Type="String", Overwrite=True)
        if take_lock(event):
            return ended(event, "unreachable", "another response has just ended: this one only contains")
    holder = read_parameter(lock_name(event), {})
    told = "; it was told to contain" if contains(event) else ""
    return ended(event, "joined", f"the response {holder.get('execution')} is at this instance{told}")

# What commands came to, by their own line of JSON. The status of a command says only whether its exit code was 0.


def invocation(event, purpose, plugin, instance):
    """The command of this execution with this purpose: found by its comment, because a step that failed gives out nothing."""
    ssm = client("ssm")
    comment = f"hozen {purpose} {event['Execution']}"
    for page in ssm.get_paginator("list_commands").paginate(InstanceId=instance):
        for command in page["Commands"]:
            if command.get("Comment") == comment:
                return ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=instance, PluginName=plugin)
    return None


def line_of(found):
    """The JSON that was said: all of it, as preflight prints it over many lines, or the last line that is some. Nothing where there is none,
    as where the command was killed or its output cut."""
    said = (found or {}).get("StandardOutputContent") or ""
    for line in [said, *reversed(said.splitlines())]:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}


def judge_preflight(event, context):
    found = invocation(event, "preflight", "Preflight", event["InstanceId"])
    said = line_of(found)
    where = said.get("destination") or {}
    refused = where.get("ready") is False or said.get("code") in (40, 44)
    reason = where.get("reason") or said.get("error") or "; ".join(said.get("obstacles", []))
    note(event, preflight={"ready": said.get("ready"), "reason": str(reason)[:500], "status": (found or {}).get("Status")})
    if refused:
        note(event, collect_reason=f"preflight: {reason}"[:500])
    return {"Next": "skip" if refused else "collect"}


def judge_collect(event, context):
    found = invocation(event, "collect", "Collect", event["InstanceId"])
    said = line_of(found)
    status = (found or {}).get("Status", "no command")
    memory = said.get("memory") or {}
    place = said.get("to") or ""
    if place and said.get("run") and not place.rstrip("/").endswith(said["run"]):
        place = ""
    sealed = said.get("safe_to_isolate") is True
    end = said.get("end") or {}
    note(event, collect={
        "status": status, "code": said.get("code"), "outcome": said.get("outcome", "none"), "safe_to_isolate": sealed,
        "error": str(said.get("error", ""))[:300], "memory": memory.get("status"), "images": memory.get("images"), "uri": place,
        "end_sha256": end.get("sha256"), "end_version": end.get("version"),
        "manifest_sha256": (said.get("manifest") or {}).get("sha256"),
    })
    may_seal = sealed and place and end.get("sha256") and event["SealerInstanceId"] and event["SealKeyArn"]
    return {"Next": "seal" if may_seal else "skip", "RunUri": place or "none", "EndSha256": end.get("sha256") or "0" * 64}


def judge_seal(event, context):
    if event["SealerRoleArn"]:
        Steps().attempt("credentials of the sealer", client("ssm").delete_parameter, Name=sealer_credentials(event))
    found = invocation(event, "seal", "Seal", event["SealerInstanceId"])
    said = line_of(found)
    sealed = (found or {}).get("ResponseCode") == 0 and (found or {}).get("Status") == "Success"
    reason = said.get("error") or (found or {}).get("StandardErrorContent") or (found or {}).get("Status") or "no command"
    note(event, sealed=sealed, seal_reason="" if sealed else str(reason)[:500])
    return {"Sealed": "yes" if sealed else "no"}


def judge_approval(event, context):
    """Whether somebody said no. That nobody said anything is no refusal."""
    found = client("ssm").get_automation_execution(AutomationExecutionId=event["Execution"])["AutomationExecution"]
    step = [step for step in found["StepExecutions"] if step["StepName"] == "Approve"][-1]
    status = (step.get("Outputs") or {}).get("ApprovalStatus", ["Waiting"])[0]
    note(event, approval=status)
    return {"Next": "rejected" if status == "Rejected" else "contain"}

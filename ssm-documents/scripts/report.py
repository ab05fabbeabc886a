# The last step: lets go of the lock, and says what came of it. Fails where containment was asked for and is not there.


def report(event, context):
    known = response(event)
    let_go(event, known)
    late = asked_meanwhile(event, known)
    outcome = outcome_of(event, known)
    message = message_for(event, known, outcome)
    steps = Steps()
    publish(event, steps, outcome, message)
    note(event, outcome=outcome, told=steps.done, not_told=steps.failed)
    if outcome == "not-contained":
        raise RuntimeError(message["do"])
    return {"Outcome": outcome, "Do": message["do"], "Run": message["run"] or "none", "Next": "contain" if late else "end"}


def is_sealed(known):
    return (known.get("collect") or {}).get("safe_to_isolate") is True


def let_go(event, known):
    """The lock, and what was remembered of the case. A sealed run of this case is not taken a second time."""
    steps, ssm = Steps(), client("ssm")
    if is_sealed(known) and event["Drill"] != "yes":
        value = json.dumps({"execution": event["Execution"], "uri": known["collect"]["uri"]})
        steps.attempt("done", ssm.put_parameter, Name=f"/hozen/done/{event['InstanceId']}/{event['CaseId']}", Value=value,
                      Type="String", Overwrite=True)
    if read_parameter("/hozen/lock/" + event["InstanceId"], {}).get("execution") == event["Execution"]:
        steps.attempt("lock", ssm.delete_parameter, Name="/hozen/lock/" + event["InstanceId"])


def asked_meanwhile(event, known):
    """Whether another response asked this one to contain, since Contain looked."""
    if known.get("way") in ("joined", "refuse"):
        return False
    wanted = read_parameter("/hozen/contain/" + event["InstanceId"])
    if wanted:
        Steps().attempt("request", client("ssm").delete_parameter, Name="/hozen/contain/" + event["InstanceId"])
    return bool(wanted) and known.get("contained") != "yes"


def outcome_of(event, known):
    way, collected = known.get("way"), known.get("collect") or {}
    if way in ("refuse", "joined"):
        return {"refuse": "refused", "joined": "joined"}[way]
    if known.get("approval") == "Rejected":
        return "containment-rejected"
    if contains(event) and known.get("contained") != "yes" and not in_quarantine(event):
        return "not-contained"
    if event["Mode"] == "contain-now":
        return "contained"
    good = collected.get("safe_to_isolate") and (known.get("sealed") or not event["SealerInstanceId"])
    word = "collected" if good else "unsealed" if collected.get("safe_to_isolate") else "not-collected"
    return word + ("-and-contained" if known.get("contained") == "yes" else "")


def in_quarantine(event):
    """What nobody could note may be true all the same."""
    try:
        return not still_loose(event)
    except FAILED:
        return False


WHAT_TO_DO = {
    "refused": "Nothing was done: {way_reason}.",
    "joined": "Nothing was done here: {way_reason}.",
    "containment-rejected": "Containment was rejected. The evidence stays; run Hozen-Respond with contain-now to contain after all.",
    "not-contained": "THE INSTANCE IS NOT CONTAINED. Put its interfaces into the quarantine group by hand now: {loose} {containment_failed}",
    "contained": "Contained at once, nothing was collected. Disks: {disks}.",
    "collected": "Evidence is sealed. Verify it: hozen verify {uri}",
    "unsealed": "Evidence is there, but not countersigned ({seal_reason}). Seal it: hozen seal {uri} --kms-key KEY",
    "not-collected": "No sealed evidence: {why}. Disks: {disks}. Memory is there until the instance stops: collect by hand if you can.",
}


def message_for(event, known, outcome):
    collected = known.get("collect") or {}
    why = known.get("way_reason") or known.get("collect_reason") or collected.get("error") or collected.get("status") or "it did not begin"
    facts = {"way_reason": "", "loose": "", "containment_failed": "", "seal_reason": "", "disks": [], **known, "why": why,
             "uri": collected.get("uri") or "none"}
    do = WHAT_TO_DO[outcome.removesuffix("-and-contained")].format(**facts)
    region, finding = event["Region"], event["FindingId"]
    console = f"https://{region}.console.aws.amazon.com"
    return {
        "v": 1, "outcome": outcome, "do": do, "case": event["CaseId"], "instance": event["InstanceId"], "account": event["Account"],
        "region": region, "mode": event["Mode"], "drill": event["Drill"], "run": collected.get("uri"),
        "end_sha256": collected.get("end_sha256"), "end_version": collected.get("end_version"),
        "manifest_sha256": collected.get("manifest_sha256"), "code": collected.get("code"), "memory": collected.get("memory"),
        "images": collected.get("images"), "sealed": known.get("sealed", False), "disks": known.get("disks", []),
        "contained": known.get("contained", "no"), "containment_reason": known.get("containment_reason"),
        "not_done": (known.get("not_protected", []) + known.get("would_fail", []) + known.get("containment_failed", []) + known.get("credentials_not_ended", []))[:20],
        "finding": finding, "execution": event["Execution"],
        "links": {
            "detective": f"{console}/detective/home?region={region}#entities/Ec2Instance/{event['InstanceId']}",
            "execution": f"{console}/systems-manager/automation/execution/{event['Execution']}?region={region}",
            "finding": f"{console}/securityhub/home?region={region}#/findings?search=Id%3D{finding}" if finding else None,
        },
    }


def publish(event, steps, outcome, message):
    text = json.dumps(message, indent=1, default=str)
    if event["TopicArn"]:
        subject = f"Hozen {outcome}: {event['InstanceId']} {event['CaseId']}"[:100]
        steps.attempt("topic", client("sns").publish, TopicArn=event["TopicArn"], Subject=subject, Message=text)
    entry = {"Source": "hozen", "DetailType": "Hozen Response Ended", "Detail": text, "Resources": [event["InstanceId"]]}
    steps.attempt("event", client("events").put_events, Entries=[entry])
    if event["FindingId"] and event["ProductArn"]:
        answer_finding(event, steps, outcome, message)


def answer_finding(event, steps, outcome, message):
    """As a comment where the newer Security Hub has the finding (its products are called productv2), else as a note with fields."""
    hub = client("securityhub")
    if ":productv2/" in event["ProductArn"]:
        named = {"CloudAccountUid": event["Account"], "FindingInfoUid": event["FindingId"], "MetadataProductUid": event["ProductArn"]}
        text = f"Hozen {outcome}, case {event['CaseId']}, run {message['run']}. {message['do']}"
        steps.attempt("finding", hub.batch_update_findings_v2, FindingIdentifiers=[named], Comment=text[:512])
        return
    fields = {"HozenCase": event["CaseId"], "HozenOutcome": outcome, "HozenRun": str(message["run"])[:1024]}
    steps.attempt("finding", hub.batch_update_findings, FindingIdentifiers=[{"Id": event["FindingId"], "ProductArn": event["ProductArn"]}],
                  Note={"Text": message["do"][:512], "UpdatedBy": "hozen"}, UserDefinedFields=fields)

# From findings to responses. Each finding is answered: a response was started, or it is refused with a reason, or noted.
import hashlib

ORDER = ("note", "collect-only", "collect-and-contain")
NO_INSTANCE = "it names no EC2 instance, and no session of one: nothing can be collected. CloudTrail says who did it, and from where"


def route(event, context):
    defaults, policy = read_parameter("/hozen/respond"), read_parameter("/hozen/policy")
    if not defaults or not policy:
        raise RuntimeError("/hozen/respond or /hozen/policy is not there, or no JSON: deploy responder.yaml in this region")
    found, answers = findings_of(event), []
    for finding in found:
        answers += answers_for(event, defaults, policy, finding)
    known = {finding[word] for finding in found for word in ("id", "key", "ask")}
    answers += [{"finding": one, "answer": "refused", "why": "there is no such finding in this account and region"}
                for one in event["FindingIds"] if one not in known]
    for answer in answers:
        tell(event, defaults, answer)
    failed = [answer for answer in answers if answer["answer"] == "failed"]
    if failed:
        raise RuntimeError("no response could be started: " + json.dumps(failed)[:2000])
    return {"Answers": json.dumps(answers)[:7000]}


def answers_for(event, defaults, policy, finding):
    about = {"finding": finding["id"], "type": finding["type"], "severity": finding["severity"]}
    if not finding["targets"]:
        return [{**about, "answer": "refused", "why": f"{NO_INSTANCE}. It is about: {'; '.join(finding['others'])[:500]}"}]
    mode = mode_for(event, policy, finding)
    if mode == "note":
        return [{**about, "answer": "noted", "why": "by /hozen/policy, what it is and how severe start nothing", "instance": one["instance"]}
                for one in finding["targets"]]
    return [{**about, "instance": one["instance"], "mode": mode, **answer_for(event, defaults, finding, one, mode)} for one in finding["targets"]
            if event["HandedOver"] != "yes" or is_here(event, one)]


def mode_for(event, policy, finding):
    """People get what they ask for. A weakness or a setting starts nothing by itself; a detection starts what the first line of the policy for its type says, and no more than is allowed."""
    if event["Action"] != "automatic":
        return event["Action"]
    if not finding.get("is_detection", True):
        return "note"
    for line in policy["types"]:
        if finding["type"].startswith(line["type"]) and finding["severity"] < line.get("below", 11):
            return ORDER[min(ORDER.index(line["do"]), ORDER.index(policy["automatic"]))]
    return "note"


def is_here(event, target):
    return (target["account"], target["region"]) == (event["Account"], event["Region"])


def answer_for(event, defaults, finding, target, mode):
    try:
        if not is_here(event, target):
            return hand_over(event, finding, target)
        if event["Action"] == "automatic" and not first_time(event, finding, target, mode):
            return {"answer": "noted", "why": "a response to this finding was started before"}
        return respond(event, defaults, finding, target, mode)
    except FAILED as error:
        return {"answer": "failed", "why": str(error)[:500]}


def case_of(finding):
    """The same for a finding of GuardDuty, whichever way it came."""
    if finding["key"]:
        return "GD-" + finding["key"][:60]
    return "SH-" + hashlib.sha256(finding["id"].encode()).hexdigest()[:24]


def routed_name(finding, target, mode):
    return f"/hozen/routed/{target['instance']}/{case_of(finding)}/{mode}"


def first_time(event, finding, target, mode):
    """GuardDuty sends a finding again as often as it happens; a response starts once."""
    try:
        client("ssm").put_parameter(Name=routed_name(finding, target, mode), Value=event["Execution"], Type="String", Overwrite=False)
        return True
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise
        return False


def respond(event, defaults, finding, target, mode):
    given = {**defaults, "InstanceId": target["instance"], "Mode": mode, "CaseId": case_of(finding), "FindingId": finding["id"],
             "ProductArn": finding["product"]}
    try:
        started = client("ssm").start_automation_execution(DocumentName="Hozen-Respond", Parameters={name: [value] for name, value in given.items()})
    except FAILED:
        # The next time it happens must not be taken for the second.
        Steps().attempt("forgotten", client("ssm").delete_parameter, Name=routed_name(finding, target, mode))
        raise
    return {"answer": "routed", "case": given["CaseId"], "execution": started["AutomationExecutionId"]}


def hand_over(event, finding, target):
    """People see findings of all accounts and regions in one. The response runs where the instance is, by that account's own rules."""
    if event["Source"] == "guardduty" or event["Action"] == "automatic":
        return {"answer": "refused", "why": f"the instance is of account {target['account']}, {target['region']}: its own rule answers there"}
    account, region, arguments = target["account"], target["region"], {}
    partition = finding["product"].split(":")[1]
    if account != event["Account"]:
        role = f"arn:{partition}:iam::{account}:role/hozen/hozen-handover"
        session = client("sts").assume_role(RoleArn=role, RoleSessionName="hozen-handover")["Credentials"]
        arguments = {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"],
                     "aws_session_token": session["SessionToken"]}
    given = {"AutomationAssumeRole": [f"arn:{partition}:iam::{account}:role/hozen/hozen-responder"], "Source": [event["Source"]],
             "Action": [event["Action"]], "FindingIds": [finding["ask"]], "HandedOver": ["yes"]}
    started = boto3.client("ssm", region_name=region, **arguments).start_automation_execution(DocumentName="Hozen-Route", Parameters=given)
    return {"answer": "handed-over", "why": f"the instance is of account {account}, {region}", "execution": started["AutomationExecutionId"]}


def tell(event, defaults, answer):
    """Every answer is an event; people are told of what was started, of what could not be, and of what they asked for themselves."""
    text, steps = json.dumps({"v": 1, **answer, "route": event["Execution"]}, indent=1), Steps()
    entry = {"Source": "hozen", "DetailType": "Hozen Finding Answered", "Detail": text}
    steps.attempt("event", client("events").put_events, Entries=[entry])
    if answer["answer"] in ("routed", "failed") or event["Action"] != "automatic":
        subject = f"Hozen {answer['answer']}: {answer.get('instance', 'no instance')}"
        steps.attempt("topic", client("sns").publish, TopicArn=defaults["TopicArn"], Subject=subject, Message=text)

# Credentials for one run on one instance, and how long it may take.

# Each is the most that the limits in the documents let it be; the tests compare them.
RESERVE = 700       # seconds before the agent begins: 400 of the preflight, 300 of the delivery of Hozen-Collect
GRACE = 120         # seconds that the agent has to end itself before it is killed
SEAL = 600          # seconds between collection and containment: 300 of the seal, 240 of the legal hold, the rest for disks and scripts


def mint(event, context):
    deadline = seconds_for(event)
    note(event, deadline_s=deadline)
    if deadline < 60:
        note(event, collect_reason="no time is left for collection within MaxWaitMinutes")
        return answer(event, "skip", "none", 60)
    if not event["WriterRoleArn"]:
        return answer(event, "collect", "instance-role", deadline)
    session, lasts = assume(event, min(max(deadline + GRACE + RESERVE + 900, 900), 43200))
    # What the agent could no longer store would be lost: it ends itself before.
    if deadline > lasts - GRACE - RESERVE:
        deadline = lasts - GRACE - RESERVE
        note(event, deadline_s=deadline, deadline_reason=f"the credentials of this run last {lasts} s")
    name = "/hozen/credentials/" + event["Execution"]
    keep_session(name, session)
    note(event, credentials=name)
    # The name, never the secret: what a step gives out stays in the history of this execution.
    return answer(event, "collect", "ssm:" + name, deadline)


def mint_sealer(event, context):
    """The sealer's, for the sealing host: its own role signs nothing. They last for the shortest time there is."""
    if not event["SealerRoleArn"]:
        return {"Credentials": "auto"}
    session = client("sts").assume_role(RoleArn=event["SealerRoleArn"], RoleSessionName=session_name(event), DurationSeconds=900)["Credentials"]
    name = sealer_credentials(event)
    keep_session(name, session)
    return {"Credentials": "ssm:" + name}


def keep_session(name, session):
    client("ssm").put_parameter(Name=name, Value=json.dumps({
        "AccessKeyId": session["AccessKeyId"], "SecretAccessKey": session["SecretAccessKey"],
        "SessionToken": session["SessionToken"], "Expiration": session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    }), Type="SecureString", Overwrite=True, Tier="Intelligent-Tiering")


def answer(event, way, credentials, deadline):
    return {"Next": way, "EvidenceUri": evidence_uri(event), "Credentials": credentials, "DeadlineSeconds": str(deadline), "TimeoutSeconds": str(deadline + GRACE)}


def seconds_for(event):
    """20 s for each GiB of memory and five minutes for the rest, within what may pass before containment."""
    if event["DeadlineSeconds"] != "auto":
        wanted = int(event["DeadlineSeconds"])
    else:
        wanted = min(max(300 + memory_gib(event) * 20, 900), 43200)
    if not contains(event):
        return wanted
    left = int(event["MaxWaitMinutes"]) * 60 - (time.time() - response(event).get("started", time.time()))
    return int(min(wanted, left - RESERVE - GRACE - SEAL))


def memory_gib(event):
    try:
        kind = find_instance(event)["InstanceType"]
        known = client("ec2").describe_instance_types(InstanceTypes=[kind])["InstanceTypes"]
        return known[0]["MemoryInfo"]["SizeInMiB"] // 1024
    except (*FAILED, LookupError):
        return 64


def assume(event, seconds):
    """A session that can put objects of this case and instance, and nothing else, and how long it lasts. Chained sessions last an hour at most."""
    arguments = {"RoleArn": event["WriterRoleArn"], "RoleSessionName": session_name(event), "Policy": policy(event),
                 "Tags": [{"Key": "case", "Value": event["CaseId"]}]}
    sts = client("sts")
    try:
        return sts.assume_role(**arguments, DurationSeconds=seconds)["Credentials"], seconds
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError" or seconds <= 3600:
            raise
        return sts.assume_role(**arguments, DurationSeconds=3600)["Credentials"], 3600


def session_name(event):
    return f"{event['InstanceId']}-{event['Execution'][:8]}"


def policy(event):
    bucket, prefix = split_uri(evidence_uri(event))
    place = f"arn:aws:s3:::{bucket}/{prefix}/{event['CaseId']}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:PutObjectRetention"],
         "Resource": [f"{place}/{event['Account']}/{event['InstanceId']}/*", f"{place}/preflight/*"]},
        {"Effect": "Allow", "Action": "s3:GetBucketObjectLockConfiguration", "Resource": f"arn:aws:s3:::{bucket}"},
    ]
    if event["EvidenceAccount"]:
        for statement in statements:
            statement["Condition"] = {"StringEquals": {"s3:ResourceAccount": event["EvidenceAccount"]}}
    if event["EvidenceKeyArn"]:
        statements.append({"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": event["EvidenceKeyArn"],
                           "Condition": {"StringEquals": {"kms:ViaService": f"s3.{event['EvidenceRegion']}.amazonaws.com"}}})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))

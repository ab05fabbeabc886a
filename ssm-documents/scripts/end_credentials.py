# The credentials of the run are taken back: the parameter goes, and the session is denied everything.


def end_credentials(event, context):
    name, steps = response(event).get("credentials"), Steps()
    if event["SealerRoleArn"]:
        delete_sealers(event, steps)
    if name:
        steps.attempt("parameter deleted", client("ssm").delete_parameter, Name=name)
        end_session(event, steps)
    if not steps.done and not steps.failed:
        return {"Ended": "none"}
    note(event, credentials_ended=steps.done, credentials_not_ended=steps.failed)
    return {"Ended": "no" if steps.failed else "yes"}


def delete_sealers(event, steps):
    """Where a seal was judged they are gone already; after a cancel or a time-out nobody has deleted them."""
    try:
        client("ssm").delete_parameter(Name=sealer_credentials(event))
        steps.done.append("sealer's parameter deleted")
    except FAILED as error:
        if getattr(error, "response", {}).get("Error", {}).get("Code") != "ParameterNotFound":
            steps.failed.append(f"sealer's parameter deleted: {error}"[:300])


def end_session(event, steps):
    """Only the session of this run, by its name. Policies of sessions that are over are cleared away: a role has room for few."""
    role, session = event["WriterRoleArn"].rsplit("/", 1)[-1], f"{event['InstanceId']}-{event['Execution'][:8]}"
    iam = writers_iam(event)
    found = steps.attempt("writer role", iam.get_role, RoleName=role)
    if not found:
        return
    for old in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        parts = old.split("-")
        if old.startswith("hozen-ended-") and parts[2].isdigit() and time.time() - int(parts[2]) > 13 * 3600:
            steps.attempt("cleared " + old, iam.delete_role_policy, RoleName=role, PolicyName=old)
    statement = {"Effect": "Deny", "Action": ["*"], "Resource": ["*"],
                 "Condition": {"StringEquals": {"aws:userId": [f"{found['Role']['RoleId']}:{session}"]}}}
    steps.attempt("session ended", iam.put_role_policy, RoleName=role, PolicyName=f"hozen-ended-{int(time.time())}-{session}",
                  PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def writers_iam(event):
    """The writer's role is of the evidence account; who may end its sessions is, too."""
    if not event["RevokerRoleArn"]:
        return client("iam")
    session = client("sts").assume_role(RoleArn=event["RevokerRoleArn"], RoleSessionName="hozen-end")["Credentials"]
    return boto3.client("iam", aws_access_key_id=session["AccessKeyId"], aws_secret_access_key=session["SecretAccessKey"],
                        aws_session_token=session["SessionToken"])

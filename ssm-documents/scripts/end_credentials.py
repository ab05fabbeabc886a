# The credentials of the run are taken back: the parameter goes, and the session is denied everything.


def end_credentials(event, context):
    name = response(event).get("credentials")
    if not name:
        return {"Ended": "none"}
    steps = Steps()
    steps.attempt("parameter deleted", client("ssm").delete_parameter, Name=name)
    end_session(event, steps)
    note(event, credentials_ended=steps.done, credentials_not_ended=steps.failed)
    return {"Ended": "no" if steps.failed else "yes"}


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

# Legal hold on every object of the run, laid by a role that the host never had.


def lay_hold(event, context):
    place = (response(event).get("collect") or {}).get("uri")
    if event["LegalHold"] != "yes" or not place or event["Drill"] == "yes":
        return {"Held": 0}
    bucket, prefix = split_uri(place)
    s3 = boto3.client("s3", region_name=event["EvidenceRegion"], **holder(event))
    held, begun = 0, time.time()
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix + "/"):
        for one in page.get("Versions", []):
            if time.time() - begun > 240:
                note(event, held=held, hold_reason="not all within four minutes: lay the rest by hand")
                return {"Held": held}
            s3.put_object_legal_hold(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"], LegalHold={"Status": "ON"})
            held += 1
    note(event, held=held)
    return {"Held": held}


def holder(event):
    if not event["HolderRoleArn"]:
        return {}
    session = client("sts").assume_role(RoleArn=event["HolderRoleArn"], RoleSessionName="hozen-hold")["Credentials"]
    return {"aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"]}

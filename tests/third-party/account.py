#!/usr/bin/env python3
"""Makes an account in an emulator of AWS, or has its root lay hands on evidence; says as JSON what came of it.

account.py make    {"url", "region", "bucket", "keys", "roles": {NAME: policy}, "parameters": {PATH: NAME of a role}}
account.py tamper  {"url", "region", "bucket", "object"}
account.py denied  {"url", "region", "bucket", "policy": a bucket's policy, "statements": [SID]}

`keys` asks for a key that encrypts and one that signs. The capitals of packaging/cloudformation are replaced in the policies. A
parameter is a SecureString with the credentials of a role.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = ("test", "test")


def client(asked, name, session=None):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    who = session or {"AccessKeyId": ROOT[0], "SecretAccessKey": ROOT[1], "SessionToken": None}
    # An emulator's certificate is its own.
    return boto3.client(name, endpoint_url=asked["url"], region_name=asked["region"], config=config, verify=False,
                        aws_access_key_id=who["AccessKeyId"], aws_secret_access_key=who["SecretAccessKey"],
                        aws_session_token=who["SessionToken"])


def outcome(call, **arguments):
    try:
        call(**arguments)
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]


def make_bucket(asked):
    place = {"LocationConstraint": asked["region"]}
    client(asked, "s3").create_bucket(Bucket=asked["bucket"], ObjectLockEnabledForBucket=True, CreateBucketConfiguration=place)


def make_keys(asked):
    kms = client(asked, "kms")
    encrypts = kms.create_key()["KeyMetadata"]["Arn"]
    signs = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    return {"EVIDENCE-KEY-ARN": encrypts, "SEAL-KEY-ARN": signs}


def make_role(asked, account, name, policy):
    iam, sts = client(asked, "iam"), client(asked, "sts")
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=policy)
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{name}", RoleSessionName="test")["Credentials"]
    return {part: session[part] for part in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


def make(asked):
    account = client(asked, "sts").get_caller_identity()["Account"]
    make_bucket(asked)
    words = make_keys(asked) if asked.get("keys") else {}
    words |= {"EVIDENCE-BUCKET": asked["bucket"], "EVIDENCE-ACCOUNT": account, "REGION": asked["region"]}
    roles = {}
    for name, policy in asked.get("roles", {}).items():
        text = json.dumps(policy)
        for word, value in words.items():
            text = text.replace(word, value)
        roles[name] = make_role(asked, account, name, text)
    for path, role in asked.get("parameters", {}).items():
        client(asked, "ssm").put_parameter(Name=path, Type="SecureString", Value=json.dumps(roles[role]))
    return {"account": account, "roles": roles, "seal_key": words.get("SEAL-KEY-ARN")}


def tamper(asked):
    """Root deletes the one locked version of an object, shortens its lock, lays a marker and a further version over it."""
    s3, place = client(asked, "s3"), {"Bucket": asked["bucket"], "Key": asked["object"]}
    version = s3.list_object_versions(Bucket=asked["bucket"], Prefix=asked["object"])["Versions"][0]["VersionId"]
    lock = s3.get_object_retention(**place, VersionId=version)["Retention"]

    return {
        "mode": lock["Mode"],
        "delete": outcome(s3.delete_object, **place, VersionId=version),
        "bypass": outcome(s3.delete_object, **place, VersionId=version, BypassGovernanceRetention=True),
        "weaken": outcome(s3.put_object_retention, **place, VersionId=version, Retention={**lock, "Mode": "GOVERNANCE"}),
        "marker": outcome(s3.delete_object, **place),
        "over": outcome(s3.put_object, **place, Body=b"another"),
    }


def denied(asked):
    """What a role that may do everything comes to while one statement of the policy holds. Under "" while none does; under "ours" while only
    those of its own organisation may; under "tls" while only TLS will do, over TLS."""
    root, bucket = client(asked, "s3"), {"Bucket": asked["bucket"]}
    account = client(asked, "sts").get_caller_identity()["Account"]
    organisation = client(asked, "organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    mighty = make_role(asked, account, "mighty", json.dumps(everything))
    plain, over_tls = client(asked, "s3", mighty), client({**asked, "url": asked["url"].replace("http:", "https:")}, "s3", mighty)
    text = json.dumps(asked["policy"]).replace("EVIDENCE-BUCKET", asked["bucket"])
    text = text.replace("BREAK-GLASS-ROLE-ARN", f"arn:aws:iam::{account}:role/break-glass")
    statements = {one["Sid"]: one for one in json.loads(text)["Statement"]}
    statements["ours"] = json.loads(json.dumps(statements["OnlyOurOrganisation"]).replace("ORGANISATION-ID", organisation))
    statements["tls"] = statements["OnlyOverTls"]
    came = {}
    for name in ["", "ours", "tls", *asked["statements"]]:
        one, s3 = statements.get(name), over_tls if name == "tls" else plain
        root.delete_bucket_policy(**bucket)
        version = root.put_object(**bucket, Key="cases/theirs", Body=b"theirs")["VersionId"]
        if one:
            root.put_bucket_policy(**bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [one]}))
        versioning = {"Status": "Enabled"}
        came[name] = {
            "put": outcome(s3.put_object, **bucket, Key="cases/mine", Body=b"mine"),
            "get": outcome(s3.get_object, **bucket, Key="cases/theirs"),
            "list": outcome(s3.list_objects_v2, **bucket),
            "marker": outcome(s3.delete_object, **bucket, Key="cases/theirs"),
            "delete": outcome(s3.delete_object, **bucket, Key="cases/theirs", VersionId=version),
            "versioning": outcome(s3.put_bucket_versioning, **bucket, VersioningConfiguration=versioning),
            "policy": outcome(s3.delete_bucket_policy, **bucket),
        }
    root.delete_bucket_policy(**bucket)
    return came


print(json.dumps({"make": make, "tamper": tamper, "denied": denied}[sys.argv[1]](json.loads(sys.argv[2]))))

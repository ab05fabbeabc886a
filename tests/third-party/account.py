#!/usr/bin/env python3
"""Makes an account in an emulator of AWS, or has its root lay hands on evidence; says as JSON what came of it.

account.py make    {"url", "region", "bucket", "keys", "roles": {NAME: policy}, "parameters": {PATH: NAME of a role}}
account.py tamper  {"url", "region", "bucket", "object"}

`keys` asks for a key that encrypts and one that signs. The capitals of packaging/cloudformation are replaced in the policies. A
parameter is a SecureString with the credentials of a role.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = ("test", "test")


def client(asked, name):
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
    return boto3.client(name, endpoint_url=asked["url"], region_name=asked["region"], config=config,
                        aws_access_key_id=ROOT[0], aws_secret_access_key=ROOT[1])


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

    def outcome(call, **more):
        try:
            call(**place, **more)
            return "done"
        except ClientError as error:
            return error.response["Error"]["Code"]

    return {
        "mode": lock["Mode"],
        "delete": outcome(s3.delete_object, VersionId=version),
        "bypass": outcome(s3.delete_object, VersionId=version, BypassGovernanceRetention=True),
        "weaken": outcome(s3.put_object_retention, VersionId=version, Retention={**lock, "Mode": "GOVERNANCE"}),
        "marker": outcome(s3.delete_object),
        "over": outcome(s3.put_object, Body=b"another"),
    }


print(json.dumps({"make": make, "tamper": tamper}[sys.argv[1]](json.loads(sys.argv[2]))))

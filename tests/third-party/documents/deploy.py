#!/usr/bin/env python3
"""Deploys the three stacks in an emulator: deploy.py URL BUCKET. Prints what they gave out.

CloudFormation runs in the background there, as it does on AWS.
"""

import json
import sys
import time

import boto3
import stacks

REGION = "eu-central-1"


class Account:
    """An account in the emulator, and what its stacks gave out so far."""

    def __init__(self, url):
        self.url = url
        self.number = self.client("sts").get_caller_identity()["Account"]
        self.outputs = {}
        self.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")

    def deploy(self, name, **parameters):
        # localemu takes what ${!…} leaves alone for a variable of its own.
        text = stacks.builder().as_json(stacks.templates()[name]).replace("${!aws:PrincipalTag/case}", "TEST-1")
        text = text.replace("${!aws:PrincipalAccount}", self.number)
        self.client("s3").put_object(Bucket="templates", Key=name, Body=text.encode())
        stack = self.client("cloudformation")
        stack.create_stack(StackName=name, TemplateURL=f"{self.url}/templates/{name}", Capabilities=["CAPABILITY_NAMED_IAM"],
                           Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()])
        made = self.ended(stack, name)
        if made["StackStatus"] != "CREATE_COMPLETE":
            failed = [one for one in stack.describe_stack_events(StackName=name)["StackEvents"] if "FAILED" in one["ResourceStatus"]]
            raise SystemExit(json.dumps([made, failed], default=str))
        self.outputs |= {one["OutputKey"]: one["OutputValue"] for one in made.get("Outputs", [])}

    def ended(self, stack, name):
        for _ in range(600):
            made = stack.describe_stacks(StackName=name)["Stacks"][0]
            if not made["StackStatus"].endswith("_IN_PROGRESS"):
                return made
            time.sleep(0.1)
        raise SystemExit(f"{name} does not come to an end")


def main():
    url, bucket = sys.argv[1:]
    account = Account(url)
    number, role = account.number, f"arn:aws:iam::{account.number}:role"
    account.deploy("evidence", BucketName=bucket, OrganisationId="o-abcdefghij", ResponderAccounts=number, ReaderPrincipals=number,
                   KeyAdministratorRoleArn=f"{role}/keys", BreakGlassRoleArn=f"{role}/glass", LockDays="30")
    account.deploy("documents")
    network = account.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    given = {name: account.outputs[name] for name in ("EvidenceRegion", "EvidenceAccount", "EvidenceKeyArn", "SealKeyArn")}
    account.deploy("responder", VpcId=network, S3PrefixListId="pl-12345678", EvidenceBucket=bucket, **given)
    s3, statements = account.client("s3"), json.loads(account.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    print(json.dumps({
        "account": number, "roles": {}, "outputs": account.outputs,
        "lock": s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]["Rule"]["DefaultRetention"],
        "public": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "ownership": s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
        "policy": sorted(one["Sid"] for one in statements),
    }))


if __name__ == "__main__":
    main()

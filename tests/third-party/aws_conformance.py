"""Holds the doubles of SSM, KMS and the instance metadata service against boto3 and botocore.

Usage: aws_conformance.py SETUP, where SETUP is JSON: ssm, kms, imds (URLs), region, key {id, secret, token}, reader (a key that may read
parameters and not decrypt), role, kms_key. Prints one JSON object: the name of each behaviour, and true or what went wrong; and the
public key and a signature, for openssl to judge.
"""

import base64
import hashlib
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

SETUP = json.loads(sys.argv[1])
RESULTS = {}
MESSAGE = b"what is sealed"


def client(service, key="key", **more):
    credentials = {**SETUP[key], **more}
    return boto3.client(
        service,
        endpoint_url=SETUP[service],
        region_name=SETUP["region"],
        aws_access_key_id=credentials["id"],
        aws_secret_access_key=credentials["secret"],
        aws_session_token=credentials.get("token"),
        config=Config(retries={"max_attempts": 1}),
    )


ssm, kms = client("ssm"), client("kms")


def behaviour(function):
    try:
        function()
        RESULTS[function.__name__] = True
    except Exception as error:  # noqa: BLE001: whatever it is, it is the result
        RESULTS[function.__name__] = f"{type(error).__name__}: {error}"
    return function


def refused(code, call, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"not refused: {answer}")


@behaviour
def a_parameter_is_put_and_got():
    assert ssm.put_parameter(Name="/hozen/a", Value="1", Type="String")["Version"] == 1
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/hozen/a", Value="2", Type="String")
    assert ssm.put_parameter(Name="/hozen/a", Value="2", Type="String", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/hozen/a")["Parameter"]["Value"] == "2"
    assert ssm.get_parameter(Name="/hozen/a:1")["Parameter"]["Value"] == "1"
    refused("ParameterNotFound", ssm.get_parameter, Name="/hozen/none")


@behaviour
def a_secure_string_is_shown_to_who_may_decrypt():
    ssm.put_parameter(Name="/hozen/secret", Value="hush", Type="SecureString")
    assert ssm.get_parameter(Name="/hozen/secret", WithDecryption=True)["Parameter"]["Value"] == "hush"
    assert ssm.get_parameter(Name="/hozen/secret")["Parameter"]["Value"] != "hush"
    said = refused("AccessDeniedException", client("ssm", "reader").get_parameter, Name="/hozen/secret", WithDecryption=True)
    assert "kms:Decrypt" in said
    said = refused("AccessDeniedException", client("ssm", "reader").put_parameter, Name="/hozen/b", Value="1", Type="String")
    assert "ssm:PutParameter" in said


@behaviour
def parameters_are_found_by_path():
    for number in range(12):
        ssm.put_parameter(Name=f"/path/{number:02}", Value="x", Type="String")
    ssm.put_parameter(Name="/path/deep/er", Value="x", Type="String")
    find = lambda **more: [
        row["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/path", **more) for row in page["Parameters"]
    ]
    assert find() == [f"/path/{number:02}" for number in range(12)]
    assert len(find(Recursive=True)) == 13


@behaviour
def a_long_parameter_is_refused():
    ssm.put_parameter(Name="/hozen/long", Value="x" * 4096, Type="String")
    refused("ValidationException", ssm.put_parameter, Name="/hozen/longer", Value="x" * 4097, Type="String")
    ssm.put_parameter(Name="/hozen/longer", Value="x" * 8192, Type="String", Tier="Advanced")


@behaviour
def a_parameter_that_cannot_be_is_refused():
    put = dict(Value="1", Type="String")
    refused("ValidationException", ssm.put_parameter, Name="hozen/x", **put)
    refused("ValidationException", ssm.put_parameter, Name="/hozen//x", **put)
    refused("AccessDeniedException", ssm.put_parameter, Name="/aws/x", **put)
    refused("HierarchyLevelLimitExceededException", ssm.put_parameter, Name="/a" * 16, **put)
    refused("ValidationException", ssm.put_parameter, Name="/hozen/x", Value="{{ssm:/hozen/a}}", Type="String")
    ssm.put_parameter(Name="/hozen/kind", **put)
    refused("HierarchyTypeMismatchException", ssm.put_parameter, Name="/hozen/kind", Value="1", Type="SecureString", Overwrite=True)


@behaviour
def a_hundred_versions_are_kept():
    for number in range(1, 102):
        assert ssm.put_parameter(Name="/hozen/many", Value=str(number), Type="String", Overwrite=True)["Version"] == number
    assert ssm.get_parameter(Name="/hozen/many")["Parameter"]["Value"] == "101"
    assert ssm.get_parameter(Name="/hozen/many:2")["Parameter"]["Value"] == "2"
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/hozen/many:1")


@behaviour
def signatures_are_verified():
    refused("InvalidSignatureException", client("ssm", secret="wrong").get_parameter, Name="/hozen/a")
    refused("UnrecognizedClientException", client("kms", id="AKIANOBODY").describe_key, KeyId=SETUP["kms_key"])


@behaviour
def a_digest_is_signed():
    digest = hashlib.sha256(MESSAGE).digest()
    signed = kms.sign(KeyId="alias/seal", Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    public = kms.get_public_key(KeyId=SETUP["kms_key"])
    assert signed["KeyId"] == public["KeyId"] == SETUP["kms_key"] and public["KeySpec"] == "ECC_NIST_P256"
    RESULTS["signed"] = {name: base64.b64encode(value).decode() for name, value in (("key", public["PublicKey"]), ("signature", signed["Signature"]), ("message", MESSAGE))}


@behaviour
def what_cannot_be_signed_is_refused():
    sign = dict(KeyId=SETUP["kms_key"], MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    refused("ValidationException", kms.sign, **sign, Message=b"short")
    refused("InvalidKeyUsageException", kms.sign, **{**sign, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, Message=bytes(32))
    refused("NotFoundException", kms.sign, **{**sign, "KeyId": "alias/none"}, Message=bytes(32))
    said = refused("AccessDeniedException", client("kms", "reader").sign, **sign, Message=bytes(32))
    assert "kms:Sign" in said


@behaviour
def a_key_is_described():
    metadata = kms.describe_key(KeyId=SETUP["kms_key"])["KeyMetadata"]
    assert metadata["Enabled"] and metadata["KeyUsage"] == "SIGN_VERIFY", metadata


@behaviour
def the_role_of_an_instance_has_credentials():
    settings = {"ec2_metadata_service_endpoint": SETUP["imds"], "ec2_metadata_v1_disabled": True}
    found = InstanceMetadataFetcher(num_attempts=1, config=settings).retrieve_iam_role_credentials()
    assert found["role_name"] == SETUP["role"] and found["access_key"] == SETUP["key"]["id"] and found["expiry_time"], found
    assert InstanceMetadataRegionFetcher(num_attempts=1, config=settings).retrieve_region() == SETUP["region"]


print(json.dumps(RESULTS))

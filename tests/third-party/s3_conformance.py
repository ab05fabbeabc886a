"""Holds the double of S3 against boto3: each behaviour in which emulators were found to be more lenient than S3, or different from it.

Usage: s3_conformance.py SETUP, where SETUP is JSON: url, secure_url, certificate, region, keys {mighty, writer, expired, session} of {id, secret, token}, kms_key.
Prints one JSON object: the name of each behaviour, and true or what went wrong.
"""

import base64
import datetime
import hashlib
import io
import json
import sys
import urllib.error
import urllib.request
import zlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SETUP = json.loads(sys.argv[1])
MIB = 1 << 20
RESULTS = {}


def client(key="mighty", **more):
    credentials = dict(SETUP["keys"][key]) if isinstance(key, str) else key
    settings = {"retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}}
    settings.update(more.pop("config", {}))
    return boto3.client(
        "s3",
        endpoint_url=more.pop("endpoint_url", SETUP["url"]),
        region_name=more.pop("region", SETUP["region"]),
        aws_access_key_id=credentials["id"],
        aws_secret_access_key=credentials["secret"],
        aws_session_token=credentials.get("token"),
        config=Config(**settings),
        **more,
    )


s3 = client()
writer = client("writer")
bare = client(config={"request_checksum_calculation": "when_required"})


def behaviour(function):
    try:
        function()
        RESULTS[function.__name__] = True
    except Exception as error:  # noqa: BLE001: whatever it is, it is the result
        RESULTS[function.__name__] = f"{type(error).__name__}: {error}"
    return function


def refused(code, call, *parts, status=None, **arguments):
    try:
        answer = call(**arguments)
    except ClientError as error:
        response = error.response
        got = response["Error"]["Code"]
        assert got == code, f"{got} instead of {code}: {error}"
        if status:
            assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
        assert response["ResponseMetadata"].get("RequestId"), response
        for part in parts:
            assert part in response["Error"].get("Message", ""), response
        return response
    raise AssertionError(f"not refused: {answer}")


def sha256(data):
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def later(days=5):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)


def begin(key, bucket="evidence", who=None, **more):
    more.setdefault("ChecksumAlgorithm", "SHA256")
    return (who or s3).create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]


def send(upload, key, number, data, bucket="evidence", who=None, **more):
    more.setdefault("ChecksumSHA256", sha256(data))
    answer = (who or s3).upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=data, **more)
    return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]}


def finish(upload, key, parts, bucket="evidence", who=None, **more):
    return dict(call=(who or s3).complete_multipart_upload, Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, **more)


def finished(**arguments):
    return arguments.pop("call")(**arguments)


def uploaded(key, sizes, bucket="evidence", who=None, complete=None, **more):
    upload = begin(key, bucket, who, **more)
    parts = [send(upload, key, number, bytes([number]) * size, bucket, who) for number, size in enumerate(sizes, 1)]
    return finished(**finish(upload, key, parts, bucket, who, **(complete or {})))


# Buckets


@behaviour
def a_bucket_is_made_with_lock_and_versions():
    s3.create_bucket(Bucket="made", ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": SETUP["region"]})
    assert s3.get_bucket_versioning(Bucket="made")["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket="made")["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


@behaviour
def versioning_of_a_locked_bucket_cannot_be_suspended():
    refused("InvalidBucketState", s3.put_bucket_versioning, Bucket="evidence", VersioningConfiguration={"Status": "Suspended"}, status=409)


@behaviour
def default_retention_is_applied_to_a_plain_put():
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 3}}
    s3.put_object_lock_configuration(Bucket="made", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    assert s3.get_object_lock_configuration(Bucket="made")["ObjectLockConfiguration"]["Rule"] == rule
    put = s3.put_object(Bucket="made", Key="plain", Body=b"x")
    head = s3.head_object(Bucket="made", Key="plain")
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert 2 < (head["ObjectLockRetainUntilDate"] - later(0)).total_seconds() / 86400 < 3.01
    refused("AccessDenied", s3.delete_object, Bucket="made", Key="plain", VersionId=put["VersionId"])


@behaviour
def a_bucket_that_is_not_empty_stays():
    refused("BucketNotEmpty", s3.delete_bucket, Bucket="made", status=409)


@behaviour
def an_unlocked_bucket_has_no_lock_configuration():
    refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket="plain", status=404)


@behaviour
def a_missing_bucket_is_said():
    refused("NoSuchBucket", s3.put_object, Bucket="nowhere", Key="a", Body=b"x", status=404)


def refused_by_url(who, bucket, status, code, region):
    """boto3 believes what such an answer says and asks again, so the URL is asked by itself."""
    try:
        urllib.request.urlopen(who.generate_presigned_url("get_bucket_versioning", Params={"Bucket": bucket}))
    except urllib.error.HTTPError as error:
        body = error.read().decode()
        assert error.code == status and f"<Code>{code}</Code>" in body and f"<Region>{region}</Region>" in body, (error, body)
        assert error.headers["x-amz-bucket-region"] == region, error.headers
    else:
        raise AssertionError("not refused")


@behaviour
def a_bucket_elsewhere_says_where():
    refused_by_url(s3, "elsewhere", 301, "PermanentRedirect", "us-west-2")


@behaviour
def a_signature_for_another_region_is_refused():
    wrong = client(region="ap-southeast-2", config={"signature_version": "s3v4"})
    refused_by_url(wrong, "evidence", 400, "AuthorizationHeaderMalformed", SETUP["region"])
    wrong.get_bucket_versioning(Bucket="evidence")


@behaviour
def another_owner_than_expected_is_refused():
    refused("AccessDenied", s3.put_object, Bucket="foreign", Key="a", Body=b"x", ExpectedBucketOwner="111122223333", status=403)
    s3.put_object(Bucket="foreign", Key="a", Body=b"x", ExpectedBucketOwner="999999999999")


@behaviour
def the_location_is_told():
    assert s3.get_bucket_location(Bucket="evidence")["LocationConstraint"] == SETUP["region"]
    assert s3.head_bucket(Bucket="evidence")["BucketRegion"] == SETUP["region"]


# Signatures and permissions


@behaviour
def a_wrong_secret_is_refused():
    wrong = client({**SETUP["keys"]["mighty"], "secret": "wrong"})
    refused("SignatureDoesNotMatch", wrong.put_object, Bucket="evidence", Key="a", Body=b"x", status=403)


@behaviour
def an_unknown_key_is_refused():
    wrong = client({"id": "AKIAUNKNOWN", "secret": "x"})
    refused("InvalidAccessKeyId", wrong.put_object, Bucket="evidence", Key="a", Body=b"x", status=403)


@behaviour
def an_expired_token_is_refused():
    refused("ExpiredToken", client("expired").put_object, Bucket="evidence", Key="a", Body=b"x", status=400)


@behaviour
def a_session_works_and_only_with_its_token():
    client("session").put_object(Bucket="evidence", Key="session", Body=b"x")
    refused("InvalidToken", client({**SETUP["keys"]["session"], "token": "other"}).put_object, Bucket="evidence", Key="a", Body=b"x")
    refused("InvalidAccessKeyId", client({**SETUP["keys"]["session"], "token": None}).put_object, Bucket="evidence", Key="a", Body=b"x")


@behaviour
def who_only_writes_can_write_and_lock():
    writer.put_object(Bucket="evidence", Key="w", Body=b"x", ChecksumAlgorithm="SHA256", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())
    uploaded("w-mpu", [5 * MIB, 10], who=writer, ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later())
    writer.get_object_lock_configuration(Bucket="evidence")
    writer.get_bucket_versioning(Bucket="evidence")


@behaviour
def who_only_writes_can_do_nothing_else():
    cannot = [
        ("s3:GetObject", writer.get_object, dict(Key="w")),
        ("s3:ListBucket", writer.list_objects_v2, {}),
        ("s3:ListBucketVersions", writer.list_object_versions, {}),
        ("s3:DeleteObject", writer.delete_object, dict(Key="w")),
        ("s3:PutObjectLegalHold", writer.put_object, dict(Key="h", Body=b"x", ObjectLockLegalHoldStatus="ON")),
        ("s3:AbortMultipartUpload", writer.abort_multipart_upload, dict(Key="w", UploadId="x")),
        ("s3:ListBucketMultipartUploads", writer.list_multipart_uploads, {}),
        ("s3:PutObjectAcl", writer.put_object, dict(Key="h", Body=b"x", ACL="private")),
    ]
    for action, call, arguments in cannot:
        refused("AccessDenied", call, "is not authorized to perform: " + action, "because no identity-based policy allows", Bucket="evidence", status=403, **arguments)
    refused("403", writer.head_object, Bucket="evidence", Key="w")


@behaviour
def a_presigned_url_writes_and_a_changed_one_does_not():
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "plain", "Key": "presigned"}, ExpiresIn=60)
    put = urllib.request.Request(url, data=b"by url", method="PUT", headers={"Content-Type": ""})
    assert urllib.request.urlopen(put).status == 200
    assert s3.get_object(Bucket="plain", Key="presigned")["Body"].read() == b"by url"
    for wrong in (url.replace("presigned", "other"), url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), url + "&versionId=1"):
        try:
            urllib.request.urlopen(urllib.request.Request(wrong, data=b"no", method="PUT", headers={"Content-Type": ""}))
        except urllib.error.HTTPError as error:
            assert error.code == 403 and b"SignatureDoesNotMatch" in error.read(), error
        else:
            raise AssertionError(wrong)


@behaviour
def a_presigned_part_is_taken():
    upload = begin("by-url")
    data = b"part"
    parameters = {"Bucket": "evidence", "Key": "by-url", "UploadId": upload, "PartNumber": 1, "ChecksumSHA256": sha256(data)}
    url = s3.generate_presigned_url("upload_part", Params=parameters, ExpiresIn=60)
    headers = {"Content-Type": "", "x-amz-checksum-sha256": sha256(data)}
    answer = urllib.request.urlopen(urllib.request.Request(url, data=data, method="PUT", headers=headers))
    part = {"PartNumber": 1, "ETag": answer.headers["ETag"], "ChecksumSHA256": answer.headers["x-amz-checksum-sha256"]}
    finished(**finish(upload, "by-url", [part]))


# Lock


@behaviour
def a_locked_version_stays_until_its_time():
    put = s3.put_object(Bucket="evidence", Key="c", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())
    version = dict(Bucket="evidence", Key="c", VersionId=put["VersionId"])
    refused("AccessDenied", s3.delete_object, **version)
    refused("AccessDenied", s3.delete_object, BypassGovernanceRetention=True, **version)
    change = lambda mode, days: dict(Retention={"Mode": mode, "RetainUntilDate": later(days)}, BypassGovernanceRetention=True)
    refused("AccessDenied", s3.put_object_retention, **version, **change("COMPLIANCE", 1))
    refused("AccessDenied", s3.put_object_retention, **version, **change("GOVERNANCE", 9))
    s3.put_object_retention(**version, **change("COMPLIANCE", 9))
    assert s3.get_object_retention(**version)["Retention"]["Mode"] == "COMPLIANCE"


@behaviour
def governance_can_be_bypassed_by_whoever_may():
    put = s3.put_object(Bucket="evidence", Key="g", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later())
    version = dict(Bucket="evidence", Key="g", VersionId=put["VersionId"])
    refused("AccessDenied", s3.delete_object, **version)
    s3.delete_object(BypassGovernanceRetention=True, **version)


@behaviour
def a_held_version_stays_until_it_is_released():
    put = s3.put_object(Bucket="evidence", Key="h", Body=b"x", ObjectLockLegalHoldStatus="ON")
    version = dict(Bucket="evidence", Key="h", VersionId=put["VersionId"])
    assert s3.get_object_legal_hold(**version)["LegalHold"]["Status"] == "ON"
    refused("AccessDenied", s3.delete_object, BypassGovernanceRetention=True, **version)
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **version)
    s3.delete_object(**version)


@behaviour
def a_plain_delete_only_hides():
    s3.put_object(Bucket="evidence", Key="hidden", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())
    marker = s3.delete_object(Bucket="evidence", Key="hidden")
    assert marker["DeleteMarker"]
    refused("NoSuchKey", s3.get_object, Bucket="evidence", Key="hidden", status=404)
    listed = s3.list_object_versions(Bucket="evidence", Prefix="hidden")
    assert len(listed["Versions"]) == 1 and len(listed["DeleteMarkers"]) == 1 and listed["DeleteMarkers"][0]["IsLatest"]
    assert s3.get_object(Bucket="evidence", Key="hidden", VersionId=listed["Versions"][0]["VersionId"])["Body"].read() == b"x"
    refused("405", s3.head_object, Bucket="evidence", Key="hidden", VersionId=marker["VersionId"])


@behaviour
def lock_headers_need_a_locked_bucket():
    refused("InvalidRequest", s3.put_object, Bucket="plain", Key="a", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())
    refused("InvalidRequest", s3.create_multipart_upload, Bucket="plain", Key="a", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())


@behaviour
def retention_lies_in_the_future():
    refused("InvalidArgument", s3.put_object, "must be in the future", Bucket="evidence", Key="a", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(-1))


@behaviour
def mode_and_date_belong_together():
    refused("InvalidArgument", s3.put_object, Bucket="evidence", Key="a", Body=b"x", ObjectLockMode="COMPLIANCE")
    refused("InvalidArgument", s3.put_object, Bucket="evidence", Key="a", Body=b"x", ObjectLockRetainUntilDate=later())


@behaviour
def a_locked_put_needs_a_checksum():
    locked = dict(Bucket="evidence", Key="m", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later())
    refused("InvalidRequest", bare.put_object, "is required for Put Object requests with Object Lock parameters", **locked)
    bare.put_object(ContentMD5=base64.b64encode(hashlib.md5(b"x").digest()).decode(), **locked)
    refused("InvalidRequest", bare.put_object, Bucket="made", Key="m", Body=b"x")


# Checksums


@behaviour
def a_put_tells_its_checksum_and_kind():
    put = s3.put_object(Bucket="plain", Key="sum", Body=b"hello", ChecksumAlgorithm="SHA256")
    assert put["ChecksumSHA256"] == sha256(b"hello") and put["ChecksumType"] == "FULL_OBJECT", put
    assert s3.head_object(Bucket="plain", Key="sum", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256(b"hello")


@behaviour
def a_wrong_checksum_is_refused():
    wrong = sha256(b"other")
    refused("BadDigest", s3.put_object, Bucket="plain", Key="a", Body=b"x", ChecksumSHA256=wrong, status=400)
    refused("BadDigest", s3.put_object, Bucket="plain", Key="a", Body=b"x", ChecksumCRC32=crc32(b"y"))
    refused("BadDigest", s3.put_object, Bucket="plain", Key="a", Body=b"x", ChecksumCRC64NVME=base64.b64encode(bytes(8)).decode())
    refused("BadDigest", bare.put_object, Bucket="plain", Key="a", Body=b"x", ContentMD5=base64.b64encode(bytes(16)).decode())
    refused("InvalidDigest", bare.put_object, Bucket="plain", Key="a", Body=b"x", ContentMD5="what")
    refused("InvalidRequest", s3.put_object, Bucket="plain", Key="a", Body=b"x", ChecksumSHA256="dG9vIHNob3J0")


@behaviour
def without_a_checksum_there_is_a_crc64():
    put = bare.put_object(Bucket="plain", Key="crc", Body=b"123456789")
    assert put["ChecksumCRC64NVME"] == base64.b64encode(bytes.fromhex("AE8B14860A799888")).decode(), put


@behaviour
def chunks_with_a_trailer_are_decoded():
    # boto3 sends trailers over TLS only.
    secure = client(endpoint_url=SETUP["secure_url"], verify=SETUP["certificate"])
    data = bytes(range(256)) * 1000
    put = secure.put_object(Bucket="evidence", Key="chunks", Body=io.BytesIO(data), ChecksumAlgorithm="SHA256")
    got = secure.get_object(Bucket="evidence", Key="chunks")
    assert got["Body"].read() == data and got["ContentLength"] == len(data) and put["ChecksumSHA256"] == sha256(data)
    assert "aws-chunked" not in got.get("ContentEncoding", "")


# Uploads in parts


@behaviour
def an_upload_has_lock_and_composite_checksum():
    done = uploaded("mpu", [5 * MIB, 5 * MIB, 3], ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=later(), Metadata={"a": "b"})
    digests = b"".join(hashlib.sha256(bytes([n]) * size).digest() for n, size in ((1, 5 * MIB), (2, 5 * MIB), (3, 3)))
    assert done["ChecksumSHA256"] == sha256(digests) + "-3" and done["ChecksumType"] == "COMPOSITE", done
    assert done["VersionId"] and done["ETag"].endswith('-3"')
    head = s3.head_object(Bucket="evidence", Key="mpu", ChecksumMode="ENABLED")
    assert head["ObjectLockMode"] == "COMPLIANCE" and head["Metadata"] == {"a": "b"} and head["ChecksumSHA256"].endswith("-3"), head
    refused("AccessDenied", s3.delete_object, Bucket="evidence", Key="mpu", VersionId=done["VersionId"])


@behaviour
def attributes_list_size_checksum_and_parts():
    attributes = s3.get_object_attributes(Bucket="evidence", Key="mpu", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize"], MaxParts=2)
    assert attributes["ObjectSize"] == 10 * MIB + 3 and attributes["Checksum"]["ChecksumType"] == "COMPOSITE"
    parts = attributes["ObjectParts"]
    assert parts["TotalPartsCount"] == 3 and parts["IsTruncated"] and [part["Size"] for part in parts["Parts"]] == [5 * MIB] * 2
    assert parts["Parts"][0]["ChecksumSHA256"] == sha256(b"\x01" * 5 * MIB)
    rest = s3.get_object_attributes(Bucket="evidence", Key="mpu", ObjectAttributes=["ObjectParts"], PartNumberMarker=parts["NextPartNumberMarker"])
    assert [part["PartNumber"] for part in rest["ObjectParts"]["Parts"]] == [3]


@behaviour
def one_part_can_be_looked_at():
    head = s3.head_object(Bucket="evidence", Key="mpu", PartNumber=2)
    assert head["ContentLength"] == 5 * MIB and head["PartsCount"] == 3, head
    assert s3.get_object(Bucket="evidence", Key="mpu", PartNumber=3)["Body"].read() == b"\x03" * 3


@behaviour
def ranges_are_read_across_parts():
    get = lambda text: s3.get_object(Bucket="evidence", Key="mpu", Range=text)
    assert get(f"bytes={5 * MIB - 1}-{5 * MIB}")["Body"].read() == b"\x01\x02"
    assert get("bytes=-2")["ContentRange"] == f"bytes {10 * MIB + 1}-{10 * MIB + 2}/{10 * MIB + 3}"
    refused("InvalidRange", get, text="bytes=99999999-", status=416)


@behaviour
def parts_are_listed_with_checksums_page_by_page():
    upload = begin("listed")
    for number in (1, 2, 3):
        send(upload, "listed", number, bytes([number]))
    first = s3.list_parts(Bucket="evidence", Key="listed", UploadId=upload, MaxParts=2)
    assert first["IsTruncated"] and first["Parts"][1]["ChecksumSHA256"] == sha256(b"\x02"), first
    rest = s3.list_parts(Bucket="evidence", Key="listed", UploadId=upload, PartNumberMarker=first["NextPartNumberMarker"])
    assert [part["PartNumber"] for part in rest["Parts"]] == [3] and not rest["IsTruncated"]
    uploads = s3.list_multipart_uploads(Bucket="evidence", Prefix="listed")["Uploads"]
    assert [(row["Key"], row["UploadId"], row["ChecksumAlgorithm"]) for row in uploads] == [("listed", upload, "SHA256")]


@behaviour
def an_aborted_upload_is_gone():
    upload = begin("aborted")
    send(upload, "aborted", 1, b"x")
    s3.abort_multipart_upload(Bucket="evidence", Key="aborted", UploadId=upload)
    refused("NoSuchUpload", s3.upload_part, Bucket="evidence", Key="aborted", UploadId=upload, PartNumber=1, Body=b"x", ChecksumSHA256=sha256(b"x"), status=404)


@behaviour
def a_wrong_part_checksum_is_refused():
    upload = begin("p")
    part = dict(Bucket="evidence", Key="p", UploadId=upload, PartNumber=1, Body=b"x")
    refused("BadDigest", s3.upload_part, ChecksumSHA256=sha256(b"y"), **part)
    refused("InvalidRequest", s3.upload_part, "expected checksum Type: sha256, actual checksum Type: crc32", ChecksumCRC32=crc32(b"x"), **part)
    refused("InvalidRequest", bare.upload_part, "expected checksum Type: sha256, actual checksum Type: null", **part)
    refused("InvalidArgument", s3.upload_part, **{**part, "PartNumber": 10001}, ChecksumSHA256=sha256(b"x"))


@behaviour
def complete_compares_what_it_is_told():
    upload = begin("q")
    one, two = (send(upload, "q", number, bytes([number]) * 5 * MIB) for number in (1, 2))
    refused("InvalidPart", **finish(upload, "q", [one, {**two, "ETag": one["ETag"]}]))
    refused("InvalidPart", **finish(upload, "q", [one, {**two, "ChecksumSHA256": one["ChecksumSHA256"]}]))
    refused("InvalidPart", **finish(upload, "q", [one, two, {**two, "PartNumber": 3}]))
    missing = {name: two[name] for name in ("PartNumber", "ETag")}
    answer = refused("InvalidRequest", **finish(upload, "q", [one, missing]))
    assert "missing for part 2" in answer["Error"]["Message"], answer
    refused("InvalidPartOrder", **finish(upload, "q", [two, one]))
    refused("InvalidRequest", **finish(upload, "q", [one, two], MpuObjectSize=10 * MIB + 1))
    refused("MalformedXML", **finish(upload, "q", []))
    refused("InternalError", **finish(upload, "q", [two]))
    finished(**finish(upload, "q", [one, two], MpuObjectSize=10 * MIB))


@behaviour
def small_parts_are_refused():
    upload = begin("small")
    parts = [send(upload, "small", number, b"x") for number in (1, 2)]
    refused("EntityTooSmall", **finish(upload, "small", parts))


@behaviour
def sha256_has_no_checksum_of_the_full_object():
    refused("InvalidRequest", s3.create_multipart_upload, Bucket="evidence", Key="f", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")
    refused("InvalidRequest", s3.create_multipart_upload, Bucket="evidence", Key="f", ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")


@behaviour
def crc64_of_the_full_object_is_checked():
    def upload_with(value):
        upload = s3.create_multipart_upload(Bucket="evidence", Key="n", ChecksumAlgorithm="CRC64NVME")["UploadId"]
        part = s3.upload_part(Bucket="evidence", Key="n", UploadId=upload, PartNumber=1, Body=b"123456789", ChecksumCRC64NVME=right)
        parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]}]
        return finish(upload, "n", parts, ChecksumCRC64NVME=value, ChecksumType="FULL_OBJECT")

    right = base64.b64encode(bytes.fromhex("AE8B14860A799888")).decode()
    refused("BadDigest", **upload_with(base64.b64encode(bytes(8)).decode()))
    assert finished(**upload_with(right))["ChecksumType"] == "FULL_OBJECT"


@behaviour
def a_repeated_complete_gives_the_same_version():
    upload = begin("again")
    parts = [send(upload, "again", 1, b"x")]
    one, two = (finished(**finish(upload, "again", parts, IfNoneMatch="*")) for _ in range(2))
    assert one["VersionId"] == two["VersionId"]


@behaviour
def what_exists_is_not_written_again():
    s3.put_object(Bucket="evidence", Key="once", Body=b"x", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket="evidence", Key="once", Body=b"y", IfNoneMatch="*", status=412)
    upload = begin("once")
    part = send(upload, "once", 1, b"x")
    refused("PreconditionFailed", **finish(upload, "once", [part], IfNoneMatch="*"))
    refused("PreconditionFailed", s3.put_object, Bucket="evidence", Key="once", Body=b"y", IfMatch='"other"')


# Encryption


@behaviour
def encryption_is_told():
    assert s3.put_object(Bucket="plain", Key="e", Body=b"x")["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket="plain", Key="e")["ServerSideEncryption"] == "AES256"
    put = s3.put_object(Bucket="kms", Key="e", Body=b"x")
    assert put["ServerSideEncryption"] == "aws:kms" and put["SSEKMSKeyId"] == SETUP["kms_key"], put
    assert put["ETag"] != '"' + hashlib.md5(b"x").hexdigest() + '"'
    assert uploaded("e", [3], bucket="kms", ServerSideEncryption="aws:kms", SSEKMSKeyId=SETUP["kms_key"])["SSEKMSKeyId"] == SETUP["kms_key"]


@behaviour
def an_unknown_key_of_kms_is_said():
    wrong = SETUP["kms_key"].rsplit("/", 1)[0] + "/unknown"
    refused("KMS.NotFoundException", s3.put_object, wrong, Bucket="evidence", Key="a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=wrong)


@behaviour
def the_key_of_kms_must_be_allowed():
    for missing, call in (
        ("kms:GenerateDataKey", lambda who: who.put_object(Bucket="kms", Key="a", Body=b"x")),
        ("kms:Decrypt", lambda who: uploaded("a", [3], bucket="kms", who=who)),
    ):
        who = client("without_" + missing.split(":")[1].lower())
        refused("AccessDenied", call, "is not authorized to perform: " + missing, who=who)


# Listings


@behaviour
def keys_are_listed_page_by_page():
    for key in ("l/a", "l/b/1", "l/b/2", "l/c d+é&<"):
        s3.put_object(Bucket="evidence", Key=key, Body=b"x")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="l/", PaginationConfig={"PageSize": 1})
    assert [row["Key"] for page in pages for row in page["Contents"]] == ["l/a", "l/b/1", "l/b/2", "l/c d+é&<"]
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="evidence", Prefix="l/", Delimiter="/", PaginationConfig={"PageSize": 1}))
    assert [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", [])] == ["l/b/"]
    assert [row["Key"] for page in pages for row in page.get("Contents", [])] == ["l/a", "l/c d+é&<"]


@behaviour
def versions_are_listed_page_by_page():
    for body in (b"1", b"22", b"333"):
        s3.put_object(Bucket="evidence", Key="v/a", Body=body)
    s3.delete_object(Bucket="evidence", Key="v/a")
    s3.put_object(Bucket="evidence", Key="v/b", Body=b"4444")
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket="evidence", Prefix="v/", PaginationConfig={"PageSize": 2}))
    assert [row["Size"] for page in pages for row in page.get("Versions", [])] == [3, 2, 1, 4]
    assert len([row for page in pages for row in page.get("DeleteMarkers", [])]) == 1


print(json.dumps(RESULTS))

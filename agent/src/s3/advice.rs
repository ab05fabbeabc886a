//! What to do about a refusal.

/// Where nobody answers.
pub const SILENT: &str =
    "check the route to S3 (gateway or interface endpoint, security group, proxy), and that the name resolves to it";

/// Where an object is not encrypted as was asked.
pub(super) const ENCRYPTION: &str =
    "use a bucket that encrypts with the key of --kms-key, or leave out --kms-key and take the encryption that the bucket has";

/// What a reader can do: of what concerns writing nothing is said.
pub fn for_reader(reason: &str) -> &'static str {
    match of(reason) {
        advice if advice.contains("writer") => "see what S3 said; the reader's role or the bucket's policy may tell why",
        advice => advice,
    }
}

/// What to do where S3 refused with `reason`, which begins with its code.
pub(super) fn of(reason: &str) -> &'static str {
    let is = |code: &str| reason.split(':').next().is_some_and(|first| first.trim() == code);
    let says = |text: &str| reason.to_ascii_lowercase().contains(text);
    if says("presigned list") {
        "make the next list with more room: hozen presign --memory SIZE --archives SIZE"
    } else if says("request has expired") || says("request is not yet valid") {
        "the presigned list is good no more, or not yet; make a new one with hozen presign"
    } else if is("NoSuchBucket") {
        "create the bucket, or correct the name in --to"
    } else if is("PermanentRedirect")
        || is("AuthorizationHeaderMalformed")
        || is("IllegalLocationConstraintException")
        || is("TemporaryRedirect")
    {
        "the bucket is in another region; name its own with --region"
    } else if is("ExpiredToken") || is("TokenRefreshRequired") {
        "the credentials have expired; start again with new ones"
    } else if is("InvalidAccessKeyId") || is("SignatureDoesNotMatch") || is("InvalidToken") {
        "the credentials are not good; check that all three parts belong together and came through whole"
    } else if is("RequestTimeTooSkewed") {
        "the host's clock is too far from the bucket's; set the clock, and note that you did"
    } else if says("missing object lock") || is("ObjectLockConfigurationNotFoundError") {
        "the bucket has no Object Lock; use one that was created with it, or leave out --lock and give --allow-unlocked"
    } else if says("retain until") || is("InvalidRetentionPeriod") {
        "the retention is not accepted; check --retain-days and the host's clock"
    } else if is("MethodNotAllowed") || is("NotImplemented") {
        "the store does not know this request; it must speak S3 with conditional writes and checksums"
    } else if reason.starts_with("KMS.") || says("kms") {
        "the KMS key cannot be used; check --kms-key, that it is enabled, and that the writer may kms:GenerateDataKey and kms:Decrypt through S3"
    } else if is("AccessDenied") || is("AllAccessDisabled") || is("AccountProblem") || is("Forbidden") {
        "the writer needs s3:PutObject (with --lock also s3:PutObjectRetention) on this prefix, and the bucket must belong to --bucket-owner"
    } else if says("dns") || says("resolve") || says("no record") || says("name server") {
        "the name cannot be resolved; give --dns ADDRESS, or --endpoint-url with a numeric address"
    } else if says("certificate") || says("tls") {
        "the server's certificate is not trusted; in a network that inspects TLS give its root with --ca-bundle"
    } else if says("credentials") {
        "no credentials could be had; see --credentials"
    } else if says("connect") || says("timeout") || says("no answer") {
        SILENT
    } else {
        "see what S3 said; the policies of the writer, the bucket and the key may tell why"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_advice() {
        for (reason, word) in [
            ("AccessDenied: Request has expired", "hozen presign"),
            ("the presigned list has no signature for it", "--memory"),
            ("NoSuchBucket: The specified bucket does not exist", "--to"),
            ("PermanentRedirect: x", "--region"),
            ("ExpiredToken: x", "expired"),
            ("SignatureDoesNotMatch: x", "three parts"),
            ("RequestTimeTooSkewed: x", "clock"),
            ("InvalidRequest: Bucket is missing Object Lock Configuration", "--allow-unlocked"),
            ("InvalidArgument: The retain until date must be in the future!", "--retain-days"),
            ("KMS.NotFoundException: x", "--kms-key"),
            ("AccessDenied: Access Denied", "s3:PutObject"),
            ("dispatch failure: io error: client error (Connect): dns error: no record found", "--dns"),
            ("dispatch failure: invalid peer certificate: UnknownIssuer", "--ca-bundle"),
            ("dispatch failure: client error (Connect): Connection refused", "route"),
        ] {
            assert!(of(reason).contains(word), "{reason}: {}", of(reason));
        }
    }
}

//! The encryption that a bucket answered, against the one that was asked for.

use super::receipt::Encryption;

/// What S3 calls encryption by a key of KMS, which is what is asked for with a key.
const KMS: &str = "aws:kms";

/// What is wrong with what the bucket `answered` where encryption by the KMS key `asked` was asked for. An id and an alias are not compared:
/// the answer always has the key's own ARN.
#[must_use]
pub fn not_as_asked(asked: &str, answered: Option<&Encryption>) -> Option<String> {
    let Some(Encryption { algorithm, key }) = answered else {
        return Some(format!("the bucket did not say how it encrypts the object, and {KMS} with the key {asked} was asked for"));
    };
    if algorithm != KMS {
        return Some(format!("the bucket encrypts the object by {algorithm}, and {KMS} with the key {asked} was asked for"));
    }
    let is_own = asked.starts_with("arn:") && asked.contains(":key/");
    let other = key.as_deref().filter(|key| is_own && *key != asked);
    other.map(|other| format!("the bucket encrypts the object with the key {other}, and the key {asked} was asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_algorithm_and_another_key_are_not_as_asked() {
        let (ours, other) = ("arn:aws:kms:eu-central-1:111122223333:key/a", "arn:aws:kms:eu-central-1:111122223333:key/b");
        let fits = |asked: &str, algorithm: &str, key: Option<&str>| {
            let answered = Encryption { algorithm: algorithm.to_owned(), key: key.map(str::to_owned) };
            not_as_asked(asked, Some(&answered)).is_none()
        };
        assert!(fits(ours, "aws:kms", Some(ours)) && fits(ours, "aws:kms", None));
        assert!(!fits(ours, "aws:kms", Some(other)) && !fits(ours, "AES256", None) && !fits(ours, "aws:kms:dsse", Some(ours)));
        for asked in ["a", "alias/evidence", "arn:aws:kms:eu-central-1:111122223333:alias/evidence"] {
            assert!(fits(asked, "aws:kms", Some(ours)) && !fits(asked, "AES256", None), "{asked}");
        }
        assert!(not_as_asked("a", None).is_some());
    }
}

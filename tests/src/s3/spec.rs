//! Buckets, keys and faults as texts, for whoever starts the double from a shell.

use std::time::Duration;

use super::lock::{DefaultRetention, Mode};
use super::state::Bucket;
use crate::aws::access::{Key, WRITE_ONLY};
use crate::serve::{Fault, Rule};

/// `NAME[,lock[=MODE:DAYS]][,versions][,owner=ACCOUNT][,region=REGION][,kms=KEY]`.
///
/// # Errors
/// With the word that is not understood.
pub fn bucket(text: &str) -> Result<Bucket, String> {
    let mut words = text.split(',');
    let mut bucket = Bucket::new(words.next().filter(|name| !name.is_empty()).ok_or("a bucket needs a name")?);
    for word in words {
        bucket = match word.split_once('=').unwrap_or((word, "")) {
            ("lock", "") => bucket.locked(None),
            ("lock", default) => bucket.locked(Some(retention(default)?)),
            ("versions", "") => bucket.versioned(),
            ("owner", account) => bucket.owned_by(account),
            ("region", region) => bucket.in_region(region),
            ("kms", key) => bucket.encrypted_with(key),
            _ => return Err(format!("{word:?} is nothing that a bucket can be")),
        };
    }
    Ok(bucket)
}

fn retention(text: &str) -> Result<DefaultRetention, String> {
    let wrong = || format!("{text:?} is not like COMPLIANCE:30");
    let (mode, days) = text.split_once(':').ok_or_else(wrong)?;
    Ok(DefaultRetention { mode: Mode::named(mode).ok_or_else(wrong)?, days: days.parse().map_err(|_| wrong())? })
}

/// `ID,SECRET[,token=TOKEN][,may=ACTION+ACTION…]`. Without `may` everything is allowed; `may=write-only` is the role of a collector.
///
/// # Errors
/// With the word that is not understood.
pub fn key(text: &str) -> Result<Key, String> {
    let mut words = text.split(',');
    let (Some(id), Some(secret)) = (words.next(), words.next()) else { return Err("a key needs ID,SECRET".to_owned()) };
    let mut key = Key::mighty(id, secret);
    for word in words {
        match word.split_once('=') {
            Some(("token", token)) => key = key.session(token, None),
            Some(("may", "write-only")) => key.allowed = Key::new(id, secret, WRITE_ONLY).allowed,
            Some(("may", actions)) => key.allowed = Key::new(id, secret, &actions.split('+').collect::<Vec<_>>()).allowed,
            _ => return Err(format!("{word:?} is nothing that a key can have")),
        }
    }
    Ok(key)
}

/// `WHERE=FAULT[*TIMES]`. WHERE is the number of a request, `OPERATION`, or `OPERATION+SKIP`. TIMES is a number or `always`. FAULT is
/// `slow-down`, `internal-error`, `expired-token`, `skewed`, `conflict`, `reset:BYTES`, `stall[:MS]`, `stall-after:BYTES`, `late[:MS]`,
/// `truncate:BYTES`, `drop-after-commit`, `error-in-200`, `wrong-echo` or `flip-bit`.
///
/// # Errors
/// When it is not understood.
pub fn rule(text: &str) -> Result<Rule, String> {
    let wrong = || format!("{text:?} is no fault");
    let (place, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (name, times) = rest.split_once('*').unwrap_or((rest, "1"));
    let fault = fault(name).ok_or_else(wrong)?;
    let (operation, skip) = place.split_once('+').unwrap_or((place, "0"));
    let rule = match place.parse() {
        Ok(index) => Rule::at(index, fault),
        Err(_) => Rule::on(operation, fault).after(skip.parse().map_err(|_| wrong())?),
    };
    Ok(if times == "always" { rule.always() } else { rule.times(times.parse().map_err(|_| wrong())?) })
}

fn fault(text: &str) -> Option<Fault> {
    let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, number.parse().ok()));
    let length = number.map(Duration::from_millis);
    Some(match (name, number) {
        ("slow-down", None) => Fault::SLOW_DOWN,
        ("internal-error", None) => Fault::INTERNAL_ERROR,
        ("expired-token", None) => Fault::EXPIRED_TOKEN,
        ("skewed", None) => Fault::SKEWED,
        ("conflict", None) => Fault::CONFLICT,
        ("reset", Some(bytes)) => Fault::ResetAfter(bytes),
        ("stall", _) => Fault::Stall(length),
        ("stall-after", Some(bytes)) => Fault::StallAfter(bytes),
        ("late", _) => Fault::Late(length),
        ("truncate", Some(bytes)) => Fault::Truncate(bytes),
        ("drop-after-commit", None) => Fault::DropAfterCommit,
        ("error-in-200", None) => Fault::ErrorIn200("InternalError"),
        ("wrong-echo", None) => Fault::WrongEcho,
        ("flip-bit", None) => Fault::FlipBit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_keys_are_read() {
        let bucket = bucket("evidence,lock=COMPLIANCE:30,owner=999,region=us-east-1,kms=abc").unwrap();
        assert!(bucket.locked);
        assert_eq!(bucket.default_retention, Some(DefaultRetention { mode: Mode::Compliance, days: 30 }));
        assert_eq!((bucket.owner.as_str(), bucket.region.as_str(), bucket.kms_key.as_deref()), ("999", "us-east-1", Some("abc")));
        let key = key("AKIA,secret,token=t,may=s3:PutObject+kms:Decrypt").unwrap();
        assert!(key.may("kms:Decrypt") && !key.may("s3:GetObject"));
        assert_eq!(key.token.as_deref(), Some("t"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "a,lock=NEVER:1", "a,lock=COMPLIANCE", "a,what"] {
            assert!(bucket(text).is_err(), "{text}");
        }
        for text in ["id", "id,secret,what"] {
            assert!(key(text).is_err(), "{text}");
        }
        for text in ["", "3", "3=reset", "UploadPart=what", "UploadPart+x=slow-down", "UploadPart=slow-down*often"] {
            assert!(rule(text).is_err(), "{text}");
        }
        for text in [
            "3=reset:100",
            "UploadPart+2=stall",
            "4=stall-after:7",
            "UploadPart=slow-down*always",
            "CompleteMultipartUpload=late:20*3",
        ] {
            assert!(rule(text).is_ok(), "{text}");
        }
    }
}

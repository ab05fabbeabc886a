//! The lock that a run promised to its objects, and whether an object has it.

use hozen_collector::model::ObjectKey;
use hozen_collector::model::receipt::Lock;
use hozen_collector::model::record::Begin;
use serde_json::Value;

use super::bucket::Place;
use super::findings::Findings;
use super::words;

/// The lock that an object was promised.
#[derive(Debug, Default)]
pub(super) struct Promise {
    /// Where the run was written, if not here.
    pub(super) elsewhere: Option<String>,
    /// The retention that every object was given.
    pub(super) lock: Option<Lock>,
    /// The bucket's own default, of which only the mode is compared.
    pub(super) default: Option<String>,
}

impl Promise {
    /// By the begin record.
    pub(super) fn of(place: &Place, begin: Option<&Begin>) -> Self {
        let Some(sink) = begin.map(|begin| &begin.sink) else { return Self::default() };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let location = text(sink.get("location")).unwrap_or_default();
        if location != place.reader.place().to_string() {
            return Self { elsewhere: Some(words::clipped(&location, 600)), ..Self::default() };
        }
        let lock = sink.get("retention").and_then(|retention| {
            Some(Lock { mode: text(retention.get("mode"))?, until: text(retention.get("until"))?.parse().ok()? })
        });
        let default = sink.get("bucket_lock").and_then(|lock| text(lock.get("default")?.get("mode")));
        Self { elsewhere: None, default: default.filter(|_| lock.is_none()), lock }
    }
}

/// How strong a mode is; 0 where it keeps nothing.
pub(super) fn strength(mode: &str) -> u8 {
    match mode {
        "COMPLIANCE" => 2,
        "GOVERNANCE" => 1,
        _ => 0,
    }
}

/// The lock that an object has, against the one that is due, or else the mode that the bucket gave to all.
pub(super) fn check_lock(
    key: &ObjectKey,
    lock: Option<&Lock>,
    due: Option<&Lock>,
    default: Option<&str>,
    findings: &mut Findings,
) {
    let shown = lock.map_or_else(|| "none".to_owned(), |lock| format!("{} until {}", lock.mode, lock.until));
    if let Some(due) = due {
        let holds = lock.is_some_and(|lock| strength(&lock.mode) >= strength(&due.mode) && lock.until >= due.until);
        let told = format!("its lock is {shown}, and it was stored with {} until {}", due.mode, due.until);
        return findings.require(holds, key, told);
    }
    if let Some(mode) = default {
        let holds = lock.is_some_and(|lock| strength(&lock.mode) >= strength(mode));
        findings.require(holds, key, format!("its lock is {shown}, and the bucket gave {mode} to all that came"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hozen_collector::model::Timestamp;

    fn lock(mode: &str, day: i64) -> Lock {
        Lock { mode: mode.to_owned(), until: Timestamp::from_seconds(day * 86_400) }
    }

    fn holds(lock: Option<&Lock>, due: Option<&Lock>, default: Option<&str>) -> bool {
        let mut findings = Findings::default();
        check_lock(&"log.jsonl.zst".parse().unwrap(), lock, due, default, &mut findings);
        findings.into_parts().failures.is_empty()
    }

    #[test]
    fn a_lock_must_be_as_strong_and_as_long_as_was_promised() {
        let due = lock("GOVERNANCE", 10);
        for good in [lock("GOVERNANCE", 10), lock("COMPLIANCE", 10), lock("GOVERNANCE", 11)] {
            assert!(holds(Some(&good), Some(&due), None), "{good:?}");
        }
        assert!(!holds(None, Some(&due), None) && !holds(Some(&lock("COMPLIANCE", 9)), Some(&due), None));
        assert!(!holds(Some(&lock("GOVERNANCE", 99)), Some(&lock("COMPLIANCE", 1)), None));
        assert!(holds(Some(&due), None, Some("GOVERNANCE")) && !holds(Some(&due), None, Some("COMPLIANCE")));
        assert!(holds(None, None, None) && !holds(None, None, Some("GOVERNANCE")));
    }
}

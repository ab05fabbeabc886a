//! The gate: what an image is worth, by what can be known without looking inside structures.
//!
//! **Invariant:** an image that is empty, short or nothing but zeros is never `ok`.

use super::image::Tally;

/// What an image is worth. The words in the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quality {
    /// All of it, as far as can be known.
    Ok,
    /// Something is missing; what is there is good.
    Incomplete,
    /// Not an image of this memory. Kept, and not to be relied on.
    Rejected,
}

impl Quality {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Incomplete => "incomplete",
            Self::Rejected => "rejected",
        }
    }
}

const NO_BANNER: &str = "the kernel's banner is not in it";

/// What an image is measured with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measure {
    /// Bytes of RAM by `/proc/iomem`.
    pub predicted: u64,
    /// Bytes that the kernel says are in use (`/proc/meminfo`), where that is known.
    pub in_use: Option<u64>,
    /// Whether it is known how the kernel's banner begins.
    pub knows_banner: bool,
}

/// The verdict and every reason for it. `faults` is what went wrong while the image was read.
pub(super) fn judge(tally: &Tally, measure: Measure, faults: Vec<String>) -> (Quality, Vec<String>) {
    let mut reasons = rejected(tally, measure);
    if !reasons.is_empty() {
        reasons.extend(unread(tally));
        reasons.extend(faults);
        return (Quality::Rejected, reasons);
    }
    reasons = faults;
    if tally.bytes < measure.predicted {
        reasons.push(format!("{} of {} bytes of RAM are there", tally.bytes, measure.predicted));
    }
    if measure.knows_banner && !tally.banner {
        reasons.push(NO_BANNER.to_owned());
    }
    reasons.extend(unread(tally));
    if measure.in_use.is_some_and(|in_use| tally.data_bytes < in_use / 2) {
        reasons.push(few(tally, measure));
    }
    if measure.predicted == 0 || !measure.knows_banner {
        reasons.push("the host does not say what the image should hold".to_owned());
    }
    let quality = if reasons.is_empty() { Quality::Ok } else { Quality::Incomplete };
    (quality, reasons)
}

/// Why the image is none of this memory. Pages in use that hold zeros are not rare (memory that a program reserved), so only a
/// quarter of what is in use must hold something; half of it where the image ends in nothing but zeros, which is how LiME pads
/// what it did not read.
fn rejected(tally: &Tally, measure: Measure) -> Vec<String> {
    let mut reasons = Vec::new();
    if tally.bytes == 0 {
        return vec!["nothing was read".to_owned()];
    }
    if tally.data_bytes == 0 {
        reasons.push("there are nothing but zeros in it".to_owned());
    }
    // Of an image that was cut short no more can be asked than its share.
    let whole = tally.bytes >= measure.predicted;
    if whole && measure.knows_banner && !tally.banner {
        reasons.push(NO_BANNER.to_owned());
    }
    let hollow = tally.zero_tail > tally.bytes / 4;
    let least = measure.in_use.map(|in_use| if hollow { in_use / 2 } else { in_use / 4 });
    if whole && least.is_some_and(|least| tally.data_bytes < least) {
        reasons.push(few(tally, measure));
    }
    reasons
}

fn unread(tally: &Tally) -> Option<String> {
    let errnos: Vec<String> = tally.errnos.iter().map(|errno| format!("{errno:?}")).collect();
    (!tally.unreadable.is_empty())
        .then(|| format!("{} bytes could not be read ({})", tally.unreadable_bytes(), errnos.join(", ")))
}

fn few(tally: &Tally, measure: Measure) -> String {
    let in_use = measure.in_use.unwrap_or_default();
    format!("{} bytes of pages hold anything, and the kernel says that {in_use} bytes are in use", tally.data_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PhysRange;
    use nix::errno::Errno;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    fn tally() -> Tally {
        Tally { bytes: 256 * MIB, data_bytes: 100 * MIB, banner: true, zero_tail: MIB, ..Tally::default() }
    }

    const MEASURE: Measure = Measure { predicted: 256 * MIB, in_use: Some(90 * MIB), knows_banner: true };

    fn word(tally: &Tally) -> &'static str {
        judge(tally, MEASURE, Vec::new()).0.word()
    }

    #[test]
    fn only_a_whole_image_with_content_is_ok() {
        assert_eq!(word(&tally()), "ok");
        assert_eq!(word(&Tally { bytes: 255 * MIB, ..tally() }), "incomplete");
        assert_eq!(word(&Tally { unreadable: PhysRange::new(0, 4096).into_iter().collect(), ..tally() }), "incomplete");
        assert_eq!(word(&Tally { data_bytes: 40 * MIB, ..tally() }), "incomplete");
        assert_eq!(word(&Tally { banner: false, ..tally() }), "rejected");
        assert_eq!(word(&Tally { data_bytes: 20 * MIB, ..tally() }), "rejected");
        assert_eq!(word(&Tally::default()), "rejected");
    }

    /// What LiME left of 256 MiB when its reader stalled once: 27 MiB, and zeros to the end.
    #[test]
    fn an_image_that_was_padded_with_zeros_is_rejected() {
        let padded = Tally { data_bytes: 27 * MIB, zero_tail: 228 * MIB, ..tally() };
        assert_eq!(word(&padded), "rejected");
        assert_eq!(word(&Tally { zero_tail: MIB, ..padded }), "incomplete");
    }

    #[test]
    fn what_could_not_be_read_is_told_with_why_whatever_the_image_is_worth() {
        let unreadable = PhysRange::new(0, 4096).into_iter().collect();
        let tally = Tally { unreadable, errnos: vec![Errno::EPERM, Errno::EFAULT], ..tally() };
        for tally in [tally.clone(), Tally { data_bytes: 0, ..tally }] {
            let (quality, reasons) = judge(&tally, MEASURE, Vec::new());
            assert_ne!(quality, Quality::Ok);
            assert!(reasons.contains(&"4096 bytes could not be read (EPERM, EFAULT)".to_owned()), "{reasons:?}");
        }
    }

    #[test]
    fn faults_and_ignorance_are_never_ok() {
        assert_eq!(judge(&tally(), MEASURE, vec!["hotplug".to_owned()]), (Quality::Incomplete, vec!["hotplug".to_owned()]));
        assert_eq!(judge(&tally(), Measure::default(), Vec::new()).0, Quality::Incomplete);
    }

    proptest! {
        #[test]
        fn short_empty_or_zero_is_never_ok(bytes in 0..256 * MIB, data: u64, tail: u64, banner: bool) {
            let short = Tally { bytes, data_bytes: data % (bytes + 1), zero_tail: tail % (bytes + 1), banner, ..Tally::default() };
            prop_assert_ne!(word(&short), "ok");
            prop_assert_ne!(word(&Tally { data_bytes: 0, bytes: 256 * MIB, banner, ..Tally::default() }), "ok");
        }
    }
}

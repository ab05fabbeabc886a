//! Gaps gathered by their reason, so that a thousand of one kind are one line of the report.

use std::collections::BTreeMap;

use hozen_collector::model::Gap;
use serde::Serialize;

use super::words;

/// Different reasons that are kept apart.
const MAX_REASONS: usize = 50;
/// Places that stand for all gaps of one reason.
const MAX_EXAMPLES: usize = 3;
/// Characters of a reason or place.
const MAX_TEXT: usize = 300;

/// Gaps of one artefact that have one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapGroup {
    /// Why; escaped text.
    pub reason: String,
    /// How many gaps.
    pub count: u64,
    /// The first few of them: path on the host, and bytes where they are known; escaped text.
    pub examples: Vec<String>,
}

/// The gaps of one artefact, by reason.
#[derive(Debug, Default, Clone)]
pub(super) struct GapGroups(BTreeMap<String, GapGroup>);

impl GapGroups {
    pub(super) fn of(gaps: &[Gap]) -> Self {
        let mut groups = Self::default();
        gaps.iter().for_each(|gap| groups.add(gap));
        groups
    }

    pub(super) fn add(&mut self, gap: &Gap) {
        let reason = words::clipped(&gap.reason, MAX_TEXT);
        let apart = self.0.contains_key(&reason) || self.0.len() < MAX_REASONS;
        let reason = if apart { reason } else { "other reasons".to_owned() };
        let fresh = GapGroup { reason: reason.clone(), count: 0, examples: Vec::new() };
        let group = self.0.entry(reason).or_insert(fresh);
        group.count = group.count.saturating_add(1);
        if group.examples.len() < MAX_EXAMPLES {
            group.examples.push(place(gap));
        }
    }

    /// The groups, largest first.
    pub(super) fn into_groups(self) -> Vec<GapGroup> {
        let mut groups: Vec<GapGroup> = self.0.into_values().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        groups
    }
}

fn place(gap: &Gap) -> String {
    let source = words::clipped(&gap.source, MAX_TEXT);
    match (gap.offset, gap.length) {
        (Some(offset), Some(length)) => format!("{source} ({length} bytes from byte {offset})"),
        (Some(offset), None) => format!("{source} (from byte {offset})"),
        (None, Some(length)) => format!("{source} ({length} bytes)"),
        (None, None) => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_one_reason_are_one_group() {
        let mut gaps: Vec<Gap> = (0..5).map(|n| Gap::whole(format!("/proc/{n}/maps").as_bytes(), "EACCES")).collect();
        gaps.push(Gap::from(b"/var/x\n", 10, Some(2), "EIO"));
        let groups = GapGroups::of(&gaps).into_groups();
        assert_eq!((groups[0].count, groups[0].examples.len(), groups[0].reason.as_str()), (5, 3, "EACCES"));
        assert_eq!(groups[1].examples, ["/var/x\\n (2 bytes from byte 10)"]);
    }

    #[test]
    fn reasons_without_end_are_bounded() {
        let gaps: Vec<Gap> = (0..1000).map(|n| Gap::whole(b"/x", format!("reason {n}"))).collect();
        let groups = GapGroups::of(&gaps).into_groups();
        assert_eq!((groups.len(), groups[0].reason.as_str()), (MAX_REASONS + 1, "other reasons"));
    }
}

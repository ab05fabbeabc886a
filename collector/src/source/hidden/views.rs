//! The ways to learn that a process exists, and sets of them.

/// One way to learn that a process exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum View {
    /// The listing of a `/proc` that nothing is mounted over.
    DetachedList,
    /// The listing of `/proc` as every program sees it.
    PlainList,
    /// The directory of that number in the detached `/proc`.
    DetachedLookup,
    /// The directory of that number in `/proc` as every program sees it.
    PlainLookup,
    /// pidfd_open(2).
    Pidfd,
    /// kill(2) with signal 0.
    Kill,
    /// `cgroup.procs` of all cgroups.
    Cgroup,
    /// `children` of all threads of its parent.
    Children,
}

impl View {
    /// All of them, in the order of the records.
    pub(super) const ALL: [Self; 8] = [
        Self::DetachedList,
        Self::PlainList,
        Self::DetachedLookup,
        Self::PlainLookup,
        Self::Pidfd,
        Self::Kill,
        Self::Cgroup,
        Self::Children,
    ];

    /// The word in the records.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::DetachedList => "detached-list",
            Self::PlainList => "plain-list",
            Self::DetachedLookup => "detached-lookup",
            Self::PlainLookup => "plain-lookup",
            Self::Pidfd => "pidfd",
            Self::Kill => "kill",
            Self::Cgroup => "cgroup",
            Self::Children => "children",
        }
    }
}

/// A set of views.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Views(u8);

impl Views {
    pub(super) fn of(views: &[View]) -> Self {
        views.iter().fold(Self::default(), |set, view| set.with(*view))
    }

    pub(super) fn with(self, view: View) -> Self {
        Self(self.0 | Self::bit(view))
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn has(self, view: View) -> bool {
        self.0 & Self::bit(view) != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words of the views in it.
    pub(super) fn words(self) -> Vec<&'static str> {
        View::ALL.into_iter().filter(|view| self.has(*view)).map(View::word).collect()
    }

    fn bit(view: View) -> u8 {
        View::ALL.iter().position(|known| *known == view).map_or(0, |at| 1 << at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_views_behave_as_sets() {
        let all = Views::of(&View::ALL);
        let some = Views::of(&[View::Kill, View::Children]);
        assert_eq!(all.words().len(), View::ALL.len());
        assert_eq!(some.words(), ["kill", "children"]);
        assert!(all.without(some).and(some).is_empty() && !all.without(some).has(View::Kill));
    }
}

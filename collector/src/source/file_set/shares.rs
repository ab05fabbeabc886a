//! What of the budget of bytes is one user's.
//!
//! A user decides what lies in his home: files there are kept after those of the host, and take no more than a part of the budget. Root's
//! home is the host's. What links of the host's lead to in a home is the first that its user's part is used for: the host reads or runs it.

use std::collections::BTreeMap;

use super::Found;
use super::find::{SHARES, is_below};
use super::homes::Home;
use crate::source::content::Keeper;

impl Found<'_> {
    /// Who decides what it holds, where that is not root: a home, or a folder in `/run/user`.
    pub(in crate::source) fn user(&self) -> Option<&[u8]> {
        user_of(&self.path, self.home.as_deref())
    }

    /// When its turn is: files of the host's, then what links of the host's lead to among those of users, who could use up their shares with
    /// others, and then all others of users.
    pub(super) fn turn(&self) -> u8 {
        match (self.user(), &self.host_link) {
            (None, _) => 0,
            (Some(_), Some(_)) => 1,
            (Some(_), None) => 2,
        }
    }

    /// Whether a link of a user's led to it, and nothing else: it may be a file of the host's that another text names, and is kept then before
    /// his turn.
    pub(super) fn is_led_by_user(&self) -> bool {
        self.via.is_some() && self.user().is_some()
    }
}

/// Who decides what lies at `path`, which was looked for in `home`.
pub(super) fn user_of<'p>(path: &'p [u8], home: Option<&'p Home>) -> Option<&'p [u8]> {
    if let Some(folder) = first_below(path, b"/run/user/") {
        return (folder != b"/run/user/0").then_some(folder);
    }
    match home {
        Some(home) if home.uid != Some(0) => Some(home.path.as_slice()),
        Some(home) if is_below(path, &home.path) => None,
        // A pattern or a link of root's leads into a home.
        _ => first_below(path, b"/home/"),
    }
}

/// The folder right below `top` in which `path` lies.
fn first_below<'p>(path: &'p [u8], top: &[u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(top)?;
    let name = rest.iter().position(|b| *b == b'/').filter(|length| *length > 0)?;
    path.get(..top.len() + name)
}

/// Bytes of data, and zeros of holes.
#[derive(Debug, Default, Clone, Copy)]
struct Room {
    data: u64,
    holes: u64,
}

impl Room {
    fn of(keeper: &Keeper) -> Self {
        Self { data: keeper.left, holes: keeper.holes }
    }

    fn without(self, other: Self) -> Self {
        Self { data: self.data.saturating_sub(other.data), holes: self.holes.saturating_sub(other.holes) }
    }
}

/// What each user has taken.
#[derive(Debug)]
pub(super) struct Shares {
    /// The most bytes that one user may take.
    pub(super) most: u64,
    taken: BTreeMap<Vec<u8>, Room>,
}

/// What is held back from a user while a file of his is kept, and what he has.
#[derive(Debug)]
pub(super) struct Turn {
    held_back: Room,
    given: Room,
}

impl Shares {
    /// Of a budget of `total` bytes.
    pub(super) fn of(total: u64) -> Self {
        let parts = u64::try_from(SHARES).unwrap_or(1);
        Self { most: total / parts, taken: BTreeMap::new() }
    }

    /// Leaves to `keeper` what `user` may still take.
    pub(super) fn begin(&self, user: &[u8], keeper: &mut Keeper) -> Turn {
        let (all, taken) = (Room::of(keeper), self.taken.get(user).copied().unwrap_or_default());
        let own = Room { data: self.most, holes: self.most }.without(taken);
        (keeper.left, keeper.holes) = (all.data.min(own.data), all.holes.min(own.holes));
        let given = Room::of(keeper);
        Turn { held_back: all.without(given), given }
    }

    /// Notes what `user` has taken in his turn, and gives back to `keeper` what was held back.
    pub(super) fn end(&mut self, user: &[u8], turn: &Turn, keeper: &mut Keeper) {
        let spent = turn.given.without(Room::of(keeper));
        let taken = self.taken.entry(user.to_owned()).or_default();
        taken.data = taken.data.saturating_add(spent.data);
        taken.holes = taken.holes.saturating_add(spent.holes);
        keeper.left = keeper.left.saturating_add(turn.held_back.data);
        keeper.holes = keeper.holes.saturating_add(turn.held_back.holes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Form, Group};
    use super::*;
    use std::sync::Arc;

    const GROUP: Group<'_> = Group { kind: "x", form: Form::Bulk, patterns: &[] };

    fn user(path: &str, home: Option<(&str, u32)>) -> Option<String> {
        let home = home.map(|(path, uid)| Arc::new(Home { path: path.into(), username: None, uid: Some(uid) }));
        let stat = crate::host::Host::live().unwrap().files.stat("/").unwrap();
        let path = path.as_bytes().to_vec();
        let found = Found { path, stat, target: None, group: &GROUP, others: Vec::new(), home, via: None, host_link: None };
        found.user().map(|user| String::from_utf8_lossy(user).into_owned())
    }

    #[test]
    fn homes_are_their_users_and_the_rest_is_roots() {
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(user("/home/ann/.x", Some(("/home/ann", 1000))), of("/home/ann"));
        assert_eq!(user("/var/log/x", Some(("/home/ann", 1000))), of("/home/ann"), "what a link of hers leads to");
        assert_eq!((user("/root/.x", Some(("/root", 0))), user("/var/log/x", None), user("/home/x", None)), (None, None, None));
        assert_eq!(user("/home/ann/log", Some(("/root", 0))), of("/home/ann"));
        assert_eq!((user("/home/ann/log", None), user("/run/user/7/x", None)), (of("/home/ann"), of("/run/user/7")));
        assert_eq!((user("/run/user/0/x", None), user("/homes/ann/x", None)), (None, None));
    }
}

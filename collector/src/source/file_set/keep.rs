//! Each file that was found, on its way into the evidence.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;

use super::ahead::{Ahead, Opened, has_content, open};
use super::named::Named;
use super::shares::Shares;
use super::{FileSet, Form, Found, Reader, Text};
use crate::host::{Content, Host};
use crate::model::{Digest, Gap, Row, escape};
use crate::source::content::{Keeper, within};
use crate::source::{Evidence, Member, MemberKind, Stop, failure, secret, stat_columns};

/// Keeps `found` in this order, and what `reader` names in them and in what they name: of the host's files before those of users, who could
/// name as many as are looked for.
pub(super) fn all(
    set: &FileSet<'_>,
    host: &Host,
    found: Vec<Found<'_>>,
    evidence: &mut dyn Evidence,
    reader: Reader<'_>,
) -> Result<(), Stop> {
    let mut keep = Keep::new(set, host);
    let mut ahead = Ahead::new(host);
    let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let mut named = Named::beside(&found);
    let users = found.partition_point(|one| one.user().is_none());
    for (at, (done, one)) in (1_u64..).zip(&found).enumerate() {
        evidence.check()?;
        if at == users {
            keep.named(&mut named, evidence, &mut *reader)?;
        }
        if keep.keeper.left > 0 {
            ahead.open(&found);
        }
        let opened = ahead.take(at, one, evidence)?;
        if !one.is_led_by_user() || named.is_first(&one.path) {
            named.add(keep.entry(one, opened, evidence, &mut *reader)?, one);
        }
        evidence.progress(done, total);
    }
    keep.named(&mut named, evidence, reader)?;
    named.tell(set.table, evidence);
    keep.tell_beyond(evidence);
    Ok(())
}

/// Whether all of it is a secret: by its own name, or by that of the link that led to it.
fn is_secret(found: &Found<'_>) -> bool {
    let by_link = found.via.as_deref().is_some_and(secret::is_file);
    by_link || secret::is_file(&found.path) || matches!(found.group.form, Form::Withheld | Form::Database)
}

fn has_hashes(found: &Found<'_>) -> bool {
    secret::is_accounts(&found.path) || secret::is_called_shadow(&found.path)
}

/// The most bytes of one text, which is held in memory.
const MOST_TEXT: u64 = 32 << 20;

/// The most bytes of one database, which is held in memory: what it says depends on all of it.
pub(super) const MOST_DATABASE: u64 = 64 << 20;

struct Keep<'a> {
    set: &'a FileSet<'a>,
    host: &'a Host,
    keeper: Keeper,
    /// The path under which the content of a file with several names was kept.
    linked: BTreeMap<((u32, u32), u64), Vec<u8>>,
    /// What each user has taken of the budget.
    shares: Shares,
    /// Files that there was no room for, and their bytes: of each user, and of the host.
    beyond: BTreeMap<Option<Vec<u8>>, (u64, u64)>,
}

impl<'a> Keep<'a> {
    fn new(set: &'a FileSet<'a>, host: &'a Host) -> Self {
        let (file_cap, left) = (set.limits.file, set.limits.total);
        let keeper = Keeper { spare: host.spare_thread(), file_cap, left, holes: left, part: set.part() };
        Self { set, host, keeper, linked: BTreeMap::new(), shares: Shares::of(left), beyond: BTreeMap::new() }
    }

    /// Keeps what texts have named so far, and what that names.
    fn named(&mut self, named: &mut Named<'_>, evidence: &mut dyn Evidence, reader: Reader<'_>) -> Result<(), Stop> {
        while let Some(one) = named.pop(self.host, evidence) {
            evidence.check()?;
            named.add(self.entry(&one, None, evidence, &mut *reader)?, &one);
        }
        Ok(())
    }

    /// Writes the row of an entry and keeps what it holds, of a user's within his share. Returns the paths that its text names.
    fn entry(
        &mut self,
        found: &Found<'_>,
        opened: Option<Opened>,
        evidence: &mut dyn Evidence,
        reader: Reader<'_>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let Some(user) = found.user() else { return self.one(found, opened, evidence, reader) };
        let turn = self.shares.begin(user, &mut self.keeper);
        let done = self.one(found, opened, evidence, reader);
        self.shares.end(user, &turn, &mut self.keeper);
        done
    }

    fn one(
        &mut self,
        found: &Found<'_>,
        opened: Option<Opened>,
        evidence: &mut dyn Evidence,
        reader: Reader<'_>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let mut row = self.row(found);
        let member = Member { path: &found.path, kind: MemberKind::Special, stat: Some(found.stat) };
        let mut named = Vec::new();
        if has_content(found) {
            named = self.file((found, opened), &mut row, evidence, reader)?;
        } else if let Some(target) = &found.target {
            evidence.raw(&Member { kind: MemberKind::Symlink(target), ..member }, b"")?;
        } else if found.stat.is_directory() {
            evidence.raw(&Member { kind: MemberKind::Directory, ..member }, b"")?;
        } else if !found.stat.is_symlink() && !found.stat.is_regular() {
            evidence.raw(&member, b"")?;
        }
        evidence.row(self.set.table, &row)?;
        Ok(named)
    }

    fn row(&self, found: &Found<'_>) -> Row {
        let cut = found.path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        let directory = found.path.get(..cut.max(1)).unwrap_or(b"/");
        let mut row = Row::new(self.host.clock.now(), escape::bytes(&found.path));
        row.bytes("path", &found.path).bytes("directory", directory);
        row.bytes("filename", found.path.get(cut + 1..).unwrap_or_default());
        stat_columns::add(&mut row, &found.stat);
        if let Some(target) = &found.target {
            row.bytes("symlink_target_path", target);
        }
        row.text("kind", found.group.kind);
        if !found.others.is_empty() && matches!(found.group.form, Form::Any | Form::Listed) {
            row.json("also", &found.others.iter().map(|group| group.kind).collect::<Vec<_>>());
        }
        if let Some(home) = &found.home {
            row.bytes("home", &home.path);
            if let Some(name) = &home.username {
                row.bytes("username", name);
            }
        }
        if let Some(via) = &found.via {
            row.bytes("via", via);
        }
        row
    }

    fn file(
        &mut self,
        (found, opened): (&Found<'_>, Option<Opened>),
        row: &mut Row,
        evidence: &mut dyn Evidence,
        reader: Reader<'_>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let size = found.stat.size;
        let room = self.keeper.file_cap.min(self.keeper.left);
        if size > 0 && (self.keeper.left == 0 || (found.group.form == Form::Whole && size > room)) {
            let beyond = self.beyond_of(found);
            *beyond = (beyond.0.saturating_add(1), beyond.1.saturating_add(size));
            row.int("stored", 0).flag("truncated", true).error("content", "limit");
            return Ok(Vec::new());
        }
        let opened = opened.unwrap_or_else(|| open(&self.host.files, &found.path, &found.stat));
        match opened {
            Err(error) => {
                failure::note(row, evidence, "content", &error);
                Ok(Vec::new())
            }
            Ok(content) if found.group.form == Form::Database => self.database(found, content, row, evidence, reader),
            Ok(content) if self.is_bulk(found) || self.is_no_text(found, &content) => {
                self.bulk(found, &content, row, evidence)?;
                Ok(Vec::new())
            }
            Ok(content) => self.text(found, &content, row, evidence, reader),
        }
    }

    fn bulk(&mut self, found: &Found<'_>, content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let stat = content.stat;
        if stat.nlink > 1 {
            let inode = (stat.dev, stat.ino);
            if let Some(first) = self.linked.get(&inode) {
                row.bytes("content_at", first);
                return Ok(());
            }
            self.linked.insert(inode, found.path.clone());
        }
        let room = self.keeper.file_cap.min(self.keeper.left);
        if found.group.form == Form::Whole && stat.size <= room {
            row.flag("truncated", false);
            return self.keeper.keep_whole(&found.path, content, row, evidence);
        }
        let whole = self.keeper.is_whole(content);
        row.flag("truncated", !whole);
        self.keeper.keep(&found.path, content, row, evidence)?;
        self.note_spent(found, whole);
        Ok(())
    }

    /// What there was no room for of whose file it is.
    fn beyond_of(&mut self, found: &Found<'_>) -> &mut (u64, u64) {
        self.beyond.entry(found.user().map(<[u8]>::to_vec)).or_default()
    }

    /// Remembers a user whose share is used up by a file that is not kept whole.
    fn note_spent(&mut self, found: &Found<'_>, whole: bool) {
        if !whole && self.keeper.left == 0 && found.user().is_some() {
            self.beyond_of(found);
        }
    }

    /// Hands a database on, and keeps it if secrets are asked for. One that is too long is not handed on.
    fn database(
        &mut self,
        found: &Found<'_>,
        mut content: Content,
        row: &mut Row,
        evidence: &mut dyn Evidence,
        reader: Reader<'_>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let limit = MOST_DATABASE.min(self.keeper.left);
        let is_long = content.stat.size > MOST_DATABASE || !self.keeper.has_room(&content);
        let (mut named, mut digest) = (Vec::new(), None);
        if is_long {
            row.error("content", "limit");
            let reason = format!("no rows are made of it: it is longer than the {limit} bytes that are read of a database");
            evidence.gap(Gap::whole(&found.path, reason));
        } else if let Some(bytes) = self.settled(found, &mut content, row, evidence)? {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            digest = (length == content.stat.size).then(|| Digest::of(&bytes));
            named = reader(&Text { found, bytes: &bytes }, evidence)?;
        }
        if self.set.include_secrets {
            self.bulk(found, &content, row, evidence)?;
            return Ok(named);
        }
        row.flag("truncated", is_long);
        if let Some(digest) = digest {
            row.text("sha256", &digest.to_string());
            self.keeper.charge(&content, &(0..content.stat.size));
        }
        row.flag("secret", true).int("stored", 0).int("hidden_bytes", 0);
        row.flag("changed_during_read", content.has_changed());
        Ok(named)
    }

    /// The bytes of a database. Where its engine has written it since it was opened, they may be of two moments: then it is opened and
    /// read once more.
    fn settled(
        &mut self,
        found: &Found<'_>,
        content: &mut Content,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let mut bytes = self.read(found, content, 0..content.stat.size, row, evidence)?;
        if content.has_changed()
            && let Ok(again) = open(&self.host.files, &found.path, &found.stat)
            && again.stat.size <= MOST_DATABASE
        {
            *content = again;
            bytes = self.read(found, content, 0..content.stat.size, row, evidence)?;
        }
        if content.has_changed() {
            let reason = "it was written while it was read, so what rows are made of may be of two moments";
            evidence.gap(Gap::whole(&found.path, reason));
        }
        Ok(bytes)
    }

    /// Keeps text: what the limits let through is read into memory, its secrets are hidden.
    fn text(
        &mut self,
        found: &Found<'_>,
        content: &Content,
        row: &mut Row,
        evidence: &mut dyn Evidence,
        reader: Reader<'_>,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let (size, limit) = (content.stat.size, self.keeper.file_cap.min(self.keeper.left).min(MOST_TEXT));
        let whole = size <= MOST_TEXT && self.keeper.is_whole(content);
        let ranges = if whole { std::iter::once(0..size).collect() } else { self.cut(found, content, limit, row, evidence) };
        row.flag("truncated", !whole);
        let is_withheld = self.hides(found.group.form) && is_secret(found) && !self.may_run(found, content);
        let mut named = Vec::new();
        let (mut stored, mut hidden) = (0_u64, 0_u64);
        for range in ranges {
            let offset = range.start;
            self.keeper.charge(content, &range);
            let Some(bytes) = self.read(found, content, range, row, evidence)? else { continue };
            if u64::try_from(bytes.len()).is_ok_and(|length| length == size) {
                row.text("sha256", &Digest::of(&bytes).to_string());
            }
            if is_withheld {
                row.flag("secret", true);
                continue;
            }
            // Behind a hole nothing was cut off.
            let is_cut = !whole && !content.data.iter().any(|data| data.start == offset);
            let kept = self.without_secrets(found, bytes, is_cut, &mut hidden);
            stored += u64::try_from(kept.len()).unwrap_or(u64::MAX);
            let member = if whole { found.path.clone() } else { [&found.path, format!("@{offset}").as_bytes()].concat() };
            evidence.raw(&Member::file(&member, content.stat), &kept)?;
            if whole {
                named = reader(&Text { found, bytes: &kept }, evidence)?;
            }
        }
        self.note_spent(found, whole);
        row.int("stored", stored).int("hidden_bytes", hidden).flag("changed_during_read", content.has_changed());
        Ok(named)
    }

    /// The ranges of a file that is too long, and the gap that the rest leaves.
    fn cut(
        &self,
        found: &Found<'_>,
        content: &Content,
        limit: u64,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Vec<Range<u64>> {
        let within = within(&content.data, limit, self.keeper.part);
        if let Some(offset) = within.cut {
            row.error("content", "limit");
            let reason = format!(
                "data beyond the {limit} bytes that the limits of one text, of one user and of all together leave for it"
            );
            evidence.gap(Gap::from(&found.path, offset, Some(within.lost), reason));
        }
        within.kept
    }

    /// The bytes of a range; what could not be read of it is a gap. None where nothing could.
    fn read(
        &mut self,
        found: &Found<'_>,
        content: &Content,
        range: Range<u64>,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Result<Option<Vec<u8>>, Stop> {
        evidence.check()?;
        let (offset, wanted) = (range.start, range.end - range.start);
        // A buffer that grows may take twice as much.
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let result = content.reader(range, &mut self.keeper.spare).read_to_end(&mut bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length < wanted {
            row.error("content", "truncated");
            let reason =
                result.err().map_or_else(|| "it has shrunk since it was looked at".to_owned(), |error| error.to_string());
            evidence.gap(Gap::from(&found.path, offset.saturating_add(length), Some(wanted - length), reason));
        }
        Ok((length > 0 || wanted == 0).then_some(bytes))
    }

    fn hides(&self, form: Form) -> bool {
        !self.set.include_secrets && form != Form::Plain
    }

    /// Whether it is kept as it is; a link among logs does not make a log of a file of secrets.
    fn is_bulk(&self, found: &Found<'_>) -> bool {
        match found.group.form {
            Form::Bulk | Form::Whole | Form::Withheld | Form::Database => {
                self.set.include_secrets || !(is_secret(found) || has_hashes(found))
            }
            Form::Any => self.set.include_secrets,
            Form::Text | Form::Json | Form::Plain | Form::Listed => false,
        }
    }

    /// Whether a file of which nobody said what it is is no text: its beginning has a byte of zero. A file of secrets is never kept for that.
    fn is_no_text(&mut self, found: &Found<'_>, content: &Content) -> bool {
        if found.group.form != Form::Any || is_secret(found) || has_hashes(found) {
            return false;
        }
        self.beginning(content).is_some_and(|bytes| bytes.contains(&0))
    }

    /// Whether a file of secrets is something else besides: what may run, what lies where all is read or run, what a link of the
    /// host's leads to from there, and what the set knows to be read. A link of a user's says nothing: his secrets are not run by the host.
    fn may_run(&mut self, found: &Found<'_>, content: &Content) -> bool {
        let Some(beginning) = self.beginning(content) else { return false };
        if found.group.form == Form::Withheld {
            return secret::is_program(&beginning);
        }
        let is_linked_to = found.host_link.as_deref().is_some_and(secret::is_run_from);
        let is_read = self.set.is_read.is_some_and(|is_read| is_read(&found.path));
        is_linked_to || is_read || secret::may_run(&found.path, &beginning)
    }

    /// The first bytes of a file, where they can be read.
    fn beginning(&mut self, content: &Content) -> Option<Vec<u8>> {
        let (mut bytes, end) = (Vec::new(), content.stat.size.min(secret::BEGINNING));
        content.reader(0..end, &mut self.keeper.spare).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Programs are kept as they are: text that looks like a secret in them would be changed code. What is hidden depends on the
    /// file's own name and not on the pattern: a link may lead from any to any.
    fn without_secrets(&self, found: &Found<'_>, mut bytes: Vec<u8>, is_cut: bool, hidden: &mut u64) -> Vec<u8> {
        if self.hides(found.group.form) && !bytes.starts_with(b"\x7fELF") {
            if is_cut {
                *hidden += secret::mask_cut(&mut bytes);
            }
            if has_hashes(found) {
                *hidden += secret::mask_shadow(&mut bytes);
            }
            // In `passwd`, what looks like `user:password@host` is an account with an address in its comment.
            if !secret::is_accounts(&found.path) {
                let mask = if found.group.form == Form::Json { secret::mask_json } else { secret::mask };
                *hidden += mask(&mut bytes);
            }
            if is_secret(found) {
                *hidden += secret::mask_netrc(&mut bytes);
            }
        }
        bytes
    }

    fn tell_beyond(&self, evidence: &mut dyn Evidence) {
        for (whose, (files, bytes)) in &self.beyond {
            let (source, limit) = match whose {
                None => (self.set.table.as_bytes(), "the limit of one or of all together".to_owned()),
                Some(user) => {
                    let most = self.shares.most;
                    (
                        user.as_slice(),
                        format!("the share of this user, which is {most} bytes, or the limit of one or of all together"),
                    )
                }
            };
            let reason = format!("no room: {files} files of {bytes} bytes are beyond {limit}; their rows name them");
            evidence.gap(Gap::whole(source, reason));
        }
    }
}

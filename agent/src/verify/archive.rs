//! Archives (evidence format, section 5): a walk over the headers of a POSIX tar that counts its members and shows them to whoever
//! wants to see them.
//!
//! ```text
//! offset 0    100  124   136   148   156   157   257     263  345     500
//!        name  …   size  …     sum   type  link  ustar\0  …   prefix
//! ```
//!
//! Content is handed on or passed over, never kept. Only pax records are read, because `size` and `path` may stand there.

/// Bytes of a header and of the unit that content is padded to.
pub(crate) const BLOCK: usize = 512;
/// The most bytes of pax records of one member: paths and times need a few hundred.
const MAX_PAX: u64 = 1 << 20;
/// Where every member stands.
const ROOT: &[u8] = b"[root]";

/// Is shown the members of an archive. An error ends the walk.
pub(crate) trait Visitor {
    /// A member begins.
    ///
    /// # Errors
    /// When the visitor wants no more.
    fn begin(&mut self, member: &Head<'_>) -> Result<(), String>;

    /// A piece of the content of the member that began last.
    ///
    /// # Errors
    /// When the visitor wants no more.
    fn content(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// The member that began last is whole.
    ///
    /// # Errors
    /// When the visitor wants no more.
    fn end(&mut self) -> Result<(), String>;
}

/// Sees nothing.
impl Visitor for () {
    fn begin(&mut self, _: &Head<'_>) -> Result<(), String> {
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// What stands before the content of a member.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// Its path, which stands at `[root]` and has no `..`.
    pub(crate) path: &'a [u8],
    /// Its type: one of the digits of POSIX, or NUL for a file.
    pub(crate) kind: u8,
    /// Bytes of content.
    pub(crate) size: u64,
    block: &'a [u8],
    pax: &'a [u8],
}

impl Head<'_> {
    /// The target of a link.
    pub(crate) fn link(&self) -> Vec<u8> {
        self.record(b"linkpath").map_or_else(|| until_nul(field(self.block, 157, 100)).to_vec(), <[u8]>::to_vec)
    }

    /// The value of a pax record.
    pub(crate) fn record(&self, key: &[u8]) -> Option<&[u8]> {
        pax_value(self.pax, key).flatten()
    }

    /// Permissions.
    pub(crate) fn mode(&self) -> Option<u64> {
        number(field(self.block, 100, 8))
    }

    /// Owner.
    pub(crate) fn uid(&self) -> Option<u64> {
        self.record(b"uid").map_or_else(|| number(field(self.block, 108, 8)), decimal)
    }

    /// Group.
    pub(crate) fn gid(&self) -> Option<u64> {
        self.record(b"gid").map_or_else(|| number(field(self.block, 116, 8)), decimal)
    }
}

/// Counts the members of an archive as its content is handed over.
#[derive(Debug)]
pub(crate) struct Archive<V = ()> {
    /// Who is shown the members.
    pub(crate) visitor: V,
    block: Vec<u8>,
    state: State,
    pax: Vec<u8>,
    members: u64,
    ended: u8,
}

#[derive(Debug)]
enum State {
    /// A header comes next.
    Header,
    /// This many bytes of content come next, and then this many of padding.
    Content { left: u64, padding: u64 },
    /// This many bytes are passed over.
    Padding(u64),
    /// Pax records: bytes of them, and of their padding, still to come. Global ones are read and have no effect.
    Pax { left: u64, padding: u64, global: bool },
}

impl<V: Visitor> Archive<V> {
    /// A walk that shows `visitor` each member.
    pub(crate) fn new(visitor: V) -> Self {
        Self { visitor, block: Vec::with_capacity(BLOCK), state: State::Header, pax: Vec::new(), members: 0, ended: 0 }
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    /// Where it is not an archive of the format, or the visitor wants no more.
    pub(crate) fn take(&mut self, mut content: &[u8]) -> Result<(), String> {
        while !content.is_empty() {
            content = match self.state {
                State::Header => self.take_header(content)?,
                State::Content { left, padding } => self.take_content(content, left, padding)?,
                State::Padding(left) => {
                    let (rest, left) = skip(content, left);
                    self.state = if left == 0 { State::Header } else { State::Padding(left) };
                    rest
                }
                State::Pax { left, padding, global } => self.take_pax(content, left, padding, global),
            };
        }
        Ok(())
    }

    /// Whether content of a member comes next, and not what stands before one or ends the archive.
    pub(crate) fn is_within_content(&self) -> bool {
        matches!(self.state, State::Content { .. })
    }

    /// The number of members, if the archive is whole. One that is known to be `cut` may end anywhere; a member that it ends in does
    /// not count.
    ///
    /// # Errors
    /// Where it is cut off.
    pub(crate) fn finish(&self, cut: bool) -> Result<u64, String> {
        let between = matches!(self.state, State::Header) && self.block.is_empty() && self.pax.is_empty();
        // Padding belongs to a member; that of pax records stands before one.
        let within = match self.state {
            State::Content { .. } => true,
            State::Padding(_) => self.pax.is_empty(),
            State::Header | State::Pax { .. } => false,
        };
        match cut {
            true => Ok(self.members.saturating_sub(u64::from(within))),
            false if between && self.ended >= 2 => Ok(self.members),
            false => Err(self.error("is cut off")),
        }
    }

    fn take_content<'a>(&mut self, content: &'a [u8], left: u64, padding: u64) -> Result<&'a [u8], String> {
        let (rest, still) = skip(content, left);
        self.visitor.content(content.get(..content.len().saturating_sub(rest.len())).unwrap_or_default())?;
        if still == 0 {
            self.end_member(padding)?;
        } else {
            self.state = State::Content { left: still, padding };
        }
        Ok(rest)
    }

    fn end_member(&mut self, padding: u64) -> Result<(), String> {
        self.state = if padding == 0 { State::Header } else { State::Padding(padding) };
        self.visitor.end()
    }

    fn take_header<'a>(&mut self, content: &'a [u8]) -> Result<&'a [u8], String> {
        let (piece, rest) = content.split_at(content.len().min(BLOCK.saturating_sub(self.block.len())));
        self.block.extend_from_slice(piece);
        if self.block.len() == BLOCK {
            let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
            self.read_header(&block)?;
        }
        Ok(rest)
    }

    fn read_header(&mut self, block: &[u8]) -> Result<(), String> {
        if block.iter().all(|byte| *byte == 0) {
            self.ended = self.ended.saturating_add(1);
            return Ok(());
        }
        if self.ended > 0 {
            return Err(self.error("stands behind the end of the archive"));
        }
        if number(field(block, 148, 8)) != Some(checksum(block)) || field(block, 257, 6) != b"ustar\0" {
            return Err(self.error("has a damaged header"));
        }
        let size = number(field(block, 124, 12)).ok_or_else(|| self.error("has a damaged size"))?;
        match field(block, 156, 1) {
            b"x" => self.begin_pax(size, false),
            b"g" => self.begin_pax(size, true),
            [kind @ (b'0'..=b'7' | 0)] => self.begin_member(block, *kind, size),
            _ => Err(self.error("is of a type that a POSIX tar does not have")),
        }
    }

    fn begin_pax(&mut self, size: u64, global: bool) -> Result<(), String> {
        if size > MAX_PAX || !self.pax.is_empty() {
            return Err(self.error("has pax records that make no sense"));
        }
        self.state = State::Pax { left: size, padding: padding(size), global };
        Ok(())
    }

    fn begin_member(&mut self, block: &[u8], kind: u8, size: u64) -> Result<(), String> {
        let pax = std::mem::take(&mut self.pax);
        let value = |key| pax_value(&pax, key).ok_or_else(|| self.error("has damaged pax records"));
        let size = match value(b"size")? {
            Some(text) => decimal(text).ok_or_else(|| self.error("has a damaged size"))?,
            None => size,
        };
        let path = value(b"path")?.map_or_else(|| ustar_path(block), <[u8]>::to_vec);
        if !stands_at_root(&path) {
            return Err(self.error("does not stand below [root]/"));
        }
        let has_content = matches!(kind, b'0' | b'7' | 0);
        if !has_content && size > 0 {
            return Err(self.error("has content, which its type does not have"));
        }
        self.visitor.begin(&Head { path: &path, kind, size, block, pax: &pax })?;
        self.members = self.members.saturating_add(1);
        if size == 0 {
            return self.end_member(0);
        }
        self.state = State::Content { left: size, padding: padding(size) };
        Ok(())
    }

    fn take_pax<'a>(&mut self, content: &'a [u8], left: u64, padding: u64, global: bool) -> &'a [u8] {
        let (rest, still) = skip(content, left);
        let taken = content.len().saturating_sub(rest.len());
        if !global {
            self.pax.extend_from_slice(content.get(..taken).unwrap_or_default());
        }
        self.state = match (still, padding) {
            (0, 0) => State::Header,
            (0, padding) => State::Padding(padding),
            _ => State::Pax { left: still, padding, global },
        };
        rest
    }

    fn error(&self, what: &str) -> String {
        format!("archive member {} {what}", self.members.saturating_add(1))
    }
}

/// `content` without its first `left` bytes, and how many of them are still to come.
fn skip(content: &[u8], left: u64) -> (&[u8], u64) {
    let now = usize::try_from(left).unwrap_or(usize::MAX).min(content.len());
    (content.get(now..).unwrap_or_default(), left.saturating_sub(super::words::length(now)))
}

fn padding(size: u64) -> u64 {
    (512 - size % 512) % 512
}

fn field(block: &[u8], offset: usize, length: usize) -> &[u8] {
    block.get(offset..offset.saturating_add(length)).unwrap_or_default()
}

/// The sum of all bytes, those of the checksum's own field taken as blanks.
fn checksum(block: &[u8]) -> u64 {
    block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum()
}

/// A numeric field: octal digits, or big-endian with the highest bit set where they do not suffice.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        return rest.iter().try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? + u64::from(*byte)));
    }
    let mut digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| !matches!(byte, 0 | b' '));
    digits.try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'7' => value.checked_mul(8).map(|value| value + u64::from(byte - b'0')),
        _ => None,
    })
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The last value of `key` in pax records, `<length> <key>=<value>\n` with the length over all of it. The outer `None` is for
/// records that are damaged.
fn pax_value<'a>(mut records: &'a [u8], key: &[u8]) -> Option<Option<&'a [u8]>> {
    let mut value = None;
    while !records.is_empty() {
        let blank = records.iter().position(|byte| *byte == b' ')?;
        let length = usize::try_from(decimal(records.get(..blank)?)?).ok()?;
        let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
        value = record.strip_prefix(key).and_then(|rest| rest.strip_prefix(b"=")).or(value);
        records = records.get(length..)?;
    }
    Some(value)
}

fn ustar_path(block: &[u8]) -> Vec<u8> {
    let text = |offset, length| until_nul(field(block, offset, length));
    match text(345, 155) {
        b"" => text(0, 100).to_vec(),
        prefix => [prefix, b"/", text(0, 100)].concat(),
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Whether an extracted member stays below the archive's own folder.
fn stands_at_root(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/');
    parts.next() == Some(ROOT) && parts.all(|part| part != b"..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tar::{Builder, EntryType, Header};

    #[test]
    fn the_fuzzer_begins_with_an_archive() {
        let mut archive = Archive::new(());
        archive.take(include_bytes!("../../../fuzz/seeds/evidence/archive")).unwrap();
        assert_eq!(archive.finish(false), Ok(3));
    }

    fn header(size: u64, kind: EntryType) -> Header {
        let mut header = Header::new_ustar();
        header.set_size(size);
        header.set_entry_type(kind);
        header.set_mode(0o444);
        header
    }

    fn archive() -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        builder.append_data(&mut header(600, EntryType::Regular), "[root]/proc/1/stat", &[1; 600][..]).unwrap();
        let long = format!("[root]/{}", "a/".repeat(200));
        builder.append_pax_extensions([("path", long.as_bytes()), ("mtime", b"1.000000000")]).unwrap();
        builder.append_data(&mut header(3, EntryType::Regular), "[root]/short", &b"abc"[..]).unwrap();
        builder.append_link(&mut header(0, EntryType::Symlink), "[root]/proc/1/exe", "/sbin/init").unwrap();
        builder.append_data(&mut header(0, EntryType::Fifo), "[root]/run/fifo", &b""[..]).unwrap();
        builder.into_inner().unwrap()
    }

    fn count(content: &[u8], step: usize) -> Result<u64, String> {
        let mut archive = Archive::new(());
        content.chunks(step).try_for_each(|piece| archive.take(piece))?;
        archive.finish(false)
    }

    #[test]
    fn members_are_counted_however_the_archive_is_cut() {
        for step in [1, 511, 512, 513, 10_000] {
            assert_eq!(count(&archive(), step), Ok(4), "{step}");
        }
        assert_eq!(count(&[0; 1024], 100), Ok(0));
    }

    /// Path, target, mode and content of a member.
    type SeenMember = (Vec<u8>, Vec<u8>, Option<u64>, Vec<u8>);

    /// The members, and how many of them have ended.
    #[derive(Default)]
    struct Seen(Vec<SeenMember>, u64);

    impl Visitor for Seen {
        fn begin(&mut self, member: &Head<'_>) -> Result<(), String> {
            self.0.push((member.path.to_vec(), member.link(), member.mode(), Vec::new()));
            Ok(())
        }

        fn content(&mut self, bytes: &[u8]) -> Result<(), String> {
            self.0.last_mut().unwrap().3.extend_from_slice(bytes);
            Ok(())
        }

        fn end(&mut self) -> Result<(), String> {
            self.1 += 1;
            Ok(())
        }
    }

    #[test]
    fn a_visitor_sees_each_member_with_its_content() {
        for step in [1, 512, 777] {
            let mut walk = Archive::new(Seen::default());
            archive().chunks(step).for_each(|piece| walk.take(piece).unwrap());
            let Seen(seen, ended) = &walk.visitor;
            assert_eq!((seen.len(), *ended), (4, 4));
            assert_eq!((&seen[0].0[..], &seen[0].3), (&b"[root]/proc/1/stat"[..], &vec![1; 600]));
            assert_eq!((&seen[1].3[..], seen[1].2), (&b"abc"[..], Some(0o444)));
            assert!(seen[1].0.ends_with(b"/a/a/"), "its pax record has its path");
            assert_eq!((&seen[2].1[..], seen[3].3.len()), (&b"/sbin/init"[..], 0));
        }
    }

    #[test]
    fn a_cut_or_damaged_archive_is_told() {
        let good = archive();
        assert!(count(&good[..good.len() - 1024], 512).unwrap_err().contains("cut off"));
        assert!(count(&good[..700], 512).unwrap_err().contains("member 2 is cut off"));
        assert!(count(b"", 1).unwrap_err().contains("cut off"));
        // A header and 600 bytes of content in two blocks; then the pax records of the next member.
        for (length, members) in
            [(0, 0), (300, 0), (512, 0), (700, 0), (1111, 0), (1112, 0), (1535, 0), (1536, 1), (2000, 1), (2100, 1)]
        {
            let mut cut = Archive::new(());
            cut.take(&good[..length]).unwrap();
            assert_eq!(cut.finish(true), Ok(members), "{length}");
        }
        let mut bad = good.clone();
        bad[0] ^= 1;
        assert!(count(&bad, 512).unwrap_err().contains("member 1 has a damaged header"));
        assert!(count(&[good.as_slice(), &good].concat(), 512).unwrap_err().contains("behind the end"));
    }

    #[test]
    fn no_member_may_leave_the_root() {
        for path in ["etc/passwd", "[root]/../x", "[root]x/y"] {
            let mut builder = Builder::new(Vec::new());
            builder.append_pax_extensions([("path", path.as_bytes())]).unwrap();
            builder.append_data(&mut header(0, EntryType::Regular), "[root]/x", &b""[..]).unwrap();
            assert!(count(&builder.into_inner().unwrap(), 512).unwrap_err().contains("[root]"), "{path}");
        }
    }

    #[test]
    fn sizes_beyond_octal_are_read() {
        assert_eq!(number(b"00000000017\0"), Some(15));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), Some(2 << 32));
        assert_eq!(number(&[0x80, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]), None);
        assert_eq!(number(b"9"), None);
        assert_eq!(pax_value(b"9 size=1\n10 size=22\n", b"size"), None);
        assert_eq!(pax_value(b"9 size=1\n11 size=22\n", b"size"), Some(Some(&b"22"[..])));
        assert_eq!(pax_value(b"9 size=1\n", b"path"), Some(None));
        assert_eq!(pax_value(b"99 size=1\n", b"size"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), at in 0_usize..2000, step in 1_usize..600) {
            let _ = count(&bytes, step);
            let _ = pax_value(&bytes, b"size");
            let mut damaged = archive();
            bytes.iter().zip(damaged.iter_mut().skip(at)).for_each(|(byte, place)| *place = *byte);
            let _ = count(&damaged, step);
        }
    }
}

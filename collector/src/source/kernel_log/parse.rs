//! Records of `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg):
//!
//! ```text
//! priority,sequence,microseconds,flags[,more…];text
//!  KEY=value
//!  KEY=value
//! ```
//!
//! Bytes that are not printable, and the backslash, are written `\xNN`.

use crate::source::text;

/// Level names by number (syslog(2)).
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
/// Facility names by number (syslog(3)).
const FACILITIES: [&str; 12] =
    ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    priority: u64,
    /// Number of the record; gaps are records that were lost.
    pub sequence: u64,
    /// Microseconds since boot, by the clock of the processor that wrote it.
    pub timestamp_us: u64,
    /// `-`, or `c` and `+` for pieces of a line.
    pub flags: Vec<u8>,
    /// Thread `T…` or processor `C…` that wrote it, where the kernel notes that (`CONFIG_PRINTK_CALLER`).
    pub caller: Option<Vec<u8>>,
    /// The text, escapes undone.
    pub text: Vec<u8>,
    /// `KEY=value` lines, escapes undone.
    pub dictionary: Vec<Vec<u8>>,
}

impl Record {
    /// Parses one record; `None` where its head is not of that form.
    pub(super) fn parse(record: &[u8]) -> Option<Self> {
        let (head, rest) = record.split_at(record.iter().position(|b| *b == b';')?);
        let mut fields = head.split(|b| *b == b',');
        let mut lines = rest.get(1..)?.split(|b| *b == b'\n');
        Some(Self {
            priority: unsigned(fields.next()?)?,
            sequence: unsigned(fields.next()?)?,
            timestamp_us: unsigned(fields.next()?)?,
            flags: fields.next()?.to_owned(),
            caller: fields.find_map(|field| field.strip_prefix(b"caller=")).map(<[u8]>::to_owned),
            text: unescape(lines.next()?),
            dictionary: lines.filter_map(|line| line.strip_prefix(b" ")).map(unescape).collect(),
        })
    }

    /// Severity, 0 (worst) to 7.
    pub(super) fn level(&self) -> u64 {
        self.priority & 7
    }

    /// The severity's name.
    pub(super) fn level_name(&self) -> &'static str {
        name(&LEVELS, self.level())
    }

    /// Who wrote it: 0 is the kernel; anything else came from a program that wrote to `/dev/kmsg`.
    pub(super) fn facility(&self) -> u64 {
        self.priority >> 3
    }

    /// The facility's name; empty where it has none.
    pub(super) fn facility_name(&self) -> &'static str {
        name(&FACILITIES, self.facility())
    }
}

fn name(names: &[&'static str], number: u64) -> &'static str {
    usize::try_from(number).ok().and_then(|number| names.get(number)).copied().unwrap_or_default()
}

fn unsigned(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The records in a log: each begins a line that does not begin with a blank.
pub(super) fn records(log: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let (mut rest, mut end) = (log, 0);
    for line in log.split_inclusive(|b| *b == b'\n') {
        if end > 0 && line.first() != Some(&b' ') {
            let (record, tail) = rest.split_at(end.min(rest.len()));
            records.push(record);
            (rest, end) = (tail, 0);
        }
        end += line.len();
    }
    records.push(rest);
    records.into_iter().map(|record| record.strip_suffix(b"\n").unwrap_or(record)).filter(|record| !record.is_empty()).collect()
}

/// Undoes `\xNN`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = tail.split_at_checked(3).filter(|_| *byte == b'\\').and_then(|(code, tail)| Some((hex(code)?, tail)));
        let (value, next) = escaped.unwrap_or((*byte, tail));
        out.push(value);
        rest = next;
    }
    out
}

fn hex(code: &[u8]) -> Option<u8> {
    let digits = code.strip_prefix(b"x").filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    text::hexadecimal(digits).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_head_is_cut_and_the_escapes_undone() {
        let record = Record::parse(b"30,7,14,c,caller=T1,new=x;a\\x5cx;b\\xff\\x0\\\n KEY=\\x0a\n").unwrap();
        assert_eq!(
            (record.level_name(), record.facility_name(), record.sequence, record.timestamp_us),
            ("info", "daemon", 7, 14)
        );
        assert_eq!((record.flags.as_slice(), record.caller.unwrap().as_slice()), (&b"c"[..], &b"T1"[..]));
        assert_eq!(record.text, b"a\\x;b\xff\\x0\\");
        assert_eq!(record.dictionary, [b"KEY=\n"]);
    }

    #[test]
    fn other_heads_are_refused() {
        for wrong in
            [&b""[..], b"6,1,2;no flags", b"6,1,99999999999999999999999,-;x", b"6,-1,2,-;x", b"no semicolon", b"\xff,1,2,-;x"]
        {
            assert_eq!(Record::parse(wrong), None);
        }
    }

    #[test]
    fn records_keep_their_dictionaries() {
        assert_eq!(records(b" lost\n1;a\n K=v\n2;b\n\n3;c"), [&b" lost"[..], b"1;a\n K=v", b"2;b", b"3;c"]);
        assert!(records(b"").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            records(&bytes);
            Record::parse(&bytes);
        }

        #[test]
        fn anything_with_a_head_parses(head in "[0-9]{1,22},[0-9]{1,22},[0-9]{1,22},.?", text: Vec<u8>) {
            Record::parse(&[head.as_bytes(), b";", &text].concat());
        }

        #[test]
        fn no_byte_of_a_log_is_lost(bytes: Vec<u8>) {
            let newlines = |bytes: &[u8]| bytes.iter().filter(|b| **b != b'\n').count();
            prop_assert_eq!(records(&bytes).iter().map(|record| newlines(record)).sum::<usize>(), newlines(&bytes));
        }
    }
}

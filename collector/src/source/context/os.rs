//! Table `os_version`: which distribution is installed, by its own files.

use std::collections::BTreeMap;

use crate::model::Row;
use crate::source::Stop;
use crate::source::keep::{self, Keeper};
use crate::source::text;

/// Other files by which distributions name themselves; kept, not parsed.
const OTHERS: [&str; 8] = [
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc/system-release",
    "/etc/system-release-cpe",
    "/etc/alpine-release",
    "/etc/SuSE-release",
    "/etc/lsb-release",
    "/etc/image-id",
];

pub(super) fn acquire(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/etc/os-release");
    let mut text = keep::content(&mut row, "os-release", keeper.file(b"/etc/os-release")?);
    if text.is_none() {
        text = keep::content(&mut row, "os-release", keeper.file(b"/usr/lib/os-release")?);
    }
    columns(&mut row, &parse(&text.unwrap_or_default()));
    row.text("arch", &keeper.host.identity.facts.machine);
    for path in OTHERS {
        keeper.file(path.as_bytes())?.ok();
    }
    keeper.evidence.row("os_version", &row)
}

/// The columns of osquery, from the variables that it takes for them.
fn columns(row: &mut Row, variables: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let variable = |name: &str| variables.get(name.as_bytes());
    let named = [
        ("name", "NAME"),
        ("version", "VERSION"),
        ("build", "BUILD_ID"),
        ("platform", "ID"),
        ("platform_like", "ID_LIKE"),
        ("codename", "VERSION_CODENAME"),
        ("pretty_name", "PRETTY_NAME"),
        ("version_id", "VERSION_ID"),
        ("cpe_name", "CPE_NAME"),
        ("variant", "VARIANT_ID"),
    ];
    for (column, name) in named {
        if let Some(value) = variable(name) {
            row.bytes(column, value);
        }
    }
    let id = variable("VERSION_ID").map(Vec::as_slice).unwrap_or_default();
    for (column, part) in ["major", "minor", "patch"].into_iter().zip(id.split(|b| *b == b'.')) {
        if let Some(number) = text::number(part) {
            row.int(column, number);
        }
    }
}

/// The variables of os-release(5): shell assignments without expansion. The last of a name counts, as in a shell.
pub(crate) fn parse(text: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let assignment = |line: &[u8]| {
        let line = line.trim_ascii();
        let equals = line.iter().position(|b| *b == b'=').filter(|_| line.first() != Some(&b'#'))?;
        let (name, value) = line.split_at(equals);
        Some((name.to_owned(), unquote(value.get(1..).unwrap_or_default())))
    };
    text::lines(text).filter_map(assignment).collect()
}

/// Undoes the quotes of a shell: none, single, or double with backslash before `"`, `$`, `` ` `` and `\`.
fn unquote(value: &[u8]) -> Vec<u8> {
    let value = value.trim_ascii();
    if let Some(inside) = value.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'")) {
        return inside.to_owned();
    }
    let inside = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    let mut out = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match bytes.next_if(|next| byte == b'\\' && b"\"$`\\'".contains(next)) {
            Some(escaped) => out.push(escaped),
            None => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::source::Evidence as _;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    #[test]
    fn quotes_are_undone_and_the_version_is_cut() {
        let variables = parse(b"# x=y\nNAME=\"A \\\"B\\\"\"\nID='d'\nVERSION_ID=22.04\nVERSION=\"\xff\"\nbroken\nID=ubuntu\n");
        let mut row = Row::new(Timestamp::from_seconds(0), "x");
        columns(&mut row, &variables);
        let mut evidence = Recorded::default();
        evidence.row("os_version", &row).unwrap();
        let row = &evidence.rows("os_version")[0];
        assert_eq!((&row["name"], &row["platform"]), (&"A \"B\"".into(), &"ubuntu".into()));
        assert_eq!((&row["major"], &row["minor"]), (&22.into(), &4.into()));
        assert_eq!(row["version_b64"], "/w==");
        assert!(row.get("patch").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            parse(&bytes);
        }
    }
}

//! What systemd-logind notes below `/run/systemd`: files of `NAME=value` lines. Private to systemd, so little is read of them,
//! and all of it is kept.

use crate::host::{Host, read};
use crate::model::{Row, escape};
use crate::source::keep::{self, Keeper};
use crate::source::text;
use crate::source::{Evidence, Stop};

/// Folders below `/run/systemd`, and the type of login that their files stand for, where they do.
const FOLDERS: [(&str, Option<&str>); 5] =
    [("sessions", Some("logind")), ("users", None), ("seats", None), ("inhibit", None), ("machines", None)];

/// Variables of a session's file and their columns.
const TEXTS: [(&str, &str); 8] = [
    ("user", "USER"),
    ("tty", "TTY"),
    ("host", "REMOTE_HOST"),
    ("remote_user", "REMOTE_USER"),
    ("service", "SERVICE"),
    ("session_class", "CLASS"),
    ("session_type", "TYPE"),
    ("session_state", "STATE"),
];

/// Keeps every file and writes a row for each session. Whether there was any.
pub(super) fn acquire(host: &Host, evidence: &mut dyn Evidence) -> Result<bool, Stop> {
    let mut found = false;
    for (folder, login) in FOLDERS {
        let folder = format!("/run/systemd/{folder}");
        for name in host.files.names(&folder).unwrap_or_default() {
            let path = [folder.as_bytes(), b"/", &name].concat();
            // Beside each session's file lies a FIFO that logind watches.
            if !host.files.stat(&path).is_ok_and(|stat| stat.is_regular()) {
                continue;
            }
            let kept = Keeper { host, evidence }.file(&path)?;
            found = true;
            if let Some(login) = login {
                evidence.row("logged_in_users", &session(host, &path, &name, login, kept))?;
            }
        }
    }
    Ok(found)
}

fn session(host: &Host, path: &[u8], name: &[u8], login: &str, kept: Result<read::Bytes, crate::host::ReadError>) -> Row {
    let mut row = Row::new(host.clock.now(), escape::bytes(path));
    row.text("type", login).bytes("session_id", name);
    if let Some(text) = keep::content(&mut row, "session", kept) {
        columns(&mut row, &text);
    }
    row
}

fn columns(row: &mut Row, text: &[u8]) {
    for (column, variable) in TEXTS {
        if let Some(value) = value(text, variable) {
            row.bytes(column, &value);
        }
    }
    let number = |variable: &str| value(text, variable).and_then(|value| text::number(&value));
    if let Some(micros) = number("REALTIME") {
        row.int("time", micros.div_euclid(1_000_000)).int("time_ns", i128::from(micros) * 1000);
    }
    for (column, variable) in [("pid", "LEADER"), ("uid", "UID"), ("remote", "REMOTE"), ("audit_session", "AUDIT")] {
        if let Some(value) = number(variable) {
            row.int(column, value);
        }
    }
}

/// The value of `variable`; systemd quotes with double quotes and escapes with backslashes (the C way, which only control
/// characters need: those stay as they are written).
fn value(text: &[u8], variable: &str) -> Option<Vec<u8>> {
    let assigned = |line: &'_ [u8]| Some(line.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?.trim_ascii().to_owned());
    let value = text::lines(text).find_map(assigned)?;
    let inside = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).map(<[u8]>::to_owned);
    Some(inside.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn values_are_unquoted_and_whole_names_count() {
        let text = b"# comment\nUSERNAME=x\nUSER=\"a b\"\nTTY=\nREALTIME=99999999999999999999\n";
        assert_eq!(value(text, "USER").unwrap(), b"a b");
        assert_eq!((value(text, "TTY").unwrap(), value(text, "HOST")), (vec![], None));
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            columns(&mut Row::new(Timestamp::from_seconds(0), "x"), &bytes);
        }

        #[test]
        fn any_time_parses(number: i64) {
            columns(&mut Row::new(Timestamp::from_seconds(0), "x"), format!("REALTIME={number}\nLEADER={number}\n").as_bytes());
        }
    }
}

//! Events for Timesketch, one JSON object a line: `message`, `datetime` and `timestamp_desc`, which it asks for, `timestamp` in
//! microseconds, `data_type`, and where the event is from: artefact, table's row, host.

use hozen_collector::model::{Timestamp, escape};
use serde_json::{Map, Value, json};

use super::stat_row::{self, StatRow, TIMES};

/// Rows of a table that are events of their own.
struct Moment {
    table: &'static str,
    time: &'static str,
    description: &'static str,
    data_type: &'static str,
    /// Columns that make the message, in this order.
    says: &'static [&'static str],
}

/// Every table of events. Files have four times each, and are told apart.
const MOMENTS: [Moment; 8] = [
    Moment {
        table: "processes",
        time: "start",
        description: "Process Start Time",
        data_type: "linux:process:start",
        says: &["pid", "parent", "uid", "name", "path", "cmdline"],
    },
    Moment {
        table: "last",
        time: "time",
        description: "Login Record Time",
        data_type: "linux:utmp:event",
        says: &["type_name", "username", "tty", "host", "pid"],
    },
    Moment {
        table: "failed_logins",
        time: "time",
        description: "Failed Login Time",
        data_type: "linux:btmp:event",
        says: &["type_name", "username", "tty", "host", "pid"],
    },
    Moment {
        table: "logged_in_users",
        time: "time",
        description: "Login Time",
        data_type: "linux:utmp:event",
        says: &["type", "user", "tty", "host", "pid"],
    },
    Moment {
        table: "lastlog",
        time: "time",
        description: "Last Login Time",
        data_type: "linux:lastlog:event",
        says: &["uid", "tty", "host"],
    },
    Moment {
        table: "shell_history",
        time: "time",
        description: "Command Execution Time",
        data_type: "shell:history:command",
        says: &["username", "command", "history_file"],
    },
    Moment {
        table: "process_open_sockets",
        time: "",
        description: "Time of Collection",
        data_type: "linux:socket",
        says: &["pid", "local_address", "local_port", "remote_address", "remote_port", "state"],
    },
    Moment {
        table: "findings",
        time: "",
        description: "Time of Collection",
        data_type: "hozen:finding",
        says: &["finding", "about", "pid", "name", "path"],
    },
];

/// What lines of these tables must have, so that others need not be parsed.
pub(super) fn is_of_interest(table: &str) -> bool {
    MOMENTS.iter().any(|moment| moment.table == table)
}

/// The events of a row of `table`, each a line with its newline.
pub(super) fn lines(table: &str, row: &Map<String, Value>) -> Vec<String> {
    let own = MOMENTS.iter().filter(|moment| moment.table == table).filter_map(|moment| {
        let says = moment.says.iter().filter_map(|column| Some(format!("{column}: {}", shown(row, column)?)));
        let message = says.collect::<Vec<_>>().join(", ");
        line(row, when(row, moment.time)?, moment.description, moment.data_type, &message)
    });
    own.collect()
}

/// The events of a file: one for each of its times.
pub(super) fn file(row: &Map<String, Value>, stat: &StatRow) -> Vec<String> {
    let path = escape::bytes(&stat.path);
    let target = stat.target.as_ref().map(|target| format!(" -> {}", escape::bytes(target))).unwrap_or_default();
    let message = format!("{path}{target} ({}, {}, uid {}, {} bytes)", stat.kind, stat.permissions(), stat.uid, stat.size);
    let times = TIMES.iter().zip(stat.times);
    times.filter_map(|((_, description), time)| line(row, time?, description, "fs:stat", &message)).collect()
}

/// When: by the column, or when the row was made. A zero says that it is not known.
fn when(row: &Map<String, Value>, column: &str) -> Option<i128> {
    if column.is_empty() {
        let collected: Timestamp = row.get("collected_at")?.as_str()?.parse().ok()?;
        return Some(collected.nanoseconds());
    }
    stat_row::nanoseconds(row, column).filter(|time| *time != 0)
}

/// A column as text: bytes that are none are escaped.
fn shown(row: &Map<String, Value>, column: &str) -> Option<String> {
    match row.get(column) {
        Some(Value::String(text)) => Some(escape::bytes(text.as_bytes())),
        Some(value) => Some(value.to_string()),
        None => stat_row::bytes(row, column).map(|bytes| escape::bytes(&bytes)),
    }
}

fn line(row: &Map<String, Value>, time: i128, description: &str, data_type: &str, message: &str) -> Option<String> {
    let stamp = Timestamp::from_nanoseconds(time);
    // Times that no calendar has are left out.
    if stamp.nanoseconds() != time {
        return None;
    }
    let microseconds = i64::try_from(time.div_euclid(1000)).ok()?;
    let whole = Timestamp::from_nanoseconds(i128::from(microseconds) * 1000).to_string();
    let datetime = format!("{}+00:00", whole.strip_suffix("000Z").unwrap_or(&whole));
    let mut event = json!({
        "message": shortened(message), "datetime": datetime, "timestamp": microseconds, "timestamp_desc": description,
        "data_type": data_type,
    });
    let from = [("artefact", "artefact"), ("row", "seq"), ("hostname", "host_id"), ("source", "source"), ("pid", "pid")];
    if let Some(event) = event.as_object_mut() {
        let known = from.into_iter().filter_map(|(name, column)| Some((name.to_owned(), row.get(column)?.clone())));
        event.extend(known);
    }
    Some(format!("{event}\n"))
}

/// OpenSearch takes no keyword longer than 32,766 bytes.
fn shortened(message: &str) -> &str {
    let mut end = message.len().min(32_000);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_process_is_an_event_at_its_start() {
        let process = row(
            json!({"artefact": "processes", "seq": 3, "host_id": "i-1", "pid": 7, "name": "a\u{1b}b", "start_ns": 1_500_000_000_123_456_789_i64}),
        );
        let told = lines("processes", &process);
        let event: Value = serde_json::from_str(&told[0]).unwrap();
        assert_eq!(
            (&event["datetime"], &event["timestamp"]),
            (&"2017-07-14T02:40:00.123456+00:00".into(), &1_500_000_000_123_456_i64.into())
        );
        assert_eq!((&event["message"], &event["row"]), (&"pid: 7, name: a\\x1bb".into(), &3.into()));
        assert!(told[0].ends_with("}\n") && told.len() == 1);
        assert_eq!(lines("mounts", &process), [""; 0]);
    }

    #[test]
    fn a_row_without_a_time_is_no_event() {
        assert_eq!(lines("last", &row(json!({"username": "a", "time": 0}))), [""; 0]);
        assert_eq!(lines("findings", &row(json!({"finding": "x"}))), [""; 0]);
        assert_eq!(lines("last", &row(json!({"time_ns": i64::MAX}))).len(), 1);
    }

    #[test]
    fn a_file_is_an_event_for_each_of_its_times() {
        let file_row = row(json!({"path": "/x", "inode": 1, "mode": "0644", "type": "regular", "mtime": 5, "ctime": 6}));
        let told = file(&file_row, &StatRow::of(&file_row).unwrap());
        assert!(
            told.len() == 2
                && told[0].contains("Content Modification Time")
                && told[1].contains("1970-01-01T00:00:06.000000+00:00"),
            "{told:?}"
        );
    }

    #[test]
    fn a_long_message_is_cut_between_letters() {
        assert_eq!(shortened(&"\u{e4}".repeat(20_000)).len(), 32_000);
        assert!(shortened(&format!("x{}", "\u{e4}".repeat(20_000))).len() == 31_999);
    }
}

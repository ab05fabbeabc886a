//! Table `clocks`: all clocks read together, how well the wall clock is disciplined, and how far the battery clock is off.

use crate::host::clock::{self, Sample};
use crate::model::Row;
use crate::source::keep::{self, Keeper};
use crate::source::text;
use crate::source::{Member, Stop};

/// Chrony's own notes of its clock, where it keeps them.
const CHRONY: [&str; 2] = ["/var/lib/chrony/drift", "/var/lib/chrony/chrony.drift"];

pub(super) fn acquire(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "clock_gettime");
    let wall = if keeper.host.live { sample(&mut row) } else { None };
    let rtc = keep::column(&mut row, "rtc_time", keeper.sys("class/rtc/rtc0/since_epoch")?);
    if let (Some(wall), Some(rtc)) = (wall, rtc.and_then(|rtc| text::number(&rtc))) {
        row.int("rtc_behind_seconds", wall - i128::from(rtc));
    }
    keep::column(&mut row, "rtc_set_clock_at_boot", keeper.sys("class/rtc/rtc0/hctosys")?);
    let clocksource = "devices/system/clocksource/clocksource0";
    keep::column(&mut row, "clocksource", keeper.sys(&format!("{clocksource}/current_clocksource"))?);
    keep::column(&mut row, "available_clocksources", keeper.sys(&format!("{clocksource}/available_clocksource"))?);
    if keeper.host.live {
        discipline(&mut row);
    }
    for path in CHRONY {
        if keep::column(&mut row, "chrony_drift", keeper.file(path.as_bytes())?).is_some() {
            break;
        }
    }
    timezone(&mut row, keeper)?;
    keeper.evidence.row("clocks", &row)
}

/// Adds every clock, and returns the wall clock's seconds.
fn sample(row: &mut Row) -> Option<i128> {
    let sample = Sample::take();
    let mut wall = None;
    for (name, time, resolution) in &sample.clocks {
        if *name == "realtime" {
            wall = Some(time.div_euclid(1_000_000_000));
            row.int("unix_time", time.div_euclid(1_000_000_000));
        }
        row.int(&format!("{name}_ns"), *time).int(&format!("{name}_resolution_ns"), *resolution);
    }
    row.int("window_ns", sample.window_ns);
    wall
}

fn discipline(row: &mut Row) {
    match clock::discipline() {
        Ok(state) => {
            row.text("adjtimex_state", state.state).int("adjtimex_offset_ns", state.offset_ns);
            row.int("adjtimex_frequency", state.frequency).int("adjtimex_max_error_us", state.max_error_us);
            row.int("adjtimex_estimated_error_us", state.estimated_error_us).int("adjtimex_status", state.status);
            row.flag("unsynchronised", state.unsynchronised).int("tai_offset", state.tai_offset);
        }
        Err(errno) => row.error("adjtimex", format!("{errno:?}")),
    }
}

/// The local time zone is a link to a file; both name and content say which.
fn timezone(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let path = b"/etc/localtime";
    if let Ok(target) = keeper.host.files.link(path) {
        keeper.evidence.raw(&Member::symlink(path, &target), b"")?;
        row.bytes("local_timezone", target.rsplit(|b| *b == b'/').next().unwrap_or_default()).bytes("localtime_target", &target);
        let followed = keeper.host.files.file(path, crate::host::read::SMALL);
        let resolved = from_etc(&target);
        keeper.keep(&resolved, followed).map(drop)?;
    } else {
        keeper.file(path).map(drop)?;
    }
    keep::column(row, "etc_timezone", keeper.file(b"/etc/timezone")?);
    Ok(())
}

/// The absolute path that a link in `/etc` means by `target`.
fn from_etc(target: &[u8]) -> Vec<u8> {
    match (target.first(), target.strip_prefix(b"..")) {
        (Some(b'/'), _) => target.to_owned(),
        (_, Some(above)) => above.to_owned(),
        _ => [b"/etc/", target].concat(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn links_of_etc_are_made_absolute() {
        for target in ["/usr/share/zoneinfo/UTC", "../usr/share/zoneinfo/UTC"] {
            assert_eq!(super::from_etc(target.as_bytes()), b"/usr/share/zoneinfo/UTC");
        }
        assert_eq!(super::from_etc(b"tz"), b"/etc/tz");
    }
}

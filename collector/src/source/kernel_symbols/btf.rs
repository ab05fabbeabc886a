//! The kernel's types, and those of each loaded module, as it shows them (Documentation/bpf/btf.rst).

use super::Reader;
use crate::host::ReadError;
use crate::model::Gap;
use crate::source::Stop;

/// The folder below `/sys`.
const FOLDER: &str = "kernel/btf";
/// The most that is read of one file; a distribution's vmlinux has 4 to 10 MiB.
const MOST_OF_ONE: usize = 64 << 20;
/// The most that is read of all of them.
const MOST: usize = 256 << 20;

/// Keeps them all; the row says how much there is. False where the kernel has none.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<bool, Stop> {
    let names = match reader.keeper.host.sys.names(FOLDER) {
        Ok(names) => names,
        Err(error) => {
            none(reader, &error);
            return Ok(false);
        }
    };
    // The kernel's own first: without it those of modules cannot be read.
    let (own, modules): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name == b"vmlinux");
    let mut left = MOST;
    let size = one(reader, own.first().map_or(b"vmlinux", Vec::as_slice), &mut left)?;
    let mut count = 0_i64;
    for name in &modules {
        count += i64::from(one(reader, name, &mut left)?.is_some());
    }
    reader.row.flag("btf", size.is_some()).int("btf_modules", count);
    match size {
        Some(size) => drop(reader.row.int("btf_size", i64::try_from(size).unwrap_or(i64::MAX))),
        None => reader.reasons.push("there are no types of the kernel itself in /sys/kernel/btf".to_owned()),
    }
    Ok(size.is_some())
}

/// Keeps one file; how many bytes it has, if it could be read whole.
fn one(reader: &mut Reader<'_>, name: &[u8], left: &mut usize) -> Result<Option<usize>, Stop> {
    let host = reader.keeper.host;
    let path = [FOLDER.as_bytes(), b"/", name].concat();
    let kept = reader.keeper.below_within(&host.sys, &path, MOST_OF_ONE.min(*left))?;
    let Ok(bytes) = kept else {
        return Ok(None);
    };
    *left -= bytes.bytes.len();
    if bytes.truncated {
        reader.row.error("btf", "truncated");
    }
    Ok((!bytes.truncated && !bytes.bytes.is_empty()).then_some(bytes.bytes.len()))
}

fn none(reader: &mut Reader<'_>, error: &ReadError) {
    reader.row.flag("btf", false);
    if error.is_gone() {
        reader.reasons.push("the kernel has no BTF (no CONFIG_DEBUG_INFO_BTF)".to_owned());
    } else {
        reader.row.error("btf", error.reason.word());
        reader.reasons.push(error.to_string());
        let gap = Gap::whole(&error.path, error.reason.to_string());
        reader.keeper.evidence.gap(if error.is_denied() { gap.refused() } else { gap });
    }
}

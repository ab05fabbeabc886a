//! What only the kernel's own memory says, read through `/proc/kcore`: its notes, and the banner that an image is recognised by.
//!
//! `/proc/version` is another text on some distributions; Volatility wants the bytes of `linux_banner`.

use super::kallsyms::Landmarks;
use super::member;
use super::vmcoreinfo::VmCoreInfo;
use super::{Reader, banner_in};
use crate::host::ReadError;
use crate::host::physical::{self, Way};
use crate::model::Gap;
use crate::source::kcore::{self, Headers};
use crate::source::{Member, Stop};

/// More than any banner has.
const BANNER: usize = 1024;
/// How far behind the beginning of the kernel its banner is looked for: code and constants of the largest kernels.
const SEARCH: u64 = 64 << 20;
/// Bytes that are searched at once.
const PIECE: usize = 1 << 20;

/// Reads what there is; the row has the banner.
pub(super) fn read(reader: &mut Reader<'_>, release: &[u8], running: &Landmarks) -> Result<Option<VmCoreInfo>, Stop> {
    let host = reader.keeper.host;
    if !host.proc.stat("kcore").is_ok_and(|stat| stat.is_regular()) {
        reader.row.flag("kcore", false);
        reader.reasons.push("no /proc/kcore (no CONFIG_PROC_KCORE, or it is masked in this container)".to_owned());
        return Ok(None);
    }
    let opened = physical::Reader::open(host, Way::Kcore);
    let read = opened.and_then(|mut core| Headers::read(&mut core).map(|headers| (core, headers)));
    reader.row.flag("kcore", read.is_ok());
    match read {
        Ok((mut core, headers)) => {
            keep(reader, member::KCORE_HEADERS, &headers.bytes)?;
            let info = notes(reader, &mut core, &headers)?;
            banner(reader, &mut core, &headers, release, running, info.as_ref())?;
            Ok(info)
        }
        Err(error) => {
            refused(reader, &error);
            Ok(None)
        }
    }
}

fn keep(reader: &mut Reader<'_>, member: &str, bytes: &[u8]) -> Result<(), Stop> {
    reader.keeper.evidence.raw(&Member::pseudo(member.as_bytes()), bytes)
}

/// Lockdown, a missing capability or a broken header: said in the row and as a gap.
fn refused(reader: &mut Reader<'_>, error: &ReadError) {
    reader.row.error("kcore", error.reason.word());
    reader.reasons.push(error.to_string());
    reader.keeper.evidence.gap(error.gap());
}

fn notes(reader: &mut Reader<'_>, core: &mut physical::Reader, headers: &Headers) -> Result<Option<VmCoreInfo>, Stop> {
    match headers.notes(core) {
        Ok(Some(bytes)) => {
            keep(reader, member::KCORE_NOTES, &bytes)?;
            let info = VmCoreInfo::among(&bytes);
            if info.is_none() {
                reader.reasons.push("the notes of /proc/kcore have no VMCOREINFO (Linux before 4.19)".to_owned());
            }
            Ok(info)
        }
        Ok(None) => Ok(None),
        Err(error) => {
            refused(reader, &error);
            Ok(None)
        }
    }
}

/// Reads the banner where `linux_banner` is, else where the kernel's constants hold one of this release.
fn banner(
    reader: &mut Reader<'_>,
    core: &mut physical::Reader,
    headers: &Headers,
    release: &[u8],
    running: &Landmarks,
    info: Option<&VmCoreInfo>,
) -> Result<(), Stop> {
    let begins = [b"Linux version ", release, b" ("].concat();
    let told = running.banner.and_then(|address| text_at(core, headers, address)).filter(|text| text.starts_with(&begins));
    let (found, from) = match told {
        Some(text) => (Some(text), "kallsyms"),
        None if release.is_empty() => (None, ""),
        None => {
            let begin = info.and_then(|info| info.address("SYMBOL(_stext)")).or(running.begin());
            let found = begin.map(|begin| search(reader, core, headers, begin, &begins)).transpose()?.flatten();
            (found.and_then(|address| text_at(core, headers, address)), "search")
        }
    };
    let Some(bytes) = found else {
        reader.reasons.push("the kernel's banner was not found in its memory".to_owned());
        reader.keeper.evidence.gap(Gap::whole(Way::Kcore.path().as_bytes(), "the kernel's banner was not found in it"));
        return Ok(());
    };
    keep(reader, member::BANNER, &bytes)?;
    reader.row.bytes("banner", banner_in(&bytes)).text("banner_from", from);
    Ok(())
}

/// What stands at an address of the kernel's; fewer bytes where its part ends. Nothing where it cannot be read.
fn text_at(core: &mut physical::Reader, headers: &Headers, address: u64) -> Option<Vec<u8>> {
    let (offset, room) = headers.place(address)?;
    kcore::exactly(core, offset, usize::try_from(room).unwrap_or(usize::MAX).min(BANNER)).ok()
}

/// Where `needle` stands in the kernel's memory, from `begin` on. What cannot be read holds none.
fn search(
    reader: &Reader<'_>,
    core: &mut physical::Reader,
    headers: &Headers,
    begin: u64,
    needle: &[u8],
) -> Result<Option<u64>, Stop> {
    let mut buffer = vec![0; PIECE];
    let step = PIECE - needle.len();
    let steps = SEARCH / u64::try_from(step).unwrap_or(u64::MAX);
    for number in 0..steps {
        reader.keeper.evidence.check()?;
        let Some(address) = number.checked_mul(u64::try_from(step).unwrap_or(0)).and_then(|into| begin.checked_add(into)) else {
            break;
        };
        let Some((offset, _)) = headers.place(address) else { break };
        let length = core.read_at(offset, &mut buffer).unwrap_or(0);
        let found = buffer.get(..length).unwrap_or_default().windows(needle.len()).position(|window| window == needle);
        if let Some(at) = found.and_then(|at| u64::try_from(at).ok()) {
            return Ok(address.checked_add(at));
        }
    }
    Ok(None)
}

//! What it takes to read an image of this kernel's memory: its types (BTF), its symbols, where it was loaded, and its banner as it
//! stands in memory. Collected right before memory, so that an image opens in Volatility without a debug package (`hozen symbols`).
//!
//! **Invariant:** verbatim bytes go into the archive; the row says what there is and every reason why something is not.

mod btf;
mod files;
mod in_memory;
pub mod kallsyms;
pub mod notes;
pub mod offset;
pub mod package;
#[cfg(test)]
mod tests;
pub mod vmcoreinfo;

use std::time::Duration;

use self::kallsyms::Landmarks;
use self::vmcoreinfo::VmCoreInfo;
use super::keep::{self, Keeper};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "kernel_symbols",
    category: Category::Kernel,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "/sys/kernel/btf, /proc/kallsyms, /boot, /proc/kcore, /sys/kernel/notes, /sys/kernel/vmcoreinfo",
    about: "What reads an image of this kernel's memory: BTF of kernel and modules, kallsyms, System.map, configuration, VMCOREINFO, \
            build id, and the banner as it stands in memory. `hozen symbols` makes Volatility's symbol file of it.",
    tables: &["kernel_symbols"],
};

/// The most that is read of `/proc/kallsyms`; a distribution's kernel with its modules has some 20 MiB.
pub(super) const KALLSYMS: usize = 64 << 20;

/// Members of the archive that are not files of the host (docs/evidence-format.md, section 5).
pub mod member {
    /// The ELF header and the program headers of `/proc/kcore`.
    pub const KCORE_HEADERS: &str = "/.hozen/kcore.headers";
    /// The notes of `/proc/kcore`, VMCOREINFO among them.
    pub const KCORE_NOTES: &str = "/.hozen/kcore.notes";
    /// What stands in the kernel's memory where `linux_banner` begins.
    pub const BANNER: &str = "/.hozen/linux_banner";
}

/// The banner in what stands at `linux_banner`: all up to its NUL, the newline included.
#[must_use]
pub fn banner_in(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

/// Reads them.
#[derive(Debug, Clone, Copy, Default)]
pub struct KernelSymbols;

impl Source for KernelSymbols {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut reader = Reader {
            keeper: Keeper { host, evidence },
            row: Row::new(host.clock.now(), "/sys/kernel/btf/vmlinux"),
            reasons: Vec::new(),
        };
        let found = reader.read()?;
        reader.row.json("reasons", &reader.reasons);
        reader.keeper.evidence.row("kernel_symbols", &reader.row)?;
        Ok(if found { Outcome::ok() } else { Outcome::because(Status::Absent, reader.reasons.join("; ")) })
    }
}

/// The parts share a row, and a list of what stands against a symbol file.
struct Reader<'a> {
    keeper: Keeper<'a>,
    row: Row,
    reasons: Vec<String>,
}

impl Reader<'_> {
    /// Reads all parts. False where there is nothing at all.
    fn read(&mut self) -> Result<bool, Stop> {
        let release = files::release(self)?;
        self.step(1);
        let has_btf = btf::read(self)?;
        self.step(2);
        let running = self.kallsyms()?;
        self.step(3);
        let map = files::system_map(self, &release)?;
        files::others(self, &release)?;
        self.step(4);
        let info = in_memory::read(self, &release, &running)?;
        self.whereabouts(info.as_ref(), &running, map.as_ref());
        self.step(5);
        Ok(has_btf || running.count > 0 || map.is_some() || info.is_some())
    }

    fn step(&mut self, done: u64) {
        self.keeper.evidence.progress(done, 5);
    }

    /// Keeps `/proc/kallsyms`; its addresses are all zero where the kernel hides them from us.
    fn kallsyms(&mut self) -> Result<Landmarks, Stop> {
        let kept = self.keeper.proc_within("kallsyms", KALLSYMS)?;
        let Some(text) = keep::content(&mut self.row, "kallsyms", kept) else {
            self.row.flag("kallsyms", false);
            self.reasons.push("no /proc/kallsyms can be read".to_owned());
            return Ok(Landmarks::default());
        };
        let marks = Landmarks::of(&text);
        self.row.flag("kallsyms", marks.is_placed()).int("kallsyms_symbols", marks.count);
        self.row.flag("kallsyms_data", marks.init_task.is_some());
        if !marks.is_placed() {
            let reason = "it shows no true addresses (kernel.kptr_restrict is 2, or we lack CAP_SYSLOG)";
            self.row.error("kallsyms", "addresses-hidden");
            self.reasons.push(format!("/proc/kallsyms: {reason}"));
            self.keeper.evidence.gap(Gap::whole(b"/proc/kallsyms", reason).refused());
        } else if marks.init_task.is_none() {
            self.reasons.push("/proc/kallsyms has no data symbols (the kernel has no CONFIG_KALLSYMS_ALL)".to_owned());
        }
        Ok(marks)
    }

    /// Where the kernel was loaded, compared with where it was linked for.
    fn whereabouts(&mut self, info: Option<&VmCoreInfo>, running: &Landmarks, map: Option<&Landmarks>) {
        let machine = &self.keeper.host.identity.facts.machine;
        if let Some((offset, from)) = offset::kernel_offset(info, running, map, machine) {
            self.row.hex("kernel_offset", offset).text("kernel_offset_from", from);
        }
        self.row.flag("vmcoreinfo", info.is_some());
        let Some(info) = info else { return };
        if let Some(base) = info.number("NUMBER(phys_base)") {
            self.row.int("phys_base", base);
        }
        if let Some(table) = info.address("SYMBOL(swapper_pg_dir)") {
            self.row.hex("swapper_pg_dir", table);
        }
        if let Some(five) = info.number("NUMBER(pgtable_l5_enabled)") {
            self.row.flag("five_level_page_tables", five == 1);
        }
    }
}

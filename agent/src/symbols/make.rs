//! The document and its provenance, out of what was collected.

use std::collections::BTreeMap;

use anyhow::anyhow;
use hozen_collector::model::{Digest, Timestamp, escape};
use hozen_collector::source::kernel_symbols::kallsyms::Landmarks;
use hozen_collector::source::kernel_symbols::vmcoreinfo::VmCoreInfo;
use hozen_collector::source::kernel_symbols::{banner_in, member, notes, offset, package};
use serde::Serialize;

use super::Failure;
use super::btf::Btf;
use super::evidence::Collected;
use super::globals;
use super::isf::{self, Document, Linux, Metadata, Origin, Producer, Types};
use super::map::stranger;
use super::table::{self, List};

/// The folder of BTF.
const BTF: &[u8] = b"/sys/kernel/btf/";
/// Symbols without which no plugin finds anything.
const NEEDED: [&str; 3] = ["init_task", "_text", "linux_banner"];

/// What a symbol file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Structs and unions.
    pub user_types: usize,
    /// Enumerations.
    pub enums: usize,
    /// Symbols.
    pub symbols: usize,
    /// Symbols whose type is known.
    pub typed_symbols: usize,
}

/// A symbol file before it is written.
#[derive(Debug)]
pub(super) struct Made {
    /// Name of the files, without an ending.
    pub(super) name: String,
    pub(super) document: Document,
    pub(super) provenance: Provenance,
    pub(super) counts: Counts,
}

/// What the symbol file was made of: what Volatility's format has no words for.
#[derive(Debug, Serialize)]
pub(super) struct Provenance {
    v: u8,
    tool: String,
    run: String,
    case: String,
    host: String,
    collected: Timestamp,
    archive: String,
    archive_sha256: Digest,
    /// Digest of the manifest whose receipt the archive has; absent where there was none to check against.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_sha256: Option<Digest>,
    kernel: Kernel,
    types: Vec<Source>,
    symbols: Vec<Source>,
    counts: Counts,
    /// What the reader should know.
    pub(super) warnings: Vec<String>,
    /// Of the symbol file; known when it is written.
    pub(super) isf_sha256: Option<Digest>,
}

/// The kernel that they are of.
#[derive(Debug, Serialize)]
struct Kernel {
    release: String,
    machine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    build_id: Option<String>,
    banner: String,
    /// How far KASLR moved it, and where that is known from; absent where only System.map is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    offset_from: &'static str,
}

/// A file of the host that something was taken of.
#[derive(Debug, Serialize)]
struct Source {
    path: String,
    sha256: Digest,
    size: usize,
}

/// Makes them.
pub(super) fn make(collected: &Collected) -> Result<Made, Failure> {
    let facts = Facts::of(collected)?;
    let mut warnings = facts.warnings(collected);
    let (types, sources) = types(collected, &facts, &mut warnings)?;
    let document = document(&facts, types);
    if let Some(name) = NEEDED.into_iter().find(|name| !document.symbols.contains_key(*name)) {
        let why =
            format!("/proc/kallsyms has no {name} (no data symbols: no CONFIG_KALLSYMS_ALL), and there is no System.map with it");
        return Err(facts.impossible(&why));
    }
    let typed = document.symbols.values().filter(|symbol| symbol.of != isf::Descriptor::void()).count();
    let counts = Counts {
        user_types: document.types.user_types.len(),
        enums: document.types.enums.len(),
        symbols: document.symbols.len(),
        typed_symbols: typed,
    };
    let provenance = provenance(collected, &facts, sources, counts, warnings);
    Ok(Made { name: facts.name(), document, provenance, counts })
}

/// What is known of the kernel before its types are read.
struct Facts<'a> {
    release: String,
    machine: &'a str,
    build_id: Option<String>,
    package: Option<String>,
    banner: &'a [u8],
    lists: Vec<List<'a>>,
    offset: u64,
    offset_from: &'static str,
    five_levels: bool,
    /// Why System.map is not used, if one was collected that is of another kernel.
    left_out: Option<String>,
}

impl<'a> Facts<'a> {
    fn of(collected: &'a Collected) -> Result<Self, Failure> {
        let machine = collected.begin.host.machine.as_str();
        let release = collected.begin.host.kernel.clone();
        let build_id = collected.file("/sys/kernel/notes").and_then(notes::build_id);
        let package = debug_package(collected, &release, machine);
        let mut facts = Self {
            release,
            machine,
            build_id,
            package,
            banner: banner_in(collected.file(member::BANNER).unwrap_or_default()),
            lists: Vec::new(),
            offset: 0,
            offset_from: "",
            five_levels: false,
            left_out: None,
        };
        let info = collected.file(member::KCORE_NOTES).and_then(VmCoreInfo::among);
        facts.five_levels = info.as_ref().and_then(|info| info.number("NUMBER(pgtable_l5_enabled)")) == Some(1);
        facts.place(collected, info.as_ref())?;
        if facts.banner.is_empty() {
            return Err(facts.impossible("the kernel's banner could not be read from its memory when it was collected, and Volatility knows an image by nothing else"));
        }
        Ok(facts)
    }

    /// Chooses the list of symbols, and finds how far the kernel lies from where it was linked for.
    fn place(&mut self, collected: &'a Collected, info: Option<&VmCoreInfo>) -> Result<(), Failure> {
        let running = collected.file("/proc/kallsyms").unwrap_or_default();
        let (path, map) = system_map(collected).unwrap_or_default();
        let (marks, mut built) = (Landmarks::of(running), Some(Landmarks::of(map)).filter(Landmarks::is_placed));
        if let Some(name) = built.as_ref().and_then(|built| stranger(map, built, &marks, info)) {
            built = None;
            let path = escape::bytes(path.as_bytes());
            self.left_out =
                Some(format!("{path} was left out: it is of another build of the kernel ({name} lies elsewhere in it)"));
        }
        if marks.is_placed() {
            let found = offset::kernel_offset(info, &marks, built.as_ref(), self.machine);
            let why = "it is not known how far KASLR moved the kernel (no VMCOREINFO in /proc/kcore, no System.map)";
            (self.offset, self.offset_from) = found.ok_or_else(|| self.impossible(why))?;
            self.lists.push(List { path: "/proc/kallsyms", text: running, offset: self.offset });
        }
        if built.is_some() {
            // It has the addresses that the kernel was linked for. Symbols that the kernel does not list stand only there.
            self.lists.push(List { path, text: map, offset: 0 });
        }
        if self.lists.is_empty() {
            let why = "/proc/kallsyms shows no true addresses (kernel.kptr_restrict, or no CAP_SYSLOG), and there is no System.map with symbols";
            return Err(self.impossible(why));
        }
        Ok(())
    }

    /// No symbol file can be made of this, and the way to one from elsewhere.
    fn impossible(&self, why: &str) -> Failure {
        let mut text = format!("no symbol file can be made for kernel {}: {why}.", self.release);
        if let Some(left_out) = &self.left_out {
            text.push_str(&format!(" {left_out}."));
        }
        if let Some(package) = &self.package {
            text.push_str(&format!(" Get the debug package {package} and run dwarf2json on its vmlinux;"));
        } else {
            text.push_str(" Get the kernel's debug information from its distribution and run dwarf2json on its vmlinux;");
        }
        match &self.build_id {
            Some(id) => text.push_str(&format!(" its build id must be {id} (debuginfod serves it by that)")),
            None => text.push_str(" its build id was not collected"),
        }
        Failure::Insufficient(anyhow!(text))
    }

    fn warnings(&self, collected: &Collected) -> Vec<String> {
        let mut warnings: Vec<String> = self.left_out.iter().cloned().collect();
        if collected.manifest.is_none() {
            warnings
                .push("the run was cut off before it had a manifest: nothing vouches for what this file was made of".to_owned());
        }
        if self.machine != "x86_64" {
            warnings.push(format!(
                "Volatility 3 has no layer for {} memory; this file serves its branches that have one",
                self.machine
            ));
        }
        if self.five_levels {
            warnings.push("the kernel runs with five levels of page tables, which Volatility 3 cannot follow".to_owned());
        }
        warnings
    }

    /// `<release>-<build id>`, in characters that any file system takes.
    fn name(&self) -> String {
        let id = self.build_id.as_deref().unwrap_or("unknown");
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._+-".contains(c) { c } else { '_' };
        let name: String = format!("{}-{id}", self.release).chars().take(200).map(plain).collect();
        name.trim_start_matches('.').to_owned()
    }
}

/// The one System.map that was collected: it bears the running kernel's release.
fn system_map(collected: &Collected) -> Option<(&str, &[u8])> {
    let mut maps = collected.files.iter().filter(|(path, _)| path.starts_with(b"/boot/System.map-"));
    maps.next().and_then(|(path, text)| Some((std::str::from_utf8(path).ok()?, text.as_slice())))
}

fn debug_package(collected: &Collected, release: &str, machine: &str) -> Option<String> {
    let text = collected.file("/etc/os-release").or_else(|| collected.file("/usr/lib/os-release"))?;
    package::debug_package(&package::distribution(text), release, machine)
}

/// The types, and the files that they are of.
fn types(collected: &Collected, facts: &Facts<'_>, warnings: &mut Vec<String>) -> Result<(Types, Vec<Source>), Failure> {
    let mut files: BTreeMap<&[u8], &[u8]> =
        collected.files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(BTF)?, bytes.as_slice()))).collect();
    let Some(own) = files.remove(&b"vmlinux"[..]) else {
        return Err(facts.impossible("the kernel has no BTF, so its types are not known"));
    };
    let kernel = Btf::parse(own, None).map_err(|why| facts.impossible(&format!("its BTF cannot be read: {why}")))?;
    let mut sources = vec![source(b"/sys/kernel/btf/vmlinux", own)];
    let mut modules = Vec::new();
    for (name, bytes) in files {
        let path = [BTF, name].concat();
        match Btf::parse(bytes, Some(&kernel)) {
            Ok(module) => {
                modules.push((escape::bytes(name), module));
                sources.push(source(&path, bytes));
            }
            Err(why) => warnings.push(format!("{} was left out: {why}", escape::bytes(&path))),
        }
    }
    let mut types = isf::types(&kernel, &modules);
    globals::complete(&mut types);
    Ok((types, sources))
}

fn source(path: &[u8], bytes: &[u8]) -> Source {
    Source { path: escape::bytes(path), sha256: Digest::of(bytes), size: bytes.len() }
}

fn document(facts: &Facts<'_>, types: Types) -> Document {
    let origin = |list: &List<'_>| Origin {
        // The schema knows dwarf, symtab and system-map; kallsyms is in the form of the last.
        kind: "system-map",
        name: escape::bytes(list.path.as_bytes()),
        hash_type: "sha256",
        hash_value: Digest::of(list.text),
    };
    let origins = facts.lists.iter().map(origin).collect();
    let kernel = globals::Kernel { types: &types, release: &facts.release };
    let symbols = table::symbols(&facts.lists, kernel, facts.banner);
    let producer = Producer { name: "hozen", version: crate::VERSION };
    Document { metadata: Metadata { format: "6.2.0", producer, linux: Linux { symbols: origins } }, types, symbols }
}

fn provenance(collected: &Collected, facts: &Facts<'_>, types: Vec<Source>, counts: Counts, warnings: Vec<String>) -> Provenance {
    let begin = &collected.begin;
    Provenance {
        v: 1,
        tool: format!("hozen {}", crate::VERSION),
        run: begin.run.to_string(),
        case: begin.case.to_string(),
        host: begin.host.id.clone(),
        collected: begin.started,
        archive: collected.key.clone(),
        archive_sha256: collected.sha256,
        manifest_sha256: collected.manifest,
        kernel: Kernel {
            release: facts.release.clone(),
            machine: facts.machine.to_owned(),
            build_id: facts.build_id.clone(),
            banner: escape::bytes(facts.banner),
            offset: (!facts.offset_from.is_empty()).then(|| format!("0x{:x}", facts.offset)),
            offset_from: facts.offset_from,
        },
        types,
        symbols: facts.lists.iter().map(|list| source(list.path.as_bytes(), list.text)).collect(),
        counts,
        warnings,
        isf_sha256: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::btf::tests::Writer;
    use super::*;

    const KALLSYMS: &str = "ffffffff9a000000 T _text\nffffffff9a000040 D linux_banner\nffffffff9a000100 D init_task\n\
        ffffffff9a000800 D modules\nffffffff9a001000 B _end\n";
    const MAP: &str = "/boot/System.map-6.1.0-test";

    fn note(text: &[u8]) -> Vec<u8> {
        let mut note: Vec<u8> = [11, u32::try_from(text.len()).unwrap(), 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        note.extend(b"VMCOREINFO\0\0");
        note.extend(text);
        note
    }

    /// A kernel with two structs, as it was collected.
    fn collected() -> Collected {
        let mut writer = Writer::new();
        writer.add("list_head", 4, false, 0, 16, &[]).add("task_struct", 4, false, 0, 64, &[]);
        let files = [
            ("/sys/kernel/btf/vmlinux", writer.bytes()),
            ("/proc/kallsyms", KALLSYMS.as_bytes().to_vec()),
            ("/etc/os-release", b"ID=debian\n".to_vec()),
            (member::BANNER, b"Linux version 6.1.0-test (x)\n\0rest".to_vec()),
            (member::KCORE_NOTES, note(b"KERNELOFFSET=19000000\n")),
        ];
        let begin = serde_json::json!({
            "v": 1, "run": "01J00000000000000000000000", "case": "C-1", "started": "2026-11-22T03:50:27.000000000Z",
            "authority": {"login": {}}, "options": {}, "plan": [], "agent": {"version": "1", "pid": 1},
            "host": {"id": "h", "id_kind": "hostname", "hostname": "h", "kernel": "6.1.0-test", "machine": "x86_64"},
            "clock": {}, "sink": {}, "access": {}, "run_key": {"algorithm": "ed25519", "keyid": "", "pem": ""},
        });
        Collected {
            files: files.into_iter().map(|(path, bytes)| (path.as_bytes().to_vec(), bytes)).collect(),
            begin: serde_json::from_value(begin).unwrap(),
            key: "data/raw/kernel_symbols.tar.zst".to_owned(),
            sha256: Digest::of(b""),
            manifest: Some(Digest::of(b"")),
        }
    }

    fn with(change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) -> Result<Made, Failure> {
        let mut collected = collected();
        change(&mut collected.files);
        make(&collected)
    }

    fn refusal(change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) -> String {
        let failure = with(change).unwrap_err();
        assert_eq!(failure.exit_code(), 61);
        failure.error().to_string()
    }

    #[test]
    fn a_symbol_file_is_made_of_what_was_collected() {
        let made = with(|_| ()).unwrap();
        assert_eq!(made.name, "6.1.0-test-unknown");
        let symbols = &made.document.symbols;
        assert_eq!(symbols["init_task"].address, 0xffff_ffff_8100_0100);
        assert_eq!(symbols["init_task"].of, isf::Descriptor::Struct { name: "task_struct".to_owned() });
        assert_eq!(symbols["linux_banner"].constant_data.as_deref(), Some("TGludXggdmVyc2lvbiA2LjEuMC10ZXN0ICh4KQo="));
        let provenance = serde_json::to_value(&made.provenance).unwrap();
        assert_eq!((&provenance["kernel"]["offset"], &provenance["warnings"]), (&"0x19000000".into(), &serde_json::json!([])));
        assert!(made.counts.typed_symbols >= 3 && made.counts.user_types >= 2, "{:?}", made.counts);
    }

    #[test]
    fn system_map_serves_where_the_kernel_hides_its_addresses_or_lists_no_data() {
        let map = KALLSYMS.replace("9a00", "8100");
        let hidden: String = KALLSYMS.lines().map(|line| format!("{:0>16} {}\n", "", line.split_once(' ').unwrap().1)).collect();
        let code: String = KALLSYMS.lines().filter(|line| !line.contains(" D ")).map(|line| format!("{line}\n")).collect();
        for running in [hidden, code] {
            let made = with(|files| {
                files.insert(b"/proc/kallsyms".to_vec(), running.clone().into_bytes());
                files.insert(MAP.as_bytes().to_vec(), map.clone().into_bytes());
            });
            assert_eq!(made.unwrap().document.symbols["init_task"].address, 0xffff_ffff_8100_0100);
            let said = refusal(|files| drop(files.insert(b"/proc/kallsyms".to_vec(), running.clone().into_bytes())));
            assert!(said.contains("System.map"), "{said}");
        }
    }

    #[test]
    fn a_system_map_of_another_build_is_left_out_and_told() {
        let map = KALLSYMS.replace("9a00", "8100").replace("81000100", "81000180") + "ffffffff81000900 D only_there\n";
        let insert =
            |files: &mut BTreeMap<Vec<u8>, Vec<u8>>| drop(files.insert(MAP.as_bytes().to_vec(), map.clone().into_bytes()));
        let made = with(insert).unwrap();
        assert!(made.provenance.warnings[0].starts_with(MAP) && made.provenance.warnings.len() == 1);
        assert_eq!(made.document.symbols["init_task"].address, 0xffff_ffff_8100_0100);
        assert!(!made.document.symbols.contains_key("only_there") && made.provenance.symbols.len() == 1);
        let said = refusal(|files| {
            insert(files);
            files.remove(&b"/proc/kallsyms"[..]);
            let info = b"KERNELOFFSET=19000000\nSYMBOL(_stext)=ffffffff9a000000\nSYMBOL(init_uts_ns)=ffffffff9a000700\n";
            files.insert(member::KCORE_NOTES.as_bytes().to_vec(), note(info));
            let other = map.replace("only_there", "init_uts_ns");
            files.insert(MAP.as_bytes().to_vec(), other.into_bytes());
        });
        assert!(said.contains("another build") && said.contains("init_uts_ns"), "{said}");
    }

    #[test]
    fn what_is_missing_is_named_with_the_package_that_has_it() {
        let said = refusal(|files| drop(files.remove(&b"/sys/kernel/btf/vmlinux"[..])));
        assert!(said.contains("no BTF") && said.contains("linux-image-6.1.0-test-dbg"), "{said}");
        assert!(refusal(|files| drop(files.remove(member::BANNER.as_bytes()))).contains("banner"));
        let said = refusal(|files| drop(files.insert(b"/sys/kernel/btf/vmlinux".to_vec(), b"no types".to_vec())));
        assert!(said.contains("BTF cannot be read"), "{said}");
    }

    #[test]
    fn what_the_reader_should_know_is_said() {
        let mut collected = collected();
        collected.manifest = None;
        collected.begin.host.machine = "aarch64".to_owned();
        collected.begin.host.kernel = "../6.1/x".to_owned();
        collected.files.insert(member::KCORE_NOTES.as_bytes().to_vec(), note(b"KERNELOFFSET=0\nNUMBER(pgtable_l5_enabled)=1\n"));
        collected.files.insert(b"/sys/kernel/btf/bad".to_vec(), b"no types".to_vec());
        let made = make(&collected).unwrap();
        assert_eq!(made.name, "_6.1_x-unknown");
        assert_eq!(made.provenance.warnings.len(), 4, "{:?}", made.provenance.warnings);
    }
}

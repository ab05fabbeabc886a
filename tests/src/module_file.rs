//! Kernel modules as far as they speak of themselves: ELF files with a `.modinfo` and nothing that a kernel would run.

/// An ELF file for this machine with this `.modinfo`, and nothing else that a kernel would want.
///
/// # Panics
/// Never: the places are in the file.
#[must_use]
pub fn module(machine: u8, info: &str) -> Vec<u8> {
    let names = b"\0.shstrtab\0.modinfo\0";
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(64, 0);
    let table = 64 + names.len() + info.len();
    let mut set =
        |at: usize, value: &[u8]| file.get_mut(at..at + value.len()).expect("a place in the header").copy_from_slice(value);
    set(16, &[1]);
    set(18, &[machine]);
    set(40, &(table as u64).to_le_bytes());
    set(58, &[64, 0, 3, 0, 1, 0]);
    file.extend(names);
    file.extend(info.as_bytes());
    let section = |name: u32, at: usize, length: usize| {
        let mut header = name.to_le_bytes().to_vec();
        header.resize(24, 0);
        header.extend((at as u64).to_le_bytes());
        header.extend((length as u64).to_le_bytes());
        header.resize(64, 0);
        header
    };
    [file, section(0, 0, 0), section(1, 64, names.len()), section(11, 64 + names.len(), info.len())].concat()
}

/// The kernel that runs these tests, in a module for it.
///
/// # Panics
/// When `/proc` does not say which kernel that is.
#[must_use]
pub fn own_module() -> Vec<u8> {
    let line = |path: &str| std::fs::read_to_string(path).expect("a line of /proc").trim().to_owned();
    let (release, version) = (line("/proc/sys/kernel/osrelease"), line("/proc/sys/kernel/version"));
    let smp = if version.split(' ').any(|word| word == "SMP") { "SMP " } else { "" };
    let preempt = if version.contains("PREEMPT") { "preempt " } else { "" };
    let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    module(machine, &format!("name=lime\0vermagic={release} {smp}{preempt}mod_unload \0"))
}

//! Which functions of the kernel a program calls, by its code: some write into the memory of processes, or decide what a function of the
//! kernel returns.
//!
//! The code is that behind the verifier, where a call has the distance of the function from `__bpf_call_base` in the place of its number
//! (`bpf_insn_prepare_dump`, kernel/bpf/syscall.c). The kernel's symbols say which one lies there.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::netlink::u32_of;

/// The function from which distances count.
const BASE: &[u8] = b"__bpf_call_base";

/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;

/// Functions that programs may call, by address.
#[derive(Debug, Default)]
pub(super) struct Helpers {
    base: Option<u64>,
    names: BTreeMap<u64, Vec<u8>>,
}

impl Helpers {
    /// Adds what a line of `/proc/kallsyms` names: `address type symbol`, behind which a module may stand.
    pub(super) fn add(&mut self, line: &[u8]) {
        let mut fields = line.split(u8::is_ascii_whitespace);
        let (Some(address), Some(kind), Some(name)) = (fields.next(), fields.next(), fields.next()) else { return };
        if !matches!(kind, b"T" | b"t") || !(name.starts_with(b"bpf_") || name == BASE) || name.starts_with(b"bpf_prog_") {
            return;
        }
        // Zeros where the kernel does not tell addresses.
        let address = std::str::from_utf8(address).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
        let Some(address) = address.filter(|address| *address != 0) else { return };
        if name == BASE {
            self.base = Some(address);
        } else {
            self.names.entry(address).or_insert_with(|| name.to_owned());
        }
    }

    /// The functions that this code calls, and how many of its calls lead to none that is known.
    pub(super) fn called(&self, code: &[u8]) -> (BTreeSet<&[u8]>, usize) {
        let (mut names, mut unknown) = (BTreeSet::new(), 0);
        let (instructions, _) = code.as_chunks::<8>();
        let mut wide = false;
        for instruction in instructions {
            let [code, registers, _, _, i0, i1, i2, i3] = *instruction;
            // The second half of a constant of 64 bits is no instruction.
            let is_second = std::mem::replace(&mut wide, code == 0x18);
            // Calls with a source register are those of other functions of the program, or of the kernel by type.
            if is_second || code != CALL || registers >> 4 != 0 {
                wide = wide && !is_second;
                continue;
            }
            match self.name(u32_of([i0, i1, i2, i3])) {
                Some(name) => drop(names.insert(name)),
                None => unknown += 1,
            }
        }
        (names, unknown)
    }

    fn name(&self, distance: u32) -> Option<&[u8]> {
        let address = self.base?.wrapping_add_signed(distance.cast_signed().into());
        self.names.get(&address).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::native_u32;

    #[test]
    fn calls_are_named_by_the_kernels_symbols() {
        let mut helpers = Helpers::default();
        for line in [
            "ffffffff81001000 T __bpf_call_base",
            "ffffffff81000800 t bpf_probe_write_user",
            "0 T bpf_x",
            "ffffffff81001400 D bpf_y",
            "",
        ] {
            helpers.add(line.as_bytes());
        }
        let call = |registers: u8, distance: i32| [&[CALL, registers, 0, 0][..], &native_u32(distance.cast_unsigned())].concat();
        let wide = [vec![0x18, 1, 0, 0, 0, 0, 0, 0], call(0, -0x800)].concat();
        assert_eq!(helpers.called(&wide), (BTreeSet::new(), 0), "half of a constant is taken for a call");
        let code = [call(0, -0x800), call(0x10, -0x800), call(0, 4), call(0, -0x800)].concat();
        assert_eq!(helpers.called(&code), (BTreeSet::from([&b"bpf_probe_write_user"[..]]), 1));
        assert_eq!(Helpers::default().called(&code).1, 3);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(line: Vec<u8>, code: Vec<u8>) {
            let mut helpers = Helpers::default();
            helpers.add(&line);
            helpers.called(&code);
        }
    }
}

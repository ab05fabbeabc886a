//! VMCOREINFO: what the kernel writes down of itself for whoever reads its memory (Documentation/admin-guide/kdump/vmcoreinfo.rst).

use std::collections::BTreeMap;

use super::notes;
use crate::source::text;

/// The lines `KEY=VALUE` of the note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VmCoreInfo {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl VmCoreInfo {
    /// Finds it among the notes of a core file.
    #[must_use]
    pub fn among(bytes: &[u8]) -> Option<Self> {
        notes::notes(bytes).find(|note| note.name == b"VMCOREINFO").map(|note| Self::parse(note.content))
    }

    /// Reads its text. The first line of a name counts.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut values = BTreeMap::new();
        for line in text::lines(text) {
            if let Some(at) = line.iter().position(|b| *b == b'=') {
                let (key, value) = line.split_at(at);
                values.entry(key.to_owned()).or_insert_with(|| value.get(1..).unwrap_or_default().to_owned());
            }
        }
        Self { values }
    }

    /// A value as it stands there.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&[u8]> {
        self.values.get(key.as_bytes()).map(Vec::as_slice)
    }

    /// A value that is a hexadecimal number: `SYMBOL(…)`, `KERNELOFFSET`.
    #[must_use]
    pub fn address(&self, key: &str) -> Option<u64> {
        text::hexadecimal(self.text(key)?)
    }

    /// A value that is a decimal number: `NUMBER(…)`.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        text::number(self.text(key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_in_their_own_base() {
        let text = b"OSRELEASE=6.1.0-test\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffff9d00a000\nKERNELOFFSET=19000000\n\
            NUMBER(phys_base)=-50331648\nKERNELOFFSET=1\nbroken\n";
        let info = VmCoreInfo::among(&notes::tests::note(b"VMCOREINFO", 0, text)).unwrap();
        assert_eq!(info.text("OSRELEASE"), Some(&b"6.1.0-test"[..]));
        assert_eq!((info.address("KERNELOFFSET"), info.number("NUMBER(phys_base)")), (Some(0x1900_0000), Some(-50_331_648)));
        assert_eq!(info.address("SYMBOL(swapper_pg_dir)"), Some(0xffff_ffff_9d00_a000));
        assert_eq!(VmCoreInfo::among(b"no notes"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            let _ = VmCoreInfo::parse(&bytes);
            let _ = VmCoreInfo::among(&bytes);
        }
    }
}

//! Sizes on the command line.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::unit;

/// Bytes of each unit.
const UNITS: [(&str, u64); 5] = [("", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40)];

/// A number of bytes, written `4096`, `512K`, `512M`, `4G` or `1T`; the letters are powers of 1024. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

impl Size {
    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a size; write 512M, 4G or a number of bytes");
        let bytes = unit::worth(text, &UNITS).and_then(|bytes| u64::try_from(bytes).ok());
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Size {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_are_read_and_all_else_is_refused() {
        let bytes = |text: &str| text.parse::<Size>().map(Size::bytes);
        assert_eq!((bytes("4096"), bytes("2K"), bytes("4G")), (Ok(4096), Ok(2048), Ok(4 << 30)));
        for wrong in ["", "0", "0G", "G", "+1", "-1", "1.5G", "4g", "4GB", "4 G", "99999999999999999999", "99999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}

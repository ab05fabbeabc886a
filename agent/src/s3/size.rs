//! Sizes as a person writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::unit;

/// Bytes of each unit.
const UNITS: [(&str, u64); 5] = [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A number of bytes, written `8MiB`, `512KiB`, `1GiB` or as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = unit::worth(text, &UNITS).and_then(|bytes| u64::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| format!("{text:?} is not a size; write 8MiB"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes % (1 << 20) == 0 => write!(f, "{}MiB", bytes >> 20),
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl TryFrom<String> for Size {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes) in [("8MiB", 8 << 20), ("512KiB", 512 << 10), ("1GiB", 1 << 30), ("17", 17), ("17B", 17)] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.0, size.to_string().parse::<Size>().unwrap()), (bytes, size));
        }
        for wrong in ["", "MiB", "8MB", "8 MiB", "-1", "1.5MiB", "99999999999999999999", "18446744073709551615GiB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}

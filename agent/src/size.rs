//! A number of bytes, as options and the configuration write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::unit;

/// Bytes of each unit. A letter and its long form are the same power of 1024.
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A number of bytes, written `4096`, `512K`, `8MiB`, `4G` or `1TiB`. Never zero.
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
        let wrong = || format!("{text:?} is not a size; write 512M, 8MiB, 4G or a number of bytes");
        let bytes = unit::worth(text, &UNITS).and_then(|bytes| u64::try_from(bytes).ok());
        bytes.filter(|bytes| *bytes > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes % (1 << 20) == 0 => write!(f, "{}MiB", bytes >> 20),
            bytes => write!(f, "{bytes}"),
        }
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
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn sizes_are_read_and_written() {
        let sizes = [
            ("4096", 4096),
            ("17B", 17),
            ("2K", 2048),
            ("512KiB", 512 << 10),
            ("8M", 8 << 20),
            ("8MiB", 8 << 20),
            ("4G", 4 << 30),
            ("64GiB", 64 << 30),
            ("1T", 1 << 40),
            ("1TiB", 1 << 40),
        ];
        for (text, bytes) in sizes {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().parse::<Size>().unwrap()), (bytes, size));
        }
        assert_eq!(["8M", "512K"].map(|text| text.parse::<Size>().unwrap().to_string()), ["8MiB", "524288"]);
    }

    #[test]
    fn all_else_is_refused() {
        for wrong in ["", "0", "0G", "0MiB", "G", "MiB", "+1", "-1", "1.5G", "1.5MiB", "4g", "4mib", "4GB", "8MB", "4 G", "8 MiB"]
        {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
        for large in ["99999999999999999999", "99999999T", "99999999TiB", "18446744073709551615GiB"] {
            assert!(large.parse::<Size>().is_err(), "{large}");
        }
    }
}

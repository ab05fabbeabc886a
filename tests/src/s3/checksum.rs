//! The checksums that S3 knows. Reference: "Checking object integrity" in the S3 User Guide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

static ISO_HDLC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static ISCSI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// An algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// CRC-32 (ISO HDLC).
    Crc32,
    /// CRC-32C (iSCSI).
    Crc32c,
    /// CRC-64/NVME.
    Crc64nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What a checksum of an object with parts is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The checksums of its parts.
    Composite,
    /// All of its bytes.
    FullObject,
}

impl Kind {
    /// As S3 writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }
}

/// All algorithms.
pub const ALL: [Algorithm; 5] = [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme, Algorithm::Sha1, Algorithm::Sha256];

impl Algorithm {
    /// As S3 writes it, such as `SHA256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Its header, such as `x-amz-checksum-sha256`.
    #[must_use]
    pub fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    /// Its element, such as `ChecksumSHA256`.
    #[must_use]
    pub fn element(self) -> String {
        format!("Checksum{}", self.name())
    }

    /// The length of its values in bytes.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The kind for an upload in parts that names none.
    #[must_use]
    pub fn usual_kind(self) -> Kind {
        if self == Self::Crc64nvme { Kind::FullObject } else { Kind::Composite }
    }

    /// Whether an upload in parts can have a checksum of this kind.
    #[must_use]
    pub fn allows(self, kind: Kind) -> bool {
        match self {
            Self::Crc32 | Self::Crc32c => true,
            Self::Crc64nvme => kind == Kind::FullObject,
            Self::Sha1 | Self::Sha256 => kind == Kind::Composite,
        }
    }

    /// The polynomial of a CRC, its lowest power in the highest bit, and its width in bits.
    fn polynomial(self) -> Option<(u64, u32)> {
        match self {
            Self::Crc32 => Some((u64::from(CRC_32_ISO_HDLC.poly.reverse_bits()), 32)),
            Self::Crc32c => Some((u64::from(CRC_32_ISCSI.poly.reverse_bits()), 32)),
            Self::Crc64nvme => Some((CRC_64_NVME.poly.reverse_bits(), 64)),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// A value in base64, if it is one of this algorithm.
    #[must_use]
    pub fn parse(self, text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok().filter(|bytes| bytes.len() == self.length())
    }

    /// The checksum of all these bytes.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The composite checksum of parts with these checksums, without the number of parts.
    #[must_use]
    pub fn composite<'a>(self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        self.of(&parts.flatten().copied().collect::<Vec<u8>>())
    }

    /// The checksum of the whole out of checksums and lengths of its parts: for the CRCs.
    #[must_use]
    pub fn joined<'a>(self, parts: impl Iterator<Item = (&'a [u8], u64)>) -> Option<Vec<u8>> {
        let (polynomial, width) = self.polynomial()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let whole = parts.map(|(sum, length)| (number(sum), length)).reduce(|(left, before), (right, length)| {
            (times(left, zeros(length, polynomial, width), polynomial, width) ^ right, before + length)
        });
        Some(self.bytes(whole.map_or_else(|| number(&self.of(&[])), |(sum, _)| sum)))
    }

    fn bytes(self, sum: u64) -> Vec<u8> {
        sum.to_be_bytes().into_iter().skip(8 - self.length()).collect()
    }
}

/// The product of two remainders: the lowest power is the highest of `width` bits, as in `crc32_combine` of zlib.
fn times(left: u64, right: u64, polynomial: u64, width: u32) -> u64 {
    let (mut product, mut shifted) = (0, right);
    for power in (0..width).rev() {
        if left >> power & 1 == 1 {
            product ^= shifted;
        }
        shifted = if shifted & 1 == 1 { shifted >> 1 ^ polynomial } else { shifted >> 1 };
    }
    product
}

/// What a checksum is multiplied by when `length` bytes follow: the remainder of x to the power of their bits.
fn zeros(length: u64, polynomial: u64, width: u32) -> u64 {
    let (mut power, mut square) = (1 << (width - 1), 1 << (width - 9));
    for bit in 0..u64::BITS {
        if length >> bit & 1 == 1 {
            power = times(power, square, polynomial, width);
        }
        square = times(square, square, polynomial, width);
    }
    power
}

/// Base64, as S3 writes checksums.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A checksum in the making.
pub(super) enum Hasher {
    Crc32(crc::Digest<'static, u32, Table<16>>),
    Crc64(crc::Digest<'static, u64, Table<16>>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Crc32(ISO_HDLC.digest()),
            Algorithm::Crc32c => Self::Crc32(ISCSI.digest()),
            Algorithm::Crc64nvme => Self::Crc64(NVME.digest()),
            Algorithm::Sha1 => Self::Sha1(Box::default()),
            Algorithm::Sha256 => Self::Sha256(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(digest) => digest.update(bytes),
            Self::Crc64(digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc32(digest) => digest.finalize().to_be_bytes().to_vec(),
            Self::Crc64(digest) => digest.finalize().to_be_bytes().to_vec(),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRCs and of FIPS 180.
    #[test]
    fn each_algorithm_gives_its_published_value() {
        let digits = b"123456789";
        assert_eq!(Algorithm::Crc32.of(digits), 0xCBF4_3926_u32.to_be_bytes());
        assert_eq!(Algorithm::Crc32c.of(digits), 0xE306_9283_u32.to_be_bytes());
        assert_eq!(Algorithm::Crc64nvme.of(digits), 0xAE8B_1486_0A79_9888_u64.to_be_bytes());
        assert_eq!(base64(&Algorithm::Sha1.of(b"abc")), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
        assert_eq!(base64(&Algorithm::Sha256.of(b"abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn a_whole_is_joined_from_its_parts() {
        let (left, right) = (vec![7_u8; 1000], b"and the rest".to_vec());
        let whole: Vec<u8> = left.iter().chain(&right).copied().collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64nvme] {
            let (one, two) = (algorithm.of(&left), algorithm.of(&right));
            let parts = [(one.as_slice(), 1000), (two.as_slice(), 12)];
            assert_eq!(algorithm.joined(parts.into_iter()), Some(algorithm.of(&whole)));
        }
        assert_eq!(Algorithm::Sha256.joined(std::iter::empty()), None);
    }
}

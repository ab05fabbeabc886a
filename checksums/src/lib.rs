//! The CRCs that the AWS SDK computes, and no other: `Cargo.toml` puts this in the place of the crate `crc-fast`, whose tables and code for
//! some forty kinds are 700 KB of a program that is carried to a host in the middle of an incident. Interface and meaning are those of
//! `crc-fast` 1.10, as far as `aws-smithy-checksums` uses it. Hozen's own digests are SHA-256: nothing of the evidence rests on these.
//!
//! Reference: "Checking object integrity" in the S3 User Guide; the parameters are those of the catalogue of CRCs (the crate `crc`).

use std::fmt;

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};

static ISO_HDLC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
static ISCSI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);

/// A kind of CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// CRC-32 of zlib and Ethernet; S3's `CRC32`.
    Crc32IsoHdlc,
    /// CRC-32C of iSCSI; S3's `CRC32C`.
    Crc32Iscsi,
    /// CRC-64 of NVMe; S3's `CRC64NVME`.
    Crc64Nvme,
}

/// A checksum in the making.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Short(crc::Digest<'static, u32, Table<16>>),
    Long(crc::Digest<'static, u64, Table<16>>),
}

impl Digest {
    /// Of no bytes yet.
    #[must_use]
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::Short(ISO_HDLC.digest()),
            CrcAlgorithm::Crc32Iscsi => State::Short(ISCSI.digest()),
            CrcAlgorithm::Crc64Nvme => State::Long(NVME.digest()),
        })
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Short(digest) => digest.update(bytes),
            State::Long(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all that was added; one of 32 bits stands in the low half.
    #[must_use]
    pub fn finalize(&self) -> u64 {
        match self.0.clone() {
            State::Short(digest) => u64::from(digest.finalize()),
            State::Long(digest) => digest.finalize(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digest").field(&format_args!("{:#x}", self.finalize())).finish()
    }
}

/// The checksum of `bytes`; one of 32 bits stands in the low half.
#[must_use]
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRCs.
    #[test]
    fn each_kind_gives_its_published_value_whole_and_in_pieces() {
        for (algorithm, value) in [
            (CrcAlgorithm::Crc32IsoHdlc, 0xCBF4_3926),
            (CrcAlgorithm::Crc32Iscsi, 0xE306_9283),
            (CrcAlgorithm::Crc64Nvme, 0xAE8B_1486_0A79_9888),
        ] {
            assert_eq!(checksum(algorithm, b"123456789"), value);
            let mut digest = Digest::new(algorithm);
            digest.update(b"1234");
            assert_ne!(digest.finalize(), value);
            digest.update(b"56789");
            assert_eq!(digest.finalize(), value);
            assert_eq!(format!("{digest:?}"), format!("Digest({value:#x})"));
        }
    }
}

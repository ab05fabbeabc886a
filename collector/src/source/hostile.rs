//! What a hostile host can hand to readers other than those of memory (`super::memory::hostile`), held against what must be true of it
//! whatever comes: for the tests here, and for the targets of `fuzz/`.
//!
//! **Invariant:** each function takes any bytes, and panics where a reader has believed what it must not.

pub use super::containers::hostile::engines;
pub use super::hidden_files::hostile::ext4;
pub use super::network::hostile::netlink;
pub use super::packages::rpm::hostile::rpm;
pub use super::secret::hostile::secrets;

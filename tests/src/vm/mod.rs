//! Boots real kernels in QEMU, without KVM, with the program under test inside.
//!
//! ```text
//! architecture  what differs between x86_64 and arm64
//! lab           what tests/vm/prepare.sh has left: kernel, modules, LiME, programs of others
//! guest         what is in a guest: programs with their libraries, modules, a script
//! cpio          the initramfs as an archive
//! machine       one run of QEMU: console, end, evidence
//! monitor       QEMU's monitor: stop, memory, go on
//! ```
//!
//! A guest runs its script as root, writes to `/out`, a disk of its own, and powers off. Then the machine has the files.

mod architecture;
mod cpio;
mod guest;
mod lab;
mod machine;
mod monitor;

pub use architecture::Architecture;
pub use guest::Guest;
pub use lab::Lab;
pub use machine::{Ended, Machine};
pub use monitor::Monitor;

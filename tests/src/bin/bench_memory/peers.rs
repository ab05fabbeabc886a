//! The programs that are measured: Hozen's collector (`collector/examples/capture/main.rs`) and AVML.

use std::path::PathBuf;

use hozen_tests::helper::beside;
use hozen_tests::life::Failure;
use hozen_tests::vm::Lab;

/// Where they are.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) capture: PathBuf,
    pub(crate) avml: PathBuf,
}

impl Peers {
    /// `target/release/examples/capture`, and what `tests/bench/peers.sh` has left, or the `avml` that `HOZEN_AVML` names.
    pub(crate) fn find() -> Result<Self, Failure> {
        let avml = std::env::var_os("HOZEN_AVML").map_or_else(|| beside("../peers/bin/avml"), PathBuf::from);
        let peers = Self { capture: beside("examples/capture"), avml };
        for (file, how) in [
            (&peers.capture, "cargo build --release -p hozen-collector --example capture"),
            (&peers.avml, "tests/bench/peers.sh"),
        ] {
            if !file.is_file() {
                return Err(format!("{} is missing: {how}", file.display()).into());
            }
        }
        Ok(peers)
    }
}

/// The lab of `tests/vm/prepare.sh`.
pub(crate) fn lab() -> Result<Lab, Failure> {
    Lab::find("bench_memory").ok_or_else(|| "a guest is needed: tests/vm/prepare.sh".into())
}

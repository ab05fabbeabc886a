//! `injected`: a process as one looks into which code was put: a page without a file behind it that can be written and executed,
//! with the beginning of a function in it. Says `ready` and stays until its stdin closes.

use std::process::ExitCode;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;

/// `push rbp; mov rbp, rsp`, then breakpoints.
const CODE: [u8; 16] = [0x55, 0x48, 0x89, 0xe5, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc];

fn main() -> ExitCode {
    life::report("injected", injected())
}

fn injected() -> Result<(), Failure> {
    let life = Life::begin()?;
    let address = raw::writable_code(&CODE)?;
    life::ready(&[life::own_pid(), ("address", format!("{address:#x}"))])?;
    Ok(life.wait()?)
}

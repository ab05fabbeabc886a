//! What text is a secret, and how it is kept out of the evidence.
//!
//! The rules err on the side of secrecy: what is wrongly hidden still has its length and digest, what is wrongly shown cannot
//! be taken back. But what is hidden is as little as possible, because a script must not hide behind one token.

mod hash;
#[cfg(any(test, feature = "test-util"))]
pub(super) mod hostile;
mod json;
mod lines;
mod private_key;
mod words;

use std::ops::Range;

pub(super) use self::hash::{is_accounts, is_called_shadow, mask_shadow};
pub(super) use self::json::mask_json;
pub(super) use self::lines::{mask, mask_netrc};
pub(super) use self::private_key::mask_cut;
pub(super) use self::words::{BEGINNING, is_file, is_key, is_program, is_run_from, is_text, may_run};

/// Puts an `x` in the place of each byte of `span` but line ends. Returns how many bytes that changed.
fn hide(text: &mut [u8], span: Range<usize>) -> u64 {
    let mut count = 0;
    for byte in text.get_mut(span).unwrap_or_default().iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r' | b'x')) {
        *byte = b'x';
        count += 1;
    }
    count
}

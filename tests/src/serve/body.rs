//! The body of a request as it comes in.

use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};

/// The connection broke before the body was there.
#[derive(Debug, Clone, Copy)]
pub struct Broken;

/// The body of a request. Nothing of it is read before it is asked for.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    length: u64,
    flip: bool,
}

impl Body {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self { incoming, length: 0, flip: false }
    }

    /// One bit of what comes next will have changed on the way.
    pub(super) fn flip_a_bit(&mut self) {
        self.flip = true;
    }

    /// Whether the bit that shall be flipped has not been.
    pub(super) fn is_unflipped(&self) -> bool {
        self.flip
    }

    /// Bytes read so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next piece, never empty.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            let Some(frame) = self.incoming.frame().await else { return Ok(None) };
            match frame.map_err(|_| Broken)?.into_data() {
                Ok(bytes) if !bytes.is_empty() => {
                    self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    return Ok(Some(if std::mem::take(&mut self.flip) { flipped(&bytes) } else { bytes }));
                }
                _ => {}
            }
        }
    }

    /// Reads on until there is no more, or `limit` bytes have been read in all.
    pub(super) async fn drain(&mut self, limit: u64) -> Result<(), Broken> {
        while self.length < limit && self.next().await?.is_some() {}
        Ok(())
    }
}

fn flipped(bytes: &Bytes) -> Bytes {
    let mut copy = bytes.to_vec();
    if let Some(last) = copy.last_mut() {
        *last ^= 0x10;
    }
    copy.into()
}

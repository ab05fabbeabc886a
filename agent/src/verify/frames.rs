//! zstd as the format has it (RFC 8878): independent frames with a checksum, one a part, and nothing between them.
//!
//! **Invariant:** memory does not grow with the input: no frame may ask for a window above 8 MiB.

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

/// Bytes of content that are handed on at once.
const OUT: usize = 128 << 10;
/// log2 of the largest window: a part has at most 8 MiB of content.
const WINDOW_LOG: u32 = 23;
/// Magic number of a zstd frame.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Bit of the frame header's descriptor that announces a checksum.
const CHECKSUM_FLAG: u8 = 0x04;
/// Magic number and descriptor.
const HEAD: usize = 5;

/// Decodes stored bytes that are handed over piece by piece.
pub(crate) struct Frames {
    decoder: Decoder<'static>,
    out: Vec<u8>,
    head: Vec<u8>,
    inside: bool,
    finished: u64,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("finished", &self.finished).finish_non_exhaustive()
    }
}

impl Frames {
    /// A decoder.
    ///
    /// # Errors
    /// When there is no memory for one.
    pub(crate) fn new() -> Result<Self, String> {
        let mut decoder = Decoder::new().map_err(|error| error.to_string())?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(|error| error.to_string())?;
        Ok(Self { decoder, out: vec![0; OUT], head: Vec::with_capacity(HEAD), inside: false, finished: 0 })
    }

    /// Takes stored bytes and hands their content to `content`.
    ///
    /// # Errors
    /// Where they are not frames of the format, or `content` says so.
    pub(crate) fn take(&mut self, mut stored: &[u8], content: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        while !stored.is_empty() {
            if !self.inside {
                stored = self.take_head(stored);
                if self.head.len() < HEAD {
                    return Ok(());
                }
                self.begin_frame(content)?;
            }
            stored = self.decode(stored, content)?;
        }
        Ok(())
    }

    /// The number of frames, if the last one is whole.
    ///
    /// # Errors
    /// Where it is cut off.
    pub(crate) fn finish(&self) -> Result<u64, String> {
        if self.inside || !self.head.is_empty() {
            return Err(self.error("is cut off"));
        }
        Ok(self.finished)
    }

    fn take_head<'a>(&mut self, stored: &'a [u8]) -> &'a [u8] {
        let (head, rest) = stored.split_at(stored.len().min(HEAD.saturating_sub(self.head.len())));
        self.head.extend_from_slice(head);
        rest
    }

    fn begin_frame(&mut self, content: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<(), String> {
        if !self.head.starts_with(&MAGIC) {
            return Err(self.error("does not begin as a zstd frame does"));
        }
        if self.head.last().is_none_or(|descriptor| descriptor & CHECKSUM_FLAG == 0) {
            return Err(self.error("has no checksum"));
        }
        self.decoder.reinit().map_err(|error| self.error(&error.to_string()))?;
        self.inside = true;
        let head = std::mem::take(&mut self.head);
        self.decode(&head, content)?;
        Ok(())
    }

    /// Decodes up to the end of the frame or of `stored`; returns what is left of it.
    fn decode<'a>(&mut self, stored: &'a [u8], content: &mut dyn FnMut(&[u8]) -> Result<(), String>) -> Result<&'a [u8], String> {
        let mut input = InBuffer::around(stored);
        loop {
            let before = input.pos();
            let mut output = OutBuffer::around(self.out.as_mut_slice());
            let hint = self.decoder.run(&mut input, &mut output);
            let written = output.pos();
            let hint = hint.map_err(|error| self.error(&format!("is damaged: {error}")))?;
            content(self.out.get(..written).unwrap_or_default())?;
            if hint == 0 {
                self.inside = false;
                self.finished += 1;
                break;
            }
            let waits = input.pos() >= stored.len() && written < OUT;
            if waits || (input.pos() == before && written == 0) {
                break;
            }
        }
        Ok(stored.get(input.pos()..).unwrap_or_default())
    }

    fn error(&self, what: &str) -> String {
        format!("zstd frame {} {what}", self.finished.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zstd::bulk::Compressor;
    use zstd::zstd_safe::CParameter;

    fn frame(content: &[u8], checksum: bool) -> Vec<u8> {
        let mut compressor = Compressor::new(1).unwrap();
        compressor.set_parameter(CParameter::ChecksumFlag(checksum)).unwrap();
        compressor.compress(content).unwrap()
    }

    fn decode(stored: &[u8], step: usize) -> Result<(Vec<u8>, u64), String> {
        let mut content = Vec::new();
        let mut frames = Frames::new()?;
        for piece in stored.chunks(step) {
            frames.take(piece, &mut |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((content, frames.finish()?))
    }

    #[test]
    fn the_fuzzer_begins_with_frames() {
        let (content, frames) = decode(include_bytes!("../../../fuzz/seeds/evidence/frames"), 7).unwrap();
        assert_eq!((content.as_slice(), frames), (&include_bytes!("../../../fuzz/seeds/evidence/archive")[..], 2));
    }

    #[test]
    fn frames_are_decoded_and_counted_however_they_are_cut() {
        let stored = [frame(&[7; 300_000], true), frame(b"", true), frame(b"end", true)].concat();
        let content = [vec![7; 300_000], b"end".to_vec()].concat();
        for step in [1, 2, 4, 5, 6, 7, 100, stored.len()] {
            assert_eq!(decode(&stored, step), Ok((content.clone(), 3)), "{step}");
        }
        assert_eq!(decode(b"", 1), Ok((Vec::new(), 0)));
    }

    #[test]
    fn what_is_not_a_plain_frame_with_checksum_is_refused() {
        let good = frame(b"content", true);
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0][..], &good].concat();
        assert!(decode(&frame(b"content", false), 100).unwrap_err().contains("no checksum"));
        assert!(decode(&skippable, 100).unwrap_err().contains("does not begin"));
        assert!(decode(&[good.as_slice(), b"x"].concat(), 100).unwrap_err().contains("frame 2 is cut off"));
        assert!(decode(&good[..good.len() - 1], 100).unwrap_err().contains("cut off"));
        assert!(decode(&good[..3], 100).unwrap_err().contains("cut off"));
    }

    #[test]
    fn a_window_above_8_mib_is_refused() {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.window_log(24).unwrap();
        std::io::Write::write_all(&mut encoder, &vec![1; 20 << 20]).unwrap();
        assert!(decode(&encoder.finish().unwrap(), 1 << 20).unwrap_err().contains("damaged"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..100), step in 1_usize..20) {
            let _ = decode(&tail, step);
            let _ = decode(&[MAGIC.as_slice(), &[CHECKSUM_FLAG], &tail].concat(), step);
        }
    }
}

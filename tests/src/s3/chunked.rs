//! A body in chunks (`Content-Encoding: aws-chunked`): framing, signatures of chunks, trailers. Reference: "Signature Calculations for the
//! Authorization Header: Transferring Payload in Multiple Chunks" and "…Including Trailing Headers" in the S3 API Reference.

use sha2::{Digest as _, Sha256};

use crate::aws::canonical::{ALGORITHM, hex, hmac};
use crate::aws::refusal::Refusal;
use crate::aws::sigv4::Seed;

/// The longest line of framing that is taken.
const MAX_LINE: usize = 16 * 1024;

#[derive(Debug, PartialEq, Eq)]
enum State {
    Header,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

/// A decoder. Bytes go in as they come, data comes out.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    line: Vec<u8>,
    seed: Option<Seed>,
    has_trailer: bool,
    digest: Sha256,
    claimed: String,
    trailers: Vec<(String, String)>,
    trailer_signature: Option<String>,
}

fn malformed(what: &str) -> Refusal {
    Refusal::new(400, "InvalidRequest", format!("The aws-chunked body is malformed: {what}"))
}

fn mismatch() -> Refusal {
    let message =
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

impl Chunked {
    /// With a seed, each chunk must be signed.
    pub(super) fn new(seed: Option<Seed>, has_trailer: bool) -> Self {
        Self {
            state: State::Header,
            line: Vec::new(),
            seed,
            has_trailer,
            digest: Sha256::new(),
            claimed: String::new(),
            trailers: Vec::new(),
            trailer_signature: None,
        }
    }

    /// Takes the next bytes of the body, and gives the data in them to `out`.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut out: impl FnMut(&[u8])) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            if let State::Data(left) = self.state {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let (data, rest) = bytes.split_at(take);
                self.digest.update(data);
                out(data);
                bytes = rest;
                let left = left - u64::try_from(take).unwrap_or(left);
                self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            let (piece, rest) = bytes.split_at(end);
            self.line.extend_from_slice(piece);
            bytes = rest;
            if self.line.len() > MAX_LINE {
                return Err(malformed("a line is too long"));
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = line.strip_suffix(b"\r\n").ok_or_else(|| malformed("a line does not end with CR LF"))?;
                self.line(std::str::from_utf8(line).map_err(|_| malformed("a line is not text"))?)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), Refusal> {
        match self.state {
            State::Header => self.header(line),
            State::DataEnd if line.is_empty() => {
                self.check_chunk()?;
                self.state = State::Header;
                Ok(())
            }
            State::Trailer => self.trailer(line),
            State::DataEnd | State::Data(_) => Err(malformed("a chunk is longer than it says")),
            State::Done => Err(malformed("there is something after the end")),
        }
    }

    /// `SIZE` in hexadecimal, with `;chunk-signature=…` where chunks are signed.
    fn header(&mut self, line: &str) -> Result<(), Refusal> {
        let (size, rest) = line.split_once(';').unwrap_or((line, ""));
        let size = u64::from_str_radix(size, 16).map_err(|_| malformed("a chunk has no size"))?;
        match (rest.strip_prefix("chunk-signature="), &self.seed) {
            (Some(signature), Some(_)) => signature.clone_into(&mut self.claimed),
            (None, None) if rest.is_empty() => {}
            _ => return Err(malformed("chunk signatures are missing, or not wanted")),
        }
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        self.check_chunk()?;
        self.state = State::Trailer;
        Ok(())
    }

    /// Compares the signature of the chunk that has just ended.
    fn check_chunk(&mut self) -> Result<(), Refusal> {
        let digest = std::mem::take(&mut self.digest).finalize();
        let Some(seed) = &mut self.seed else { return Ok(()) };
        let (time, scope, before, empty) = (&seed.time, &seed.scope, &seed.signature, hex(&Sha256::digest([])));
        let text = format!("{ALGORITHM}-PAYLOAD\n{time}\n{scope}\n{before}\n{empty}\n{}", hex(&digest));
        let signature = hex(&hmac(&seed.key, &text));
        if signature != self.claimed {
            return Err(mismatch());
        }
        seed.signature = signature;
        Ok(())
    }

    fn trailer(&mut self, line: &str) -> Result<(), Refusal> {
        if line.is_empty() {
            self.state = State::Done;
            return self.check_trailer();
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a trailer has no name"))?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        if name == "x-amz-trailer-signature" {
            self.trailer_signature = Some(value);
        } else if self.has_trailer {
            self.trailers.push((name, value));
        } else {
            return Err(malformed("there is a trailer that was not announced"));
        }
        Ok(())
    }

    fn check_trailer(&self) -> Result<(), Refusal> {
        let (Some(seed), true) = (&self.seed, self.has_trailer) else { return Ok(()) };
        let (time, scope, before) = (&seed.time, &seed.scope, &seed.signature);
        let lines: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let text = format!("{ALGORITHM}-TRAILER\n{time}\n{scope}\n{before}\n{}", hex(&Sha256::digest(lines)));
        let is_right = self.trailer_signature.as_deref() == Some(&hex(&hmac(&seed.key, &text)));
        if is_right { Ok(()) } else { Err(mismatch()) }
    }

    /// The trailers, if the body came to its end.
    pub(super) fn finish(self) -> Result<Vec<(String, String)>, Refusal> {
        if self.state == State::Done { Ok(self.trailers) } else { Err(malformed("it ends before its last chunk")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canonical::signing_key;

    const SIGNATURES: [&str; 3] = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ];

    /// The example of the S3 API Reference: 65 KiB of `a`, in chunks of 64 KiB.
    fn example() -> (Chunked, Vec<u8>) {
        let seed = Seed {
            key: signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3"),
            time: "20130524T000000Z".to_owned(),
            scope: "20130524/us-east-1/s3/aws4_request".to_owned(),
            signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".to_owned(),
        };
        let mut body = Vec::new();
        for (size, signature) in [65536, 1024, 0].into_iter().zip(SIGNATURES) {
            body.extend(format!("{size:x};chunk-signature={signature}\r\n").bytes());
            body.extend(std::iter::repeat_n(b'a', size));
            body.extend(b"\r\n");
        }
        (Chunked::new(Some(seed), false), body)
    }

    fn decoded(mut chunked: Chunked, body: &[u8], step: usize) -> Result<Vec<u8>, Refusal> {
        let mut data = Vec::new();
        for piece in body.chunks(step) {
            chunked.push(piece, |bytes| data.extend_from_slice(bytes))?;
        }
        chunked.finish().map(|_| data)
    }

    #[test]
    fn the_published_example_is_decoded_however_it_comes() {
        for step in [1, 7, 4096, 1 << 20] {
            let (chunked, body) = example();
            assert_eq!(decoded(chunked, &body, step).unwrap(), vec![b'a'; 66560]);
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        for at in [100, 65536 + 300, 90] {
            let (chunked, mut body) = example();
            body[at] ^= 1;
            assert_eq!(decoded(chunked, &body, 4096).unwrap_err().code, "SignatureDoesNotMatch");
        }
    }

    #[test]
    fn trailers_are_read_and_nothing_may_be_missing() {
        let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
        let mut chunked = Chunked::new(None, true);
        let mut data = Vec::new();
        chunked.push(body, |bytes| data.extend_from_slice(bytes)).unwrap();
        assert_eq!(data, b"hello");
        assert_eq!(chunked.finish().unwrap(), [("x-amz-checksum-crc32".to_owned(), "NhCmhg==".to_owned())]);
        for length in 0..body.len() {
            assert!(decoded(Chunked::new(None, true), body.get(..length).unwrap(), 3).is_err(), "{length}");
        }
        assert!(decoded(Chunked::new(None, false), body, 3).is_err());
        assert!(decoded(Chunked::new(None, true), b"4\r\nhello\r\n0\r\n\r\n", 3).is_err());
    }
}

//! From what LiME sends to pieces of memory, on a thread that does nothing else, so that LiME waits for nothing but a slow destination:
//! then the pipe fills.

use std::io::{ErrorKind, Read};

use crossbeam_channel::{Receiver, Sender};

use super::framing::{Framing, Piece};
use crate::host::Clock;
use crate::model::{PhysRange, Timestamp};
use crate::source::memory::chunk::{self, CHUNK, Raw};

/// Bytes that are read at once. The pipe holds no more, and each of ours is a page that the image holds changed.
const READ: usize = 64 << 10;

/// Bytes of a range that wait for more.
struct Growing {
    record: PhysRange,
    start: u64,
    bytes: Vec<u8>,
    started: Timestamp,
}

/// Reads `stream` to its end and sends what it holds to `chunks`; vectors that are no longer needed come back through `spare`.
///
/// # Errors
/// Why the stream is not whole. What came before is sent. An end of whoever takes the chunks is no error of the stream.
pub(in super::super) fn relay(
    mut stream: impl Read,
    ram: &[PhysRange],
    clock: Clock,
    chunks: &Sender<Raw>,
    spare: &Receiver<Vec<u8>>,
) -> Result<(), String> {
    let mut framing = Framing::new(ram);
    let mut growing: Option<Growing> = None;
    let mut buffer = vec![0; READ];
    let verdict = loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => break framing.end(),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // The limit on its silence is of the way in.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break Err("the stream fell silent, and nothing more was waited for".to_owned());
            }
            Err(error) => break Err(format!("the way from the module broke: {error}")),
        };
        let mut wanted = true;
        let mut take = |piece: Piece<'_>| wanted &= add(&mut growing, piece, clock, chunks, spare);
        let pushed = framing.push(buffer.get(..length).unwrap_or_default(), &mut take);
        if !wanted {
            return Ok(());
        }
        if pushed.is_err() {
            break pushed;
        }
    };
    // Whoever takes the chunks may have stopped.
    let _ = send(growing.take(), clock, chunks);
    verdict
}

/// Adds a piece, cut at multiples of [`CHUNK`]; false when nobody takes chunks any more.
fn add(growing: &mut Option<Growing>, piece: Piece<'_>, clock: Clock, chunks: &Sender<Raw>, spare: &Receiver<Vec<u8>>) -> bool {
    let (mut start, mut bytes) = (piece.start, piece.bytes);
    while !bytes.is_empty() {
        let end = (start / CHUNK + 1).saturating_mul(CHUNK).min(piece.record.end());
        let room = usize::try_from(end - start).unwrap_or(usize::MAX).min(bytes.len());
        let (now, later) = bytes.split_at(room);
        let open = growing.get_or_insert_with(|| {
            let mut bytes = spare.try_recv().unwrap_or_else(|_| chunk::buffer());
            bytes.clear();
            Growing { record: piece.record, start, bytes, started: clock.now() }
        });
        open.bytes.extend_from_slice(now);
        start = start.saturating_add(u64::try_from(room).unwrap_or(u64::MAX));
        bytes = later;
        if start >= end && !send(growing.take(), clock, chunks) {
            return false;
        }
    }
    true
}

fn send(grown: Option<Growing>, clock: Clock, chunks: &Sender<Raw>) -> bool {
    grown.is_none_or(|Growing { record, start, bytes, started }| {
        chunks.send(Raw { record, start, bytes, started, finished: clock.now() }).is_ok()
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::memory::fake::FakeMemory;
    use crate::source::memory::lime::format::header;
    use crossbeam_channel::bounded;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    const MIB: u64 = 1 << 20;

    /// The stream that LiME sends of `memory`.
    pub(in super::super) fn stream(memory: &FakeMemory, ranges: &[PhysRange]) -> Vec<u8> {
        let bytes = |range: &PhysRange| {
            memory.bytes[usize::try_from(range.start()).unwrap()..usize::try_from(range.end()).unwrap()].to_vec()
        };
        ranges.iter().flat_map(|range| [header(*range).to_vec(), bytes(range)].concat()).collect()
    }

    pub(in super::super) fn ram() -> Vec<PhysRange> {
        let range = |start, end| PhysRange::new(start, end).unwrap();
        vec![range(0x1000, 0x9_fc00), range(0x10_0000, 2 * MIB + 0x3000), range(3 * MIB, 4 * MIB)]
    }

    /// A peer that sends `bytes` over a real socket, in the pieces that `send` makes of them, and closes it.
    fn from_socket(bytes: Vec<u8>, send: fn(&mut TcpStream, &[u8])) -> (Result<(), String>, Vec<Raw>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || send(&mut listener.accept().unwrap().0, &bytes));
        let (out, chunks) = bounded(1000);
        let (_give, spare) = bounded(0);
        let result = relay(TcpStream::connect(address).unwrap(), &ram(), Clock::start(), &out, &spare);
        peer.join().unwrap();
        (result, chunks.try_iter().collect())
    }

    fn whole(stream: &mut TcpStream, bytes: &[u8]) {
        // The other end may refuse the rest.
        let _ = stream.write_all(bytes);
    }

    fn end(raw: &Raw) -> u64 {
        raw.start + raw.bytes.len() as u64
    }

    fn memory() -> FakeMemory {
        FakeMemory::new(usize::try_from(4 * MIB).unwrap(), &[])
    }

    #[test]
    fn a_whole_stream_is_all_of_the_memory_in_order() {
        let memory = memory();
        let (result, chunks) = from_socket(stream(&memory, &ram()), whole);
        assert_eq!(result, Ok(()));
        for chunk in &chunks {
            let at = usize::try_from(chunk.start).unwrap();
            assert!(chunk.bytes == memory.bytes[at..at + chunk.bytes.len()]);
        }
        let covered: Vec<PhysRange> = chunks.iter().map(|chunk| PhysRange::new(chunk.start, end(chunk)).unwrap()).collect();
        assert!(covered.is_sorted());
        assert_eq!(crate::model::range::merge(covered), ram());
    }

    #[test]
    fn stalls_lose_nothing() {
        let send = |stream: &mut TcpStream, bytes: &[u8]| {
            for piece in bytes.chunks(1_000_003) {
                stream.write_all(piece).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        };
        let (result, chunks) = from_socket(stream(&memory(), &ram()), send);
        let bytes: u64 = chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum();
        assert_eq!((result, bytes), (Ok(()), crate::model::range::total(&ram())));
    }

    #[test]
    fn what_is_cut_or_foul_keeps_what_came_before() {
        let good = stream(&memory(), &ram());
        let cut = good[..1_500_000].to_vec();
        let mut foul = good;
        foul[32 + 0x9_ec00] ^= 1;
        let reversed = stream(&memory(), &[ram()[1], ram()[0]]);
        let overlapping = stream(&memory(), &[ram()[0], ram()[0]]);
        for (bytes, reason, least) in [
            (cut, "inside the range", 1_499_000),
            (foul, "no header where one is due", 0x9_ec00),
            (reversed, "does not lie behind", 2 * MIB + 0x3000 - 0x10_0000),
            (overlapping, "does not lie behind", 0x9_ec00),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n        ".to_vec(), "no header", 0),
            (vec![0; 5000], "no header", 0),
            (vec![1; 3], "3 bytes of a header", 0),
        ] {
            let (result, chunks) = from_socket(bytes, whole);
            let error = result.unwrap_err();
            let came: u64 = chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum();
            assert!(error.contains(reason), "{error}");
            assert!(came >= least, "{reason}: {came}");
        }
        assert!(matches!(from_socket(Vec::new(), whole), (Ok(()), chunks) if chunks.is_empty()));
    }

    #[test]
    fn silence_ends_the_stream_and_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut theirs = listener.accept().unwrap().0;
        theirs.write_all(&header(ram()[0])).unwrap();
        ours.set_read_timeout(Some(std::time::Duration::from_millis(10))).unwrap();
        let ((out, chunks), (_give, spare)) = (bounded(1), bounded(0));
        let error = relay(ours, &ram(), Clock::start(), &out, &spare).unwrap_err();
        assert!(error.contains("fell silent") && chunks.is_empty(), "{error}");
    }
}

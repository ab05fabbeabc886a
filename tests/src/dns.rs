//! A double of a name server on UDP: it answers, lies, refuses or hangs. Reference: RFC 1035.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What becomes of questions about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conduct {
    /// Those of these addresses that have the kind which is asked for.
    Addresses(Vec<IpAddr>),
    /// There is no such name.
    NoSuchName,
    /// The server has a problem.
    Failure,
    /// It will not answer this client.
    Refused,
    /// No answer at all.
    Hang,
    /// An answer with another id, as a forger sends it who must guess.
    WrongId(Vec<IpAddr>),
    /// An answer about another name.
    WrongName(Vec<IpAddr>),
    /// Bytes that are no message.
    Garbage,
}

/// A question that came: a name in lower case without the last dot, and a type (1 A, 28 AAAA).
pub type Question = (String, u16);

#[derive(Debug, Default)]
struct State {
    conducts: BTreeMap<String, Conduct>,
    otherwise: Option<Conduct>,
    questions: Vec<Question>,
}

/// The double. It ends when this is dropped.
#[derive(Debug)]
pub struct DnsDouble {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

const A: u16 = 1;
const AAAA: u16 = 28;
const HEADER: usize = 12;

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DnsDouble {
    /// Starts on a free port of 127.0.0.1. No name is known.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for UDP");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
        let address = socket.local_addr().expect("the address of a socket");
        let (state, is_over) = (Arc::<Mutex<State>>::default(), Arc::<AtomicBool>::default());
        let (own_state, own_end) = (Arc::clone(&state), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || serve(&socket, &own_state, &own_end));
        Self { address, state, is_over, thread: Some(thread) }
    }

    /// Where it listens, on UDP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What becomes of questions about this name.
    pub fn set(&self, name: &str, conduct: Conduct) {
        locked(&self.state).conducts.insert(name.to_ascii_lowercase(), conduct);
    }

    /// What becomes of questions about all other names; without it there is no such name.
    pub fn set_otherwise(&self, conduct: Conduct) {
        locked(&self.state).otherwise = Some(conduct);
    }

    /// All questions that came.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        locked(&self.state).questions.clone()
    }
}

impl Drop for DnsDouble {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed already.
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, state: &Mutex<State>, is_over: &AtomicBool) {
    let mut buffer = [0; 4096];
    while !is_over.load(Ordering::SeqCst) {
        // The timeout only lets it look whether it is over.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(query) = buffer.get(..length).and_then(Query::read) else { continue };
        let conduct = {
            let mut state = locked(state);
            state.questions.push((query.name.clone(), query.kind));
            let known = state.conducts.get(&query.name).or(state.otherwise.as_ref());
            known.cloned().unwrap_or(Conduct::NoSuchName)
        };
        if let Some(answer) = query.answer(&conduct) {
            // A client that is gone does not miss the answer.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// A message with one question.
struct Query {
    id: [u8; 2],
    name: String,
    kind: u16,
    /// The question as it came.
    question: Vec<u8>,
}

impl Query {
    fn read(message: &[u8]) -> Option<Self> {
        let (header, rest) = message.split_at_checked(HEADER)?;
        let [id0, id1, _, _, 0, 1, ..] = header else { return None };
        let (mut labels, mut left) = (Vec::new(), rest);
        loop {
            let (length, after) = left.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(*length).min(64))?;
            left = after;
            if label.is_empty() {
                break;
            }
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        }
        let (kind, after) = left.split_first_chunk::<2>()?;
        let (_class, after) = after.split_first_chunk::<2>()?;
        let question = rest.get(..rest.len() - after.len())?.to_vec();
        Some(Self { id: [*id0, *id1], name: labels.join("."), kind: u16::from_be_bytes(*kind), question })
    }

    fn answer(&self, conduct: &Conduct) -> Option<Vec<u8>> {
        let [high, low] = self.id;
        Some(match conduct {
            Conduct::Hang => return None,
            Conduct::Garbage => vec![high, low, 0xff],
            Conduct::NoSuchName => message(self.id, 3, &self.question, &[]),
            Conduct::Failure => message(self.id, 2, &self.question, &[]),
            Conduct::Refused => message(self.id, 5, &self.question, &[]),
            Conduct::Addresses(addresses) => message(self.id, 0, &self.question, &self.records(addresses)),
            Conduct::WrongId(addresses) => message([high ^ 0x55, low], 0, &self.question, &self.records(addresses)),
            Conduct::WrongName(addresses) => {
                let (kind, class) = (self.kind.to_be_bytes(), [0, 1]);
                let other = [b"\x05wrong\x07invalid\x00".as_slice(), &kind, &class].concat();
                message(self.id, 0, &other, &self.records(addresses))
            }
        })
    }

    /// Records of the kind that is asked for; each names the question by a pointer.
    fn records(&self, addresses: &[IpAddr]) -> Vec<Vec<u8>> {
        let record = |data: &[u8]| {
            let length = u16::try_from(data.len()).unwrap_or_default().to_be_bytes();
            [&[0xc0, 0x0c], self.kind.to_be_bytes().as_slice(), &[0, 1, 0, 0, 0, 60], &length, data].concat()
        };
        let wanted = addresses.iter().filter_map(|address| match (address, self.kind) {
            (IpAddr::V4(address), A) => Some(record(&address.octets())),
            (IpAddr::V6(address), AAAA) => Some(record(&address.octets())),
            _ => None,
        });
        wanted.collect()
    }
}

/// A response that is recursive and not authoritative.
fn message(id: [u8; 2], code: u8, question: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap_or_default().to_be_bytes();
    let header = [id.as_slice(), &[0x81, 0x80 | code, 0, 1], &count, &[0, 0, 0, 0]].concat();
    [header, question.to_vec(), records.concat()].concat()
}

//! A process that outlives the agent, whoever ends the agent and however: it learns of the end by a pipe that nobody else holds open,
//! and unloads the module that the agent had put into the kernel.
//!
//! ```text
//! agent ── words, one a line ──> pipe ──> warden (its own session, no descriptor but the pipe, no output, an empty environment)
//!   └ killed: the kernel closes the pipe when the last thread is gone, so no module is being loaded any more
//! ```
//!
//! A thread that waits for a destination that hangs is gone only when that wait ends. So as long as a module is loaded the warden looks
//! for a SIGKILL that the agent has before it, too.
//!
//! **Invariant:** it does nothing while the agent lives but read the pipe and, meanwhile, the agent's status; it unloads no module that
//! the agent has not said to be its own; it ends by itself.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, chdir, close, dup2_stderr, dup2_stdin, dup2_stdout, pipe2, setsid};

use super::{module, read, sys};

/// Its name, for whoever lists processes.
const NAME: &std::ffi::CStr = c"hozen-watchdog";
/// How long it does nothing between two looks at an agent that has a module loaded.
const PAUSE: Duration = Duration::from_millis(200);
/// How often the agent looks whether it has ended when it was told to, every five milliseconds.
const LOOKS: u32 = 100;
/// How often it tries to unload the module, every fifty milliseconds: what is still going on in it is over within moments.
const TRIES: u32 = 600;

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// What there is to watch, in the caller's own words, which are one line.
    Begin(Vec<u8>),
    /// The run is another one than was said, as where its destination took nothing: its id.
    Run(String),
    /// From now on a module called `lime` is ours.
    Loading,
    /// It is out of the kernel.
    Unloaded,
    /// The run has begun where the warden has no folder; how its end can be told there, in the caller's own words, which are one line.
    Place(Vec<u8>),
    /// The run is about to end: from here on nobody but the agent can know whether it has.
    Sealing,
    /// Why the agent is about to end without having sealed.
    Cause(String),
    /// The agent ends, and needs nobody.
    Bye,
}

impl Word {
    fn line(&self) -> Vec<u8> {
        match self {
            Self::Begin(charge) => [b"begin ", charge.as_slice(), b"\n"].concat(),
            Self::Run(run) => format!("run {run}\n").into_bytes(),
            Self::Loading => b"loading\n".to_vec(),
            Self::Unloaded => b"unloaded\n".to_vec(),
            Self::Place(place) => [b"place ", place.as_slice(), b"\n"].concat(),
            Self::Sealing => b"sealing\n".to_vec(),
            Self::Cause(cause) => format!("cause {cause}\n").into_bytes(),
            Self::Bye => b"bye\n".to_vec(),
        }
    }

    fn of(line: &[u8]) -> Option<Self> {
        match line {
            b"loading" => Some(Self::Loading),
            b"unloaded" => Some(Self::Unloaded),
            b"sealing" => Some(Self::Sealing),
            b"bye" => Some(Self::Bye),
            _ => {
                let text = |name: &[u8]| line.strip_prefix(name).map(|text| String::from_utf8_lossy(text).into_owned());
                let begin = line.strip_prefix(b"begin ").map(|charge| Self::Begin(charge.to_vec()));
                let place = line.strip_prefix(b"place ").map(|place| Self::Place(place.to_vec()));
                begin.or(place).or_else(|| text(b"run ").map(Self::Run)).or_else(|| text(b"cause ").map(Self::Cause))
            }
        }
    }
}

/// The agent's end.
#[derive(Debug)]
pub struct Warden {
    pid: Pid,
    /// One word at a time: a long one is more than the kernel keeps together (pipe(7)).
    words: Mutex<OwnedFd>,
}

impl Warden {
    /// Makes it, of a process that has no second thread yet. `life` is what it does; it gets the agent's words.
    ///
    /// # Errors
    /// `EBUSY` where there are threads; else the kernel's errno.
    pub fn start(life: impl FnOnce(Words)) -> Result<Self, Errno> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        match sys::fork()? {
            Some(pid) => Ok(Self { pid, words: Mutex::new(write) }),
            None => {
                drop(write);
                live(read, life)
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Says `word`. That nobody listens any more harms only the one who would have.
    pub fn say(&self, word: &Word) {
        let line = word.line();
        let mut left = line.as_slice();
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(written @ 1..) = read::retry(|| nix::unistd::write(&*words, left)) {
            left = left.get(written..).unwrap_or_default();
            if left.is_empty() {
                return;
            }
        }
    }

    /// Says goodbye, and waits for moments until it has ended, so that nothing of the run is left.
    pub fn dismiss(&self) {
        self.say(&Word::Bye);
        for _ in 0..LOOKS {
            match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
    }
}

/// The warden's end: the agent's words, until the agent is gone.
#[derive(Debug)]
pub struct Words {
    pipe: OwnedFd,
    /// Bytes of a word that has not ended. One that the agent's end has cut says nothing.
    begun: Vec<u8>,
    /// The process whose status is looked at while no word comes.
    agent: Option<u32>,
}

impl Words {
    fn new(pipe: OwnedFd) -> Self {
        Self { pipe, begun: Vec::new(), agent: None }
    }

    /// From now on the words end also when the process `agent` is dying, or not any more.
    pub fn look_at(&mut self, agent: Option<u32>) {
        let flags = if agent.is_some() { OFlag::O_NONBLOCK } else { OFlag::empty() };
        // Without it a read waits for the end of the pipe, which comes, too.
        let _ = fcntl(&self.pipe, FcntlArg::F_SETFL(flags));
        self.agent = agent;
    }

    fn whole(&mut self) -> Option<Word> {
        while let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.begun.drain(..=end).collect();
            if let Some(word) = Word::of(line.trim_ascii_end()) {
                return Some(word);
            }
        }
        None
    }
}

impl Iterator for Words {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let mut chunk = [0; 512];
        loop {
            if let Some(word) = self.whole() {
                return Some(word);
            }
            match nix::unistd::read(&self.pipe, &mut chunk) {
                Ok(length @ 1..) => self.begun.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if self.agent.is_some_and(is_dying) => return None,
                Err(Errno::EAGAIN) => std::thread::sleep(PAUSE),
                Ok(_) | Err(_) => return None,
            }
        }
    }
}

/// Whether the process is a zombie, or has a SIGKILL before it, which every thread gets when one of them or somebody else ends the
/// process (proc_pid_status(5)). Not where its status cannot be read: then the pipe tells.
fn is_dying(pid: u32) -> bool {
    let status = open(format!("/proc/{pid}/status").as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok();
    let mut text = [0; 4096];
    let length = status.and_then(|status| read::retry(|| nix::unistd::read(&status, &mut text)).ok()).unwrap_or(0);
    has_ended(text.get(..length).unwrap_or_default())
}

fn has_ended(status: &[u8]) -> bool {
    let text = String::from_utf8_lossy(status);
    text.lines().any(|line| match line.split_once(":\t") {
        Some(("State", state)) => state.starts_with(['Z', 'X']),
        // Bit 8 of the mask is signal 9.
        Some(("SigPnd" | "ShdPnd", mask)) => u64::from_str_radix(mask, 16).is_ok_and(|mask| mask & 0x100 != 0),
        _ => false,
    })
}

/// The whole life of the process.
#[expect(clippy::exit, reason = "a process of its own: it must not return into what the agent was about to do")]
fn live(words: OwnedFd, life: impl FnOnce(Words)) -> ! {
    let all = AssertUnwindSafe(|| {
        apart(&words)?;
        life(Words::new(words));
        Ok::<(), Errno>(())
    });
    let fine = catch_unwind(all).is_ok_and(|lived| lived.is_ok());
    std::process::exit(i32::from(!fine))
}

/// Cuts every tie to the agent: session and process group (a kill of the group would hit us), output (whoever started the agent
/// waits for it to close), other descriptors, environment (may hold credentials).
fn apart(words: &OwnedFd) -> Result<(), Errno> {
    setsid()?;
    nix::sys::prctl::set_name(NAME)?;
    for number in open_numbers()?.into_iter().filter(|number| *number > 2 && *number != words.as_raw_fd()) {
        // The one with which the folder was listed is closed by now.
        let _ = close(number);
    }
    // Not closed: the next file to be opened would become the standard output. Nobody can write into this end.
    dup2_stdin(words.as_fd()).and_then(|()| dup2_stdout(words.as_fd())).and_then(|()| dup2_stderr(words.as_fd()))?;
    for (name, _) in std::env::vars_os() {
        if let Ok(name) = std::ffi::CString::new(name.into_encoded_bytes()) {
            sys::wipe_variable(&name);
        }
    }
    chdir("/")
}

fn open_numbers() -> Result<Vec<RawFd>, Errno> {
    let folder = nix::dir::Dir::open("/proc/self/fd", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    Ok(folder.into_iter().flatten().filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()).collect())
}

/// What became of a module when the agent had gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The warden unloaded it.
    Unloaded,
    /// It was not there any more.
    Gone,
    /// It is still there.
    Loaded(Errno),
}

/// Unloads `lime`, of which the agent has said that it is ours. To be called when the agent is gone.
#[must_use]
pub fn unload() -> Left {
    let mut last = Errno::EBUSY;
    for _ in 0..TRIES {
        match module::unload(c"lime") {
            Ok(()) => return Left::Unloaded,
            Err(Errno::ENOENT) => return Left::Gone,
            Err(errno @ (Errno::EWOULDBLOCK | Errno::EBUSY | Errno::EINTR)) => last = errno,
            Err(errno) => return Left::Loaded(errno),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Left::Loaded(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::write;

    #[test]
    fn words_come_as_they_were_said_and_end_with_the_pipe() {
        let (read, words) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let said = [
            Word::Begin(br#"{"run":"x"}"#.to_vec()),
            Word::Run("01JD0000000000000000000000".to_owned()),
            Word::Loading,
            Word::Unloaded,
            Word::Place(vec![b'p'; 5000]),
            Word::Sealing,
            Word::Cause("a second signal".to_owned()),
            Word::Bye,
        ];
        let warden = Warden { pid: Pid::from_raw(0), words: Mutex::new(words) };
        said.iter().for_each(|word| warden.say(word));
        write(&*warden.words.lock().unwrap(), b"nonsense\nloadi").unwrap();
        drop(warden);
        assert_eq!(Words::new(read).collect::<Vec<_>>(), said);
    }

    #[test]
    fn an_agent_that_is_dying_says_nothing_more_though_its_pipe_is_open() {
        let (read, words) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let warden = Warden { pid: Pid::from_raw(0), words: Mutex::new(words) };
        let mut words = Words::new(read);
        words.look_at(Some(std::process::id()));
        warden.say(&Word::Loading);
        assert_eq!(words.next(), Some(Word::Loading));
        let later = std::thread::spawn(move || {
            std::thread::sleep(PAUSE / 2);
            warden.say(&Word::Unloaded);
            warden
        });
        assert_eq!(words.next(), Some(Word::Unloaded), "this process lives");
        let _open = later.join().unwrap();
        let mut zombie = zombie();
        words.look_at(Some(zombie.id()));
        assert_eq!(words.next(), None);
        zombie.wait().unwrap();
        let status = |mask: &str| format!("State:\tD (disk sleep)\nSigPnd:\t{mask}\nShdPnd:\t0000000000000000\n").into_bytes();
        assert!(has_ended(&status("0000000000000100")) && !has_ended(&status("0000000000004000")) && !has_ended(b""));
    }

    /// A process that has ended and that nobody has asked for its end.
    #[expect(clippy::disallowed_methods, reason = "the test needs a process")]
    fn zombie() -> std::process::Child {
        let mut child = std::process::Command::new("/bin/true").stdin(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdin.take());
        while !is_dying(child.id()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    #[test]
    fn nobody_listening_is_no_harm_and_a_process_with_threads_has_no_warden() {
        let (read, words) = pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(read);
        Warden { pid: Pid::from_raw(0), words: Mutex::new(words) }.say(&Word::Bye);
        let other = std::thread::spawn(std::thread::park);
        assert_eq!(Warden::start(|_| ()).unwrap_err(), Errno::EBUSY);
        other.thread().unpark();
        other.join().unwrap();
    }
}

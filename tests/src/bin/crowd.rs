//! `crowd PROCESSES SOCKETS`: that many sleeping processes, holding that many sockets in total: TCP listeners and UDP sockets
//! on 127.0.0.1 and pairs of unix sockets, in turn. Prints `ready` when all are there. Ends, with all of them, when its stdin
//! closes or on SIGTERM; they are killed by the kernel if it is killed itself.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use hozen_tests::life::{self, Failure, Life};
use hozen_tests::raw;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

const USAGE: &str = "usage: crowd PROCESSES SOCKETS";

fn main() -> ExitCode {
    life::report("crowd", crowd())
}

fn crowd() -> Result<(), Failure> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u32>().map_err(|_| USAGE));
    let (processes, sockets) = (numbers.next().ok_or(USAGE)??, numbers.next().ok_or(USAGE)??);
    leave_room(processes)?;
    let life = Life::begin()?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let mut children = Vec::new();
    let result = gather(&life, processes, sockets, &mut children);
    life::end(&children);
    result
}

/// Starts the children, waits until each has reported, and then for the end.
fn gather(life: &Life, processes: u32, sockets: u32, children: &mut Vec<Pid>) -> Result<(), Failure> {
    let (mut reports, report) = io::pipe()?;
    for index in 0..processes {
        let share = share(index, processes, sockets);
        let child = raw::fork(|| member(index, share, &report));
        children.push(child.map_err(|errno| format!("process {index} of {processes} could not be started: {errno}"))?);
    }
    drop(report);
    for _ in 0..processes {
        let mut byte = [0];
        reports.read_exact(&mut byte).map_err(|_| "a process ended before all were ready")?;
        if byte != [0] {
            return Err("a process could not open its sockets (see its message)".into());
        }
    }
    life::ready(&[("processes", processes.to_string()), ("sockets", sockets.to_string())])?;
    Ok(life.wait()?)
}

/// Refuses to use up the host's process ids: others need some too.
#[expect(clippy::disallowed_methods, reason = "a helper program that reads one setting")]
fn leave_room(processes: u32) -> Result<(), Failure> {
    let pid_max: u32 = std::fs::read_to_string("/proc/sys/kernel/pid_max")?.trim().parse()?;
    let most = pid_max / 2;
    if processes > most {
        return Err(format!("{processes} processes are too many here: at most {most}, half of kernel.pid_max").into());
    }
    Ok(())
}

/// How many sockets process `index` holds so that all together hold `sockets`. Pairs are not torn: shares are even.
fn share(index: u32, processes: u32, sockets: u32) -> u32 {
    let pairs = sockets / 2;
    let own = pairs / processes + u32::from(index < pairs % processes);
    own * 2 + if index == 0 { sockets % 2 } else { 0 }
}

/// One process of the crowd: opens its sockets, reports one byte, sleeps.
fn member(index: u32, share: u32, mut report: &io::PipeWriter) -> u8 {
    let held = open(index, share);
    if let Err(failure) = &held {
        let _ = io::stderr().write_all(format!("crowd: {failure}\n").as_bytes());
    }
    if report.write_all(&[u8::from(held.is_err())]).is_err() {
        return 1;
    }
    life::sleep_for_ever()
}

fn open(first_kind: u32, share: u32) -> io::Result<Vec<OwnedFd>> {
    let mut held: Vec<OwnedFd> = Vec::new();
    let wanted = usize::try_from(share).unwrap_or(usize::MAX);
    let mut kind = first_kind;
    while held.len() < wanted {
        match kind % 3 {
            0 if wanted - held.len() >= 2 => {
                let (one, other) = UnixStream::pair()?;
                held.extend([OwnedFd::from(one), OwnedFd::from(other)]);
            }
            1 => held.push(TcpListener::bind("127.0.0.1:0")?.into()),
            _ => held.push(UdpSocket::bind("127.0.0.1:0")?.into()),
        }
        kind = kind.wrapping_add(1);
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_add_up() {
        for (processes, sockets) in [(3000, 10_000), (1, 7), (5, 0), (7, 3)] {
            assert_eq!((0..processes).map(|index| share(index, processes, sockets)).sum::<u32>(), sockets);
        }
    }
}

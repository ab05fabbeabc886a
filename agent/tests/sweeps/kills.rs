//! Kill sweep: what lies on disk after a kill at any point is incomplete for every verifier, never valid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hozen::verify::Verdict;
use hozen_collector::model::{Digest, Held, ObjectKey};
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::sink::{EvidenceSink, ObjectWriter, SinkError};

use super::faults::{execute, fixture, sources, verdict};
use super::mutations::collect;

/// A folder that is copied before and after every call: each copy is what a kill at that moment leaves.
#[derive(Debug)]
struct Filmed {
    inner: DirectorySink,
    film: Arc<Film>,
}

#[derive(Debug)]
struct Film {
    folder: PathBuf,
    frames: PathBuf,
    count: AtomicU32,
}

struct FilmedObject {
    inner: Box<dyn ObjectWriter>,
    film: Arc<Film>,
}

impl Film {
    fn shoot(&self) {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        copy(&self.folder, &self.frames.join(format!("{number:04}")));
    }
}

/// Copies a folder; what vanishes meanwhile was between two names, as it would be in a kill.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _ = std::fs::copy(entry.path(), target);
        }
    }
}

impl EvidenceSink for Filmed {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        self.film.shoot();
        let inner = self.inner.create(key)?;
        self.film.shoot();
        Ok(Box::new(FilmedObject { inner, film: Arc::clone(&self.film) }))
    }

    fn describe(&self) -> BTreeMap<String, serde_json::Value> {
        self.inner.describe()
    }

    fn prepare_to_seal(&self) {
        self.inner.prepare_to_seal();
    }
}

impl ObjectWriter for FilmedObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let result = self.inner.part(bytes);
        self.film.shoot();
        result
    }

    fn taken(&self) -> (u64, Digest) {
        self.inner.taken()
    }

    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        let result = self.inner.finish(size, sha256);
        self.film.shoot();
        result
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let result = self.inner.abort();
        self.film.shoot();
        result
    }
}

#[test]
fn a_kill_between_any_two_calls_leaves_an_incomplete_run() {
    let (fixture, place) = (fixture(), tempfile::tempdir().unwrap());
    let (folder, frames) = (place.path().join("run"), place.path().join("frames"));
    let film = Arc::new(Film { folder: folder.clone(), frames: frames.clone(), count: AtomicU32::new(0) });
    let sink = Filmed { inner: DirectorySink::create(&folder).unwrap(), film: Arc::clone(&film) };
    let ended = execute(Arc::new(sink), sources(None, false, &Arc::default()), fixture.path());
    assert!(ended.result.safe_to_isolate);
    let count = film.count.load(Ordering::SeqCst);
    assert!(count > 30, "{count} frames");
    for number in 0..count {
        let frame = frames.join(format!("{number:04}"));
        let (verdict, findings) = verdict(&frame);
        let expected = match frame {
            _ if frame.join("999-end.json").exists() => Verdict::Verified,
            _ if std::fs::read_dir(&frame).unwrap().next().is_none() => Verdict::CouldNotCheck,
            _ => Verdict::Incomplete,
        };
        assert_eq!(verdict, expected, "frame {number}: {findings}");
    }
}

/// The same with the real binary and the real signal, spread over the time that a run takes.
#[test]
fn sigkill_at_many_moments_leaves_no_lie() {
    const KILLS: u32 = 60;
    let place = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    collect(&place.path().join("whole"), "context,freeze_frame,mounts,arp_cache,sessions,kernel_log");
    let length = begin.elapsed();
    let mut cut = 0;
    for number in 0..KILLS {
        let dir = place.path().join(number.to_string());
        kill_after(&dir, length * number / KILLS);
        if dir.join("999-end.json").exists() {
            continue;
        }
        // The watchdog outlives the kill, lays its record beside what has begun, and ends. Before that a folder is not yet what it will be.
        if dir.join("000-begin.json").exists() {
            let late = Instant::now() + Duration::from_secs(20);
            while !dir.join("999-killed.json").exists() {
                assert!(Instant::now() < late, "kill {number}: no record of it");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let (verdict, findings) = verdict(&dir);
        let nothing = !dir.join("000-begin.json").exists() && !dir.join("000-begin.json.part").exists();
        let expected = if nothing { Verdict::CouldNotCheck } else { Verdict::Incomplete };
        assert_eq!(verdict, expected, "kill {number}: {findings}");
        cut += 1;
    }
    assert!(cut > 0, "no kill came before the end of a run");
}

fn kill_after(dir: &Path, moment: Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hozen"));
    command
        .args(["collect", "--unprivileged", "--only", "context,freeze_frame,mounts,arp_cache,sessions,kernel_log", "--to"])
        .arg(dir);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(moment);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
}

//! Real runs over sources that hold what the test has planted: images, and archive members that are honest or hostile.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hozen::cli::CollectArgs;
use hozen::config::Config;
use hozen::run::{self, Run};
use hozen::settings::Settings;
use hozen_collector::collect::Control;
use hozen_collector::host::Host;
use hozen_collector::host::sys::Stat;
use hozen_collector::model::{Artefact, Category, Outcome, Profile, Row, RunId, Timestamp};
use hozen_collector::sink::EvidenceSink;
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::source::{Evidence, Member, MemberKind, Source, Stop};

/// An image and what the table says that it is worth.
pub(crate) struct Image(pub(crate) &'static str, pub(crate) &'static str, pub(crate) Vec<u8>);

/// Images, as the artefact `memory` writes them.
pub(crate) struct Images(pub(crate) Vec<Image>);

impl Source for Images {
    fn artefact(&self) -> Artefact {
        artefact("memory", Category::Memory, &["memory_captures"])
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        for Image(name, quality, content) in &self.0 {
            evidence.image_begin(name)?;
            content.chunks(100_000).try_for_each(|piece| evidence.image_write(piece))?;
            evidence.image_end()?;
            let mut row = Row::new(Timestamp::from_seconds(0), "test");
            row.text("method", name).text("image", name).text("quality", quality).json("reasons", &["for a reason"]);
            row.int("image_bytes", i128::try_from(content.len()).unwrap());
            evidence.row("memory_captures", &row)?;
        }
        Ok(Outcome::ok())
    }
}

/// A member of an archive.
pub(crate) enum Planted {
    /// With permissions and a time of modification in nanoseconds.
    File(&'static [u8], Vec<u8>, u32, i128),
    Pseudo(&'static [u8], Vec<u8>),
    Link(&'static [u8], &'static [u8]),
    Folder(&'static [u8]),
    Special(&'static [u8], u32),
}

/// The archive of the artefact of this name.
pub(crate) struct Files(pub(crate) &'static str, pub(crate) Vec<Planted>);

impl Source for Files {
    fn artefact(&self) -> Artefact {
        artefact(self.0, Category::File, if self.0 == "first" { &["first"] } else { &["second"] })
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        for planted in &self.1 {
            match planted {
                Planted::File(path, content, mode, time) => {
                    evidence.raw(&Member::file(path, stat(0o100_000 | mode, *time)), content)?;
                }
                Planted::Pseudo(path, content) => evidence.raw(&Member::pseudo(path), content)?,
                Planted::Link(path, target) => evidence.raw(&Member::symlink(path, target), b"")?,
                Planted::Folder(path) => {
                    let stat = Some(stat(0o040_755, 1_000_000_007));
                    evidence.raw(&Member { path, kind: MemberKind::Directory, stat }, b"")?;
                }
                Planted::Special(path, mode) => {
                    let stat = Some(stat(*mode, 0));
                    evidence.raw(&Member { path, kind: MemberKind::Special, stat }, b"")?;
                }
            }
        }
        Ok(Outcome::ok())
    }
}

fn stat(mode: u32, mtime_ns: i128) -> Stat {
    Stat {
        mode,
        nlink: 1,
        uid: 1000,
        gid: 7,
        ino: 1,
        size: 0,
        blocks: 0,
        dev: (8, 1),
        rdev: (1, 3),
        atime_ns: 2_000_000_000,
        mtime_ns,
        ctime_ns: 3,
        btime_ns: None,
        attributes: 0,
        mnt_id: None,
    }
}

fn artefact(name: &'static str, category: Category, tables: &'static [&'static str]) -> Artefact {
    Artefact {
        name,
        category,
        profile: Profile::Volatile,
        budget: Duration::from_secs(60),
        budget_bytes: None,
        source: "",
        about: "a test",
        tables,
    }
}

/// Collects from these sources into `to`.
pub(crate) fn collect(sources: Vec<Box<dyn Source>>, to: &Path) {
    assert!(collect_into(sources, Arc::new(DirectorySink::create(to).unwrap())), "it was not sealed");
}

/// Collects from these sources into `sink`; whether the run was sealed.
pub(crate) fn collect_into(sources: Vec<Box<dyn Source>>, sink: Arc<dyn EvidenceSink>) -> bool {
    let fixture = tempfile::tempdir().unwrap();
    std::fs::create_dir(fixture.path().join("proc")).unwrap();
    let (settings, host) =
        (Settings::new(&CollectArgs::default(), Config::default()).unwrap(), Host::fixture(fixture.path()).unwrap());
    let (plan, id) = (run::plan(sources, &settings), RunId::new(host.clock.now(), 7));
    let control = Arc::new(Control::new(None));
    let ended = Run {
        id,
        settings,
        host,
        sink,
        plan,
        control,
        access: std::collections::BTreeMap::default(),
        instance: None,
        spool: None,
        errand: None,
        status: None,
    }
    .execute();
    ended.result.safe_to_isolate
}

/// Rows of a table of this name.
pub(crate) struct Rows(pub(crate) &'static str, pub(crate) Vec<Row>);

impl Source for Rows {
    fn artefact(&self) -> Artefact {
        artefact(self.0, Category::Process, if self.0 == "last" { &["last"] } else { &["files"] })
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let table = if self.0 == "last" { "last" } else { "files" };
        self.1.iter().try_for_each(|row| evidence.row(table, row))?;
        Ok(Outcome::ok())
    }
}

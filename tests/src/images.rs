//! Images of a guest's memory in its evidence: what they hold, held against pages that were stamped.

use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use crate::agent::Agent;
use crate::evidence::{Evidence, bytes, number};
use crate::stamp::{self, Report};
use crate::vm::Ended;

/// For a guest's script: stamps pages, which stay until [`RELEASE`]; and
/// `collect NAME OPTIONS…`, a run that leaves `NAME`, `NAME.result`, `NAME.said`, `NAME.code` and, as they are after it,
/// `NAME.modules` in `/out`.
pub const STAMP: &str = "\
mkfifo /tmp/hold
stamp PAGES /out/frames </tmp/hold >/out/stamped &
exec 3>/tmp/hold
until grep -qs ready /out/stamped; do sleep 0.1; done
cat /proc/iomem >/out/iomem
start() {
  name=$1; shift; echo collecting $name
  hozen collect --case VM-2 --only memory --to /out/$name \"$@\" >/out/$name.result 2>/out/$name.said 3>&- &
  run=$!
}
finish() {
  wait $run
  echo $? >/out/$name.code
  cat /proc/modules >/out/$name.modules
}
collect() { start \"$@\"; finish; }
";
/// Lets the stamped pages go.
pub const RELEASE: &str = "exec 3>&-; wait\n";

/// [`STAMP`] with this many pages.
#[must_use]
pub fn stamping(pages: u32) -> String {
    STAMP.replace("PAGES", &pages.to_string())
}

/// A run of `collect` in a guest that has ended.
#[derive(Debug)]
pub struct Run<'a> {
    ended: &'a Ended,
    name: String,
    /// What it left.
    pub evidence: Evidence,
}

impl<'a> Run<'a> {
    /// The run `name`, which must have ended with exit code `code` and left evidence that verifies.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn of(ended: &'a Ended, name: &str, code: i32) -> Self {
        Self::with_evidence(ended, name, code, &ended.out.join(name))
    }

    /// Likewise, with its evidence in this folder.
    ///
    /// # Panics
    /// When it did not end so, or does not verify.
    #[must_use]
    pub fn with_evidence(ended: &'a Ended, name: &str, code: i32, folder: &Path) -> Self {
        let run = Self { ended, name: name.to_owned(), evidence: Evidence { dir: folder.to_owned() } };
        assert_eq!(run.text("code"), format!("{code}\n"), "{}\n{}", run.said(), ended.console);
        Agent::find().verify(&run.evidence.dir).assert_code(0);
        run
    }

    /// One of the files that `collect` leaves.
    #[must_use]
    pub fn text(&self, ending: &str) -> String {
        self.ended.text(&format!("{}.{ending}", self.name))
    }

    /// All that it said, for a message.
    #[must_use]
    pub fn said(&self) -> String {
        format!("{}: {}{}", self.name, self.text("said"), self.text("result"))
    }

    /// The row of the table `memory_captures` of this method.
    ///
    /// # Panics
    /// When there is not exactly one.
    #[must_use]
    pub fn capture(&self, method: &str) -> Value {
        let rows = self.evidence.table("memory_captures");
        let mut of_method = rows.iter().filter(|row| bytes(row, "method").as_deref() == Some(method.as_bytes()));
        let row = of_method.next().unwrap_or_else(|| panic!("no capture by {method} in {rows:#?}\n{}", self.said()));
        assert_eq!(of_method.next(), None, "{rows:#?}");
        row.clone()
    }

    /// The methods that were tried and what their captures are worth, in order: `lime rejected, kcore ok`.
    #[must_use]
    pub fn captures(&self) -> String {
        let word = |row: &Value, column: &str| String::from_utf8(bytes(row, column).unwrap_or_default()).unwrap_or_default();
        let rows = self.evidence.table("memory_captures");
        let words: Vec<String> = rows.iter().map(|row| format!("{} {}", word(row, "method"), word(row, "quality"))).collect();
        words.join(", ")
    }

    /// The reasons of this method's row in a table, as one text.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn reasons(&self, table: &str, method: &str) -> String {
        let rows = self.evidence.table(table);
        let row = rows.iter().find(|row| bytes(row, "method").as_deref() == Some(method.as_bytes()));
        row.unwrap_or_else(|| panic!("no {method} in {rows:#?}")).get("reasons").map(ToString::to_string).unwrap_or_default()
    }

    /// What `cat data/memory/<image>/*.lime.zst | zstd -d` gives.
    ///
    /// # Panics
    /// When it is not zstd.
    #[must_use]
    pub fn image(&self, image: &str) -> Vec<u8> {
        let prefix = format!("data/memory/{image}/");
        let keys: Vec<String> = self.evidence.keys().into_iter().filter(|key| key.starts_with(&prefix)).collect();
        let stored: Vec<u8> = keys.iter().flat_map(|key| self.evidence.stored(key)).collect();
        let mut content = Vec::new();
        if !stored.is_empty() {
            zstd::Decoder::new(stored.as_slice()).expect("zstd").read_to_end(&mut content).expect("zstd");
        }
        content
    }

    /// How the stamped pages stand in an image.
    ///
    /// # Panics
    /// When it is no whole image.
    #[must_use]
    pub fn stamps(&self, image: &[u8]) -> Report {
        stamp::check(image, run_number(self.ended), &frames(self.ended)).unwrap_or_else(|why| panic!("{why}\n{}", self.said()))
    }

    /// How the stamped pages stand in the image `name`, which was cut short. The rows of its extents must say what stands in it.
    ///
    /// # Panics
    /// When it is no beginning of an image.
    #[must_use]
    pub fn beginning(&self, name: &str) -> Report {
        let image = self.image(name);
        self.extents_are_right(name, &image);
        let report = stamp::check_beginning(image.as_slice(), run_number(self.ended), &frames(self.ended));
        report.unwrap_or_else(|why| panic!("{why}\n{}", self.said()))
    }

    /// The image `name` must be whole: each range of `/proc/iomem`, every stamped page, and every extent as its row says.
    /// Returns its bytes.
    ///
    /// # Panics
    /// When it is not.
    pub fn whole_image(&self, name: &str) -> Vec<u8> {
        let image = self.image(name);
        let report = self.stamps(&image);
        assert!(report.is_whole() && report.right == frames(self.ended).len() as u64, "{report:?}\n{}", self.said());
        assert_eq!(crate::lime::read(image.as_slice(), |_, _| ()), Ok(system_ram(&self.ended.text("iomem"))));
        self.extents_are_right(name, &image);
        image
    }

    /// Every extent of the image `name` has the checksum of the bytes that stand where it says, and was read when it can have been. What
    /// the destination did not take has a gap of the step instead.
    fn extents_are_right(&self, name: &str, image: &[u8]) {
        let extents = self.evidence.table("extents");
        let own: Vec<&Value> = extents.iter().filter(|row| bytes(row, "image").as_deref() == Some(name.as_bytes())).collect();
        assert!(!own.is_empty());
        self.times_are_right(name, &own);
        for row in own {
            let at = |column: &str| usize::try_from(number(row, column).expect(column)).expect(column);
            let Some(piece) = image.get(at("image_offset")..at("image_offset") + at("length")) else {
                assert!(self.is_lost(name), "{row} does not stand in the image");
                continue;
            };
            let checksum = format!("{:032x}", twox_hash::XxHash3_128::oneshot(piece));
            assert_eq!(bytes(row, "xxh3_128").expect("a checksum"), checksum.into_bytes(), "{row}");
        }
    }

    /// Every extent was read between the beginning and the end of its capture. LiME sends one after the other; readers of `/proc/kcore`
    /// read several at a time.
    fn times_are_right(&self, name: &str, extents: &[&Value]) {
        let capture = self.capture(name);
        let (began, ended) = (time(&capture, "started"), time(&capture, "finished"));
        let mut last = began;
        for row in extents {
            let (started, finished) = (time(row, "started"), time(row, "finished"));
            assert!(began <= started && started <= finished && finished <= ended, "{row}\n{capture}");
            if bytes(row, "method").as_deref() == Some(b"lime") {
                assert!(last <= started, "it began before the one in front of it had ended: {row}");
                last = finished;
            }
        }
    }

    /// Whether the step says that the destination did not take all of this image.
    fn is_lost(&self, name: &str) -> bool {
        let step = self.evidence.step("memory");
        let text = |gap: &Value, field: &str| gap.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let of_image = |gap: &Value| text(gap, "source").starts_with(&format!("data/memory/{name}/"));
        let mut gaps = step.get("gaps").and_then(Value::as_array).into_iter().flatten();
        gaps.any(|gap| of_image(gap) && text(gap, "reason").starts_with("not stored"))
    }
}

/// A column's time.
fn time(row: &Value, column: &str) -> Timestamp {
    let text = row.get(column).and_then(Value::as_str).unwrap_or_else(|| panic!("no {column} in {row}"));
    text.parse().unwrap_or_else(|error| panic!("{column}: {error}: {row}"))
}

/// The number of the run of `stamp`.
fn run_number(ended: &Ended) -> u64 {
    let stamped = ended.text("stamped");
    let word = stamped.split_ascii_whitespace().find_map(|word| word.strip_prefix("run=")).expect("a run");
    word.parse().expect("a number")
}

/// The frames that were stamped.
fn frames(ended: &Ended) -> Vec<u64> {
    ended.text("frames").lines().map(|line| line.parse().expect("a frame")).collect()
}

/// The ranges of memory in a copy of `/proc/iomem`.
#[must_use]
pub fn system_ram(iomem: &str) -> Vec<RangeInclusive<u64>> {
    let range = |line: &str| {
        let (start, end) = line.strip_suffix(" : System RAM")?.split_once('-')?;
        Some(u64::from_str_radix(start, 16).ok()?..=u64::from_str_radix(end, 16).ok()?)
    };
    iomem.lines().filter_map(range).collect()
}

//! The proof of memory and symbols together: Volatility 3 from the package index reads the image of a real kernel with our
//! symbol file, and lists what is known to be in it. docs/volatility.md says what else it lists.

#![expect(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used, reason = "tests run other people's programs")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, sha256};
use hozen_tests::helper::beside;
use hozen_tests::host::skipped;
use hozen_tests::python;
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::Value;

/// What is to be found: a line of the log, an open file, a listener, a process with code put into it, a shell with a history.
const SCENE: &str = "\
echo known-line-of-the-log >/dev/kmsg
echo text >/tmp/known-file
tail -f /tmp/known-file >/dev/null &
nc -l -p 4040 &
mkfifo /tmp/hold /tmp/typed
injected </tmp/hold >/tmp/injected &
exec 4>/tmp/hold
HISTFILE=/dev/null bash --norc -i </tmp/typed >/tmp/shell 2>&1 &
exec 3>/tmp/typed
echo 'echo a-known-$((40+2))-command' >&3
until grep -q a-known-42-command /tmp/shell && grep -q ready /tmp/injected; do sleep 0.1; done
until netstat -ltn | grep -q :4040; do sleep 0.1; done
hozen collect --case VM-5 --only kernel_symbols,memory --memory lime --module /lime.ko --module-sha256 LIME \\
  --to /out/evidence >/out/result 2>/out/said
echo $? >/out/code
cp /tmp/injected /out/injected
";

#[test]
fn volatility_lists_what_is_known_to_be_there() {
    let test = "volatility_lists_what_is_known_to_be_there";
    let (Some(lab), Some(bash)) = (Lab::find(test), bash(test)) else { return };
    let Some(python) = python::with(test, &["volatility3", "jsonschema"]) else { return };
    let lime = std::fs::read(lab.lime()).unwrap();
    let script = SCENE.replace("LIME", &sha256(&lime));
    let guest = Guest::new(&lab).program(&Agent::find().program()).program(&bash).program(&beside("injected"));
    let ended = guest.file("/lime.ko", 0o644, lime).boot(&script).end();
    assert_eq!(ended.text("code"), "0\n", "{}{}", ended.text("said"), ended.text("result"));
    let folder = tempfile::tempdir().unwrap();
    let analysis = Analysis::of(&ended, python, folder.path());
    analysis.schema_fits();
    let first = analysis.run("linux.pslist");
    let rest = ["pstree", "lsmod", "sockstat", "lsof", "bash", "malware.check_syscall", "kmsg", "malware.malfind"];
    let [pstree, lsmod, sockstat, lsof, history, syscalls, kmsg, malfind] = analysis.run_all(rest);
    for name in ["init", "bash", "nc", "tail", "injected", "hozen"] {
        assert!(any(&first, &[("COMM", name)]) && any(&pstree, &[("COMM", name)]), "{name}: {first}");
    }
    assert!(first.to_string().contains("\"CREATION TIME\":\"20"), "times are made of tk_core: {first}");
    assert!(any(&lsmod, &[("Module Name", "virtio_blk"), ("Taints", "")]), "{lsmod}");
    assert!(any(&lsmod, &[("Module Name", "lime"), ("Taints", "OOT_MODULE,UNSIGNED_MODULE")]), "{lsmod}");
    let listener = [("Process Name", "nc"), ("Proto", "TCP"), ("Source Port", "4040"), ("State", "LISTEN")];
    assert!(any(&sockstat, &listener), "{sockstat}");
    assert!(any(&lsof, &[("Process", "tail"), ("Path", "/tmp/known-file")]), "{lsof}");
    assert!(any(&history, &[("Process", "bash"), ("Command", "echo a-known-$((40+2))-command")]), "{history}");
    assert!(any(&syscalls, &[("Index", "0"), ("Handler Symbol", "__x64_sys_read")]), "{syscalls}");
    assert!(any(&kmsg, &[("line", "known-line-of-the-log")]), "{kmsg}");
    assert!(any(&malfind, &[("Process", "injected"), ("Protection", "rwx"), ("Start", &code_of(&ended))]), "{malfind}");
    a_second_symbol_file_is_refused(&analysis);
}

/// Bash, for its history: busybox keeps none in memory that Volatility knows.
fn bash(test: &str) -> Option<PathBuf> {
    let bash = PathBuf::from("/bin/bash");
    (bash.is_file() || skipped(test, "bash")).then_some(bash)
}

/// The address, in decimal, of the page that has code in it.
fn code_of(ended: &Ended) -> String {
    let said = ended.text("injected");
    let address = said.split_ascii_whitespace().find_map(|word| word.strip_prefix("address=0x"));
    u64::from_str_radix(address.unwrap_or_else(|| panic!("{said}")), 16).unwrap().to_string()
}

/// What an analyst has: a symbol file, an image, Volatility.
struct Analysis {
    python: PathBuf,
    evidence: PathBuf,
    symbols: PathBuf,
    image: PathBuf,
    cache: PathBuf,
}

impl Analysis {
    fn of(ended: &Ended, python: PathBuf, folder: &Path) -> Self {
        let evidence = ended.out.join("evidence");
        Agent::find().verify(&evidence).assert_code(0);
        let [symbols, image, cache] = ["symbols", "memory.lime", "cache"].map(|name| folder.join(name));
        make_symbols(&evidence, &symbols).assert_code(0);
        decompress(&Evidence::open(&evidence), &image);
        Self { python, evidence, symbols, image, cache }
    }

    /// The one file that ends in `.json`.
    fn isf(&self) -> PathBuf {
        let files = std::fs::read_dir(self.symbols.join("linux")).unwrap().map(|entry| entry.unwrap().path());
        let [file]: [PathBuf; 1] =
            files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect::<Vec<_>>().try_into().unwrap();
        file
    }

    /// Volatility's cache is that of this test, so nothing is taken from an earlier run.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("XDG_CACHE_HOME", &self.cache).env_remove("PYTHONPATH");
        command
    }

    fn schema_fits(&self) {
        let said = succeeded(self.command(&self.python).arg(python::script("schema.py")).arg(self.isf()));
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "6.2.0");
    }

    /// The rows of a plugin.
    fn run(&self, plugin: &str) -> Value {
        let mut command = self.command(&self.python.with_file_name("vol"));
        command.args(["-q", "--offline", "-r", "json", "-s"]).arg(&self.symbols).arg("-f").arg(&self.image).arg(plugin);
        let output = succeeded(&mut command);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{plugin}: {error}: {output:?}"))
    }

    /// Two at a time.
    fn run_all<const N: usize>(&self, plugins: [&str; N]) -> [Value; N] {
        let run = |name: &&str| self.run(&format!("linux.{name}"));
        let (left, right) = plugins.split_at(N / 2);
        let rows: Vec<Value> = std::thread::scope(|scope| {
            let left = scope.spawn(|| left.iter().map(run).collect::<Vec<_>>());
            let right: Vec<Value> = right.iter().map(run).collect();
            left.join().unwrap().into_iter().chain(right).collect()
        });
        rows.try_into().unwrap()
    }
}

fn make_symbols(evidence: &Path, to: &Path) -> hozen_tests::agent::Finished {
    Agent::find().run(["symbols".as_ref(), evidence.as_os_str(), "-o".as_ref(), to.as_os_str()])
}

/// What `cat data/memory/lime/*.lime.zst | zstd -d` gives.
fn decompress(evidence: &Evidence, image: &Path) {
    let keys = evidence.keys().into_iter().filter(|key| key.starts_with("data/memory/lime/"));
    let mut to = File::create(image).unwrap();
    keys.for_each(|key| zstd::stream::copy_decode(File::open(evidence.dir.join(key)).unwrap(), &mut to).unwrap());
}

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether a row, or one below it in a tree, has these values.
fn any(rows: &Value, values: &[(&str, &str)]) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let has = |row: &Value, (column, value): &(&str, &str)| row.get(column).is_some_and(|found| text(found) == *value);
    let below = |row: &Value| row.get("__children").is_some_and(|children| any(children, values));
    rows.as_array().is_some_and(|rows| rows.iter().any(|row| values.iter().all(|pair| has(row, pair)) || below(row)))
}

fn a_second_symbol_file_is_refused(analysis: &Analysis) {
    let again = make_symbols(&analysis.evidence, &analysis.symbols);
    again.assert_code(32);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

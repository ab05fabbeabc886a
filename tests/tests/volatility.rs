//! The proof of memory and symbols together: Volatility 3 from the package index reads the image of a real kernel with our
//! symbol file, and lists what is known to be in it. docs/volatility.md says what else it lists.

#![expect(clippy::disallowed_methods, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use hozen_tests::agent::{Agent, code};
use hozen_tests::evidence::sha256;
use hozen_tests::helper::beside;
use hozen_tests::host::skipped;
use hozen_tests::vm::{Ended, Guest, Lab};
use hozen_tests::volatility::{self, Analysis, any, make_symbols};
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
hozen collect --case VM-5 --only memory --memory kcore --to /out/kcore >/out/kcore.result 2>/out/kcore.said
echo $? >/out/kcore.code
";
/// The processes of the scene, and the one that reads its memory.
const PROCESSES: [&str; 6] = ["init", "bash", "nc", "tail", "injected", "hozen"];
/// The plugins of which it is known what they must find.
const HELD: [&str; 9] =
    ["pslist", "pstree", "lsmod", "sockstat", "lsof", "bash", "malware.check_syscall", "kmsg", "malware.malfind"];

#[test]
fn volatility_lists_what_is_known_to_be_there() {
    let test = "volatility_lists_what_is_known_to_be_there";
    let (Some(lab), Some(bash)) = (Lab::find(test), bash(test)) else { return };
    let Some(python) = volatility::python(test) else { return };
    let lime = std::fs::read(lab.lime()).unwrap();
    let script = SCENE.replace("LIME", &sha256(&lime));
    let guest = Guest::new(&lab).program(&Agent::find().program()).program(&bash).program(&beside("injected"));
    let ended = guest.file("/lime.ko", 0o644, lime).boot(&script).end();
    assert_eq!(ended.text("code"), "0\n", "{}{}", ended.text("said"), ended.text("result"));
    let folder = tempfile::tempdir().unwrap();
    let analysis = Analysis::of(python, &ended.out.join("evidence"), "lime", folder.path());
    assert_eq!(analysis.schema(), "6.2.0");
    assert!(is_some_row(&analysis.run_first("boottime")));
    let [pslist, pstree, lsmod, sockstat, lsof, history, syscalls, kmsg, malfind] = analysis.run_all(HELD);
    for name in PROCESSES {
        assert!(any(&pslist, &[("COMM", name)]) && any(&pstree, &[("COMM", name)]), "{name}: {pslist}");
    }
    assert!(pslist.to_string().contains("\"CREATION TIME\":\"20"), "times are made of tk_core: {pslist}");
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
    plugins_do_what_the_table_says(&analysis);
    the_image_by_kcore_opens_too(&analysis, &ended);
}

/// What docs/volatility.md says of each plugin but those that were looked at by hand.
fn plugins_do_what_the_table_says(analysis: &Analysis) {
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/volatility.md")).unwrap();
    assert_eq!(plugins_of(&table, "held"), HELD);
    let (lists, empty) = (plugins_of(&table, "lists"), plugins_of(&table, "empty"));
    let all = [lists.clone(), empty].concat();
    for (at, (plugin, rows)) in all.iter().zip(analysis.run_each(&all)).enumerate() {
        assert_eq!(is_some_row(&rows), at < lists.len(), "{plugin}: {rows}");
    }
}

/// The plugins of which the table says this.
fn plugins_of<'a>(table: &'a str, word: &str) -> Vec<&'a str> {
    let mut rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let row = rows.find(|(_, said)| said.starts_with(word)).unwrap_or_else(|| panic!("no row {word} in {table}"));
    row.0.split(", ").map(|name| name.trim_matches('`')).collect()
}

fn is_some_row(rows: &Value) -> bool {
    rows.as_array().is_some_and(|rows| !rows.is_empty())
}

/// The kernel's own view of its memory, with the symbols of the other run. LiME was gone by then.
fn the_image_by_kcore_opens_too(analysis: &Analysis, ended: &Ended) {
    assert_eq!(ended.text("kcore.code"), "0\n", "{}{}", ended.text("kcore.said"), ended.text("kcore.result"));
    let folder = tempfile::tempdir().unwrap();
    let kcore = analysis.of_another(&ended.out.join("kcore"), "kcore", folder.path());
    let [pslist, lsmod] = kcore.run_all(["pslist", "lsmod"]);
    for name in PROCESSES {
        assert!(any(&pslist, &[("COMM", name)]), "{name}: {pslist}");
    }
    assert!(any(&lsmod, &[("Module Name", "virtio_blk")]) && !any(&lsmod, &[("Module Name", "lime")]), "{lsmod}");
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

fn a_second_symbol_file_is_refused(analysis: &Analysis) {
    let again = make_symbols(&analysis.evidence, &analysis.symbols);
    again.assert_code(code::BAD_DESTINATION);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
}

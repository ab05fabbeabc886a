//! A module store on a real kernel: the factory's module is used, and every other is refused before the kernel sees it.

#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests lay out stores with the standard library"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hozen_tests::agent::Agent;
use hozen_tests::evidence::{Evidence, bytes, number};
use hozen_tests::helper::beside;
use hozen_tests::host::skipped;
use hozen_tests::vm::{Ended, Guest, Lab};
use serde_json::Value;

const TEST: &str = "a_signed_module_is_used_and_every_other_is_refused_before_the_kernel_sees_it";
/// Six images, one after the other, without KVM: on a busy machine that takes its time.
const LIMIT: Duration = Duration::from_secs(900);
/// Each bad store in turn, and the good one last: a module that was loaded once taints the kernel for good.
const SCRIPT: &str = "\
collect() {
  name=$1; shift
  $before hozen collect --case VM-4 --only memory --to /out/$name \"$@\" >/out/$name.result 2>/out/$name.said
  echo $? >/out/$name.code
  cat /proc/modules >/out/$name.modules
  cat /proc/sys/kernel/tainted >/out/$name.tainted
}
hozen preflight >/out/preflight 2>/out/preflight.said
hozen modules match --json >/out/match
echo $? >/out/match.code
hozen collect --only memory --dry-run >/out/dry.result 2>/out/dry.said
for store in tampered other-key other-build no-key; do
  key=/etc/hozen/modules.pub
  [ $store != no-key ] || key=/nowhere.pub
  collect $store --memory auto --modules /stores/$store --modules-key $key
done
collect default --memory auto
before='without memfd_create --'
collect copied --memory auto
";

/// Folders in which the stores are made.
struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs `hozen modules` with these words; `@` stands for this folder.
    fn modules(&self, words: &str) -> hozen_tests::agent::Finished {
        let words = words.replace('@', &self.text(""));
        Agent::find().run(std::iter::once("modules").chain(words.split_ascii_whitespace()))
    }

    /// Lets the factory build LiME for the lab's kernel into the store `good`. False where LiME's source cannot be had.
    fn build(&self, lab: &Lab) -> bool {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/lime/build-module.sh");
        let mut factory = Command::new(script);
        factory.args(["--release", &lab.release, "--store", &self.text("good"), "--key", &self.text("own.key")]);
        factory.arg("--vmlinuz").arg(lab.kernel()).arg("--hozen").arg(Agent::find().program());
        let output = factory.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => true,
            Some(3) => skipped(TEST, &format!("LiME's source: {said}")),
            code => panic!("the factory ended with {code:?}: {said}"),
        }
    }

    /// The one module of the store `good`.
    fn module(&self) -> PathBuf {
        let mut files = std::fs::read_dir(self.path("good/modules")).unwrap().map(|entry| entry.unwrap().path());
        let file = files.next().unwrap();
        assert_eq!(files.next(), None);
        file
    }

    /// A copy of the store `good`.
    fn copy(&self, name: &str) {
        std::fs::create_dir_all(self.path(name).join("modules")).unwrap();
        std::fs::copy(self.path("good/index.json"), self.path(name).join("index.json")).unwrap();
        std::fs::copy(self.module(), self.path(name).join("modules").join(self.module().file_name().unwrap())).unwrap();
    }

    /// The bad stores: one byte of the module changed; signed by another key; for another build of the same release.
    fn make_bad_ones(&self) {
        self.copy("tampered");
        let file = self.path("tampered/modules").join(self.module().file_name().unwrap());
        let mut content = std::fs::read(&file).unwrap();
        *content.get_mut(0x400).unwrap() ^= 1;
        std::fs::write(&file, content).unwrap();
        self.copy("no-key");
        self.modules("keygen --key @other.key").assert_code(0);
        let module = self.module().display().to_string();
        self.modules(&format!("add --store @other-key --key @other.key {module}")).assert_code(0);
        self.modules(&format!("add --store @other-build --key @own.key --build-id 00ff {module}")).assert_code(0);
    }

    /// Puts the store `name` into the guest at `point`.
    fn shelve(&self, guest: Guest, name: &str, point: &str) -> Guest {
        let folder = self.path(name).join("modules");
        let guest = guest.file(&format!("{point}/index.json"), 0o644, std::fs::read(self.path(name).join("index.json")).unwrap());
        std::fs::read_dir(folder).unwrap().map(Result::unwrap).fold(guest, |guest, entry| {
            let name = entry.file_name().into_string().unwrap();
            guest.file(&format!("{point}/modules/{name}"), 0o644, std::fs::read(entry.path()).unwrap())
        })
    }
}

#[test]
fn a_signed_module_is_used_and_every_other_is_refused_before_the_kernel_sees_it() {
    let Some(lab) = Lab::find(TEST) else { return };
    let shop = Workshop { folder: tempfile::tempdir().unwrap() };
    shop.modules("keygen --key @own.key").assert_code(0);
    if !shop.build(&lab) {
        return;
    }
    shop.make_bad_ones();
    let check = |store: &str, code| shop.modules(&format!("verify --store @{store} --modules-key @own.pub")).assert_code(code);
    [("good", 0), ("other-build", 0), ("tampered", 1), ("other-key", 1)].into_iter().for_each(|(store, code)| check(store, code));
    let key = std::fs::read(shop.path("own.pub")).unwrap();
    let guest = Guest::new(&lab).program(&Agent::find().program()).program(&beside("without")).disk(4096).limit(LIMIT);
    let guest = guest.file("/etc/hozen/modules.pub", 0o644, key);
    let guest = shop.shelve(guest, "good", "/usr/lib/hozen/modules");
    let stores = ["tampered", "other-key", "other-build", "no-key"];
    let guest = stores.iter().fold(guest, |guest, store| shop.shelve(guest, store, &format!("/stores/{store}")));
    let ended = guest.boot(SCRIPT).end();
    assert_eq!(ended.exit, 0, "{}", ended.console);

    refused(&ended, "tampered", "the module for this kernel is refused: its digest is");
    refused(&ended, "other-key", "the trusted one is");
    refused(&ended, "other-build", "it was built for the build 00ff of this release");
    refused(&ended, "no-key", "nothing in it is trusted without the key");
    used(&ended, "default", &shop);
    // A kernel without files in memory.
    used(&ended, "copied", &shop);
    foretold(&ended, &shop.module());
}

/// What a run left that must have sealed one whole image by `method`.
fn image(ended: &Ended, run: &str, method: &str) -> (Evidence, Value) {
    let said = format!("{run}: {}{}", ended.text(&format!("{run}.said")), ended.text(&format!("{run}.result")));
    assert_eq!(ended.text(&format!("{run}.code")), "0\n", "{said}");
    assert!(!ended.text(&format!("{run}.modules")).contains("lime"), "{said}");
    let to = ended.out.join(run);
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let captures = evidence.table("memory_captures");
    let [capture] = captures.as_slice() else { panic!("{run}: {captures:#?}") };
    assert_eq!(text(capture, "method"), method, "{run}: {capture}");
    assert_eq!(text(capture, "quality"), "ok", "{run}: {capture}");
    (evidence, capture.clone())
}

fn text(row: &Value, column: &str) -> String {
    String::from_utf8(bytes(row, column).unwrap_or_default()).unwrap()
}

/// The row of `memory_sources` on LiME.
fn lime_row(evidence: &Evidence) -> Value {
    evidence.table("memory_sources").into_iter().find(|row| text(row, "method") == "lime").unwrap()
}

/// The store's module was refused for this reason, the image was had another way, and the kernel has seen no module.
fn refused(ended: &Ended, run: &str, reason: &str) {
    let (evidence, _) = image(ended, run, "kcore");
    assert_eq!(ended.text(&format!("{run}.tainted")), "0\n");
    let row = lime_row(&evidence);
    assert_eq!(text(&row, "verdict"), "absent", "{row}");
    assert!(text(&row, "reason").contains(reason), "{row}");
    assert_eq!(text(&row, "module_index_sha256").len(), 64, "{row}");
    let begin = evidence.predicate("000-begin.json");
    let access = begin.get("access").unwrap();
    assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(false)), "{access}");
    let denied = access.pointer("/seccomp/denied").and_then(Value::as_array).unwrap();
    assert!(denied.iter().any(|call| call == "finit_module"), "the filter would have let a module in: {denied:?}");
}

/// The good store's module read the memory; the evidence says which it was, and by whose word.
fn used(ended: &Ended, run: &str, shop: &Workshop) {
    let (evidence, capture) = image(ended, run, "lime");
    let begin = evidence.predicate("000-begin.json");
    let chosen = begin.pointer("/access/lime_module").unwrap();
    let row = lime_row(&evidence);
    let index = std::fs::read(shop.path("good/index.json")).unwrap();
    let file = shop.module().file_name().unwrap().to_str().unwrap().to_owned();
    for column in ["module_sha256", "module_keyid", "module_index_sha256"] {
        assert!(!text(&row, column).is_empty() && text(&row, column) == text(&capture, column), "{column}: {row}");
    }
    assert_eq!(chosen.get("sha256").and_then(Value::as_str), file.strip_suffix(".ko"));
    assert_eq!(chosen.pointer("/store/keyid").and_then(Value::as_str), Some(text(&row, "module_keyid").as_str()));
    assert_eq!(text(&capture, "module_sha256"), file.strip_suffix(".ko").unwrap());
    assert_eq!(number(&capture, "module_unloaded"), Some(1));
    assert_eq!(evidence.raw_file("memory", "/.hozen/modules.json"), index);
    let log = evidence.raw_file("memory", "/.hozen/lime.kmsg");
    assert!(String::from_utf8_lossy(&log).contains("[LiME] Memory Dump Complete"), "a debug build tells what it does");
}

/// `preflight`, `match` and a dry run say beforehand which module it would be.
fn foretold(ended: &Ended, module: &Path) {
    let sha256 = module.file_stem().unwrap().to_str().unwrap();
    let json = |name: &str| -> Value { serde_json::from_str(&ended.text(name)).unwrap() };
    assert_eq!(ended.text("match.code"), "0\n");
    for (name, pointer) in [("preflight", "/lime_module/sha256"), ("match", "/sha256"), ("dry.result", "/lime_module/sha256")] {
        assert_eq!(json(name).pointer(pointer).and_then(Value::as_str), Some(sha256), "{name}: {}", ended.text(name));
    }
    assert!(json("preflight").pointer("/memory/reasons/0").and_then(Value::as_str).unwrap().contains("lime"));
    let build_id = json("match").pointer("/kernel/build_id").and_then(Value::as_str).map(str::len);
    assert_eq!(build_id, Some(40), "the guest's kernel shows its BUILD-ID");
    assert!(ended.text("dry.said").contains(&format!("LiME: module {sha256}")));
}

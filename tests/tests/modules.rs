//! `hozen modules` on good and bad input, and what a run makes of stores that are not to be trusted.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests lay out stores with the standard library")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_tests::agent::{Agent, Finished, code};
use hozen_tests::evidence::{Evidence, bytes};
use hozen_tests::host::skipped;
use hozen_tests::module_file::{module, own_module};
use nix::sys::stat::Mode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const REFUSED: i32 = 1;
const UNREADABLE: i32 = 3;
const NO_IMAGE: i32 = 20;

/// A folder with two keys, `own` and `other`, and modules of several kinds.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap() };
        shop.modules("keygen --key own.key").assert_code(0);
        shop.modules("keygen --key other.key").assert_code(0);
        shop.put("lime.ko", &module(62, "name=lime\0vermagic=6.1.0 SMP preempt mod_unload \0"));
        shop.put("rebuilt.ko", &module(62, "name=lime\0version=2\0vermagic=6.1.0 SMP preempt mod_unload \0"));
        shop.put("arm.ko", &module(183, "name=lime\0srcversion=AB12\0vermagic=6.1.0 SMP preempt mod_unload aarch64\0"));
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Runs `hozen modules` with these words in the folder.
    fn modules(&self, words: &str) -> Finished {
        Agent::find().inside(self.folder.path()).run(std::iter::once("modules").chain(words.split_ascii_whitespace()))
    }

    /// Runs it, and it must be refused with this code and a word of `thing`.
    fn refused(&self, words: &str, code: i32, thing: &str) {
        let finished = self.modules(words);
        finished.assert_code(code);
        assert!(finished.said().contains(thing), "{words}: not a word of {thing:?}: {}", finished.said());
    }

    /// A store with one module, which `own` has signed.
    fn store(&self) -> PathBuf {
        self.modules("add --store store --key own.key lime.ko").assert_code(0);
        self.path("store")
    }
}

/// Every file below a folder with its content.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files.extend(tree(&entry.path()))
        } else {
            files.push((entry.path(), fs::read(entry.path()).unwrap()))
        }
    }
    files.sort();
    files
}

#[test]
fn a_store_is_made_listed_verified_and_matched() {
    let shop = Shop::new();
    shop.store();
    shop.modules("add --store store --key own.key --build-id ab12 --built gcc --lime-version 1.9 arm.ko").assert_code(0);
    let listed: Value = serde_json::from_str(&shop.modules("list --store store --modules-key own.pub --json").stdout).unwrap();
    let modules = listed.get("modules").and_then(Value::as_array).unwrap();
    let arm = modules.iter().find(|entry| entry.get("arch").is_some_and(|arch| arch == "aarch64")).unwrap();
    for (member, value) in [
        ("release", "6.1.0"),
        ("build_id", "ab12"),
        ("srcversion", "AB12"),
        ("lime_version", "1.9"),
        ("built", "gcc"),
        ("name", "lime"),
    ] {
        assert_eq!(arm.get(member).and_then(Value::as_str), Some(value), "{arm}");
    }
    assert!(shop.modules("list --store store --modules-key own.pub").stdout.contains("2 modules in store"));
    let report: Value = serde_json::from_str(&shop.modules("verify --store store --modules-key own.pub --json").stdout).unwrap();
    assert_eq!((report.get("verdict"), report.get("modules")), (Some(&"verified".into()), Some(&2.into())), "{report}");
    let fit = |words: &str| shop.modules(&format!("match --store store --modules-key own.pub {words}"));
    fit("--release 6.1.0 --arch x86_64").assert_code(0);
    fit("--release 6.1.0 --arch aarch64 --build-id ab12").assert_code(0);
    for (words, why) in [
        ("--release 6.1.0 --arch aarch64 --build-id ab13", "the build ab12 of this release, and this is ab13"),
        ("--release 6.1.1 --arch x86_64", "none of its 2 modules is for kernel 6.1.1"),
    ] {
        shop.refused(&format!("match --store store --modules-key own.pub {words}"), REFUSED, why);
    }
    // Nobody's kernel is 6.1.0.
    fit("").assert_code(REFUSED);
    shop.modules("add --store store --key own.key --replace rebuilt.ko").assert_code(0);
    shop.modules("verify --store store --modules-key own.pub").assert_code(0);
    assert_eq!(tree(&shop.path("store/modules")).len(), 2, "the old module is gone");
}

#[test]
fn openssl_reads_the_keys_and_verifies_the_index() {
    if !Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success()) {
        skipped("openssl_reads_the_keys_and_verifies_the_index", "openssl");
        return;
    }
    let shop = Shop::new();
    let store = shop.store();
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(shop.folder.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(openssl("pkey -in own.key -pubout"), fs::read(shop.path("own.pub")).unwrap());
    let envelope: Value = serde_json::from_slice(&fs::read(store.join("index.json")).unwrap()).unwrap();
    let member = |pointer: &str| STANDARD.decode(envelope.pointer(pointer).and_then(Value::as_str).unwrap()).unwrap();
    let payload = member("/payload");
    let head = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len());
    shop.put("signed", &[head.as_bytes(), &payload].concat());
    shop.put("signature", &member("/signatures/0/sig"));
    openssl("pkeyutl -verify -pubin -inkey own.pub -rawin -in signed -sigfile signature");
    // And the other way: a key of openssl's makes a store.
    openssl("genpkey -algorithm ed25519 -out foreign.key");
    shop.put("foreign.pub", &openssl("pkey -in foreign.key -pubout"));
    shop.modules("add --store foreign --key foreign.key lime.ko").assert_code(0);
    shop.modules("verify --store foreign --modules-key foreign.pub").assert_code(0);
}

#[test]
fn what_is_not_to_be_added_is_refused_and_the_store_stays_as_it_was() {
    let shop = Shop::new();
    let store = shop.store();
    shop.put("text.ko", b"#!/bin/sh\n");
    shop.put("empty.ko", b"");
    shop.put("rootkit.ko", &module(62, "name=rootkit\0vermagic=6.1.0 SMP\0"));
    shop.put("old.ko", &module(40, "name=lime\0vermagic=6.1.0 SMP\0"));
    shop.put("bare.ko", &module(62, "name=lime\0"));
    shop.put("foul.ko", &module(62, "name=lime\0vermagic=6.1.0\u{1b}[2J SMP\0"));
    fs::create_dir(shop.path("folder.ko")).unwrap();
    nix::unistd::mkfifo(&shop.path("fifo.ko"), Mode::S_IRWXU).unwrap();
    let before = tree(&store);
    for (words, thing) in [
        ("text.ko", "not an ELF"),
        ("empty.ko", "not an ELF"),
        ("rootkit.ko", "rootkit"),
        ("old.ko", "ELF machine 40"),
        ("bare.ko", "printable"),
        ("foul.ko", "printable"),
        ("folder.ko", "folder.ko"),
        ("fifo.ko", "FIFO"),
        ("/dev/zero", "/dev/zero"),
        ("none.ko", "none.ko"),
        ("lime.ko", "already"),
        ("arm.ko arm.ko", "twice"),
        ("arm.ko text.ko", "text.ko"),
        ("rebuilt.ko", "--replace"),
        ("--build-id ab12 arm.ko rebuilt.ko", "--build-id"),
        ("--release 6.1.1 arm.ko", "6.1.1"),
        ("--arch x86_64 arm.ko", "aarch64"),
        ("--built \u{1b} arm.ko", "printable"),
    ] {
        shop.refused(&format!("add --store store --key own.key {words}"), REFUSED, thing);
        assert_eq!(tree(&store), before, "{words}");
    }
    shop.refused("add --store store --key other.key arm.ko", REFUSED, "not of this key");
    shop.refused("add --store . --key own.key arm.ko", REFUSED, "is no store");
    shop.refused("add --store no/such --key own.key arm.ko", REFUSED, "no/such");
    shop.refused("add --store s3://bucket/modules --key own.key arm.ko", code::USAGE, "added to a folder");
    shop.refused("add --store store --key none.key arm.ko", UNREADABLE, "none.key");
    shop.refused("add --store store --key own.pub arm.ko", UNREADABLE, "PKCS#8");
    assert_eq!(tree(&store), before);
}

#[test]
fn wrong_words_are_refused_by_name() {
    let shop = Shop::new();
    for (words, thing) in [
        ("add --store store --key own.key", "FILE.ko"),
        ("add --key own.key lime.ko", "--store"),
        ("add --store store --key own.key --build-id XY lime.ko", "BUILD-ID"),
        ("add --store store --key own.key --arch mips lime.ko", "mips"),
        ("match --build-id ab12", "--release"),
        ("list --colour blue", "--colour"),
        ("keygen", "--key"),
        ("melt", "melt"),
    ] {
        shop.refused(words, code::USAGE, thing);
    }
    shop.refused("verify --colour blue", UNREADABLE, "--colour");
    shop.refused("keygen --key own.key", REFUSED, "own.key exists");
    shop.refused("keygen --key new.key --public own.pub", REFUSED, "own.pub exists");
    shop.refused("keygen --key new.key --public new.key", REFUSED, "same file");
    shop.refused("keygen --key no/such.key", REFUSED, "no/such.key");
    assert!(!shop.path("new.key").exists() && !shop.path("store").exists());
    for command in ["list", "add", "verify", "match", "keygen"] {
        let help = shop.modules(&format!("{command} --help"));
        help.assert_code(0);
        assert!(help.stdout.contains("--json"), "{}", help.stdout);
    }
}

/// Ways to damage a store, what `verify` then says, with which code, and what a run says where it would have met it.
type Damage = (&'static str, fn(&Path), i32, &'static str);

const DAMAGES: [Damage; 11] = [
    ("unsigned", |store| sign_not(&store.join("index.json")), REFUSED, "not signed"),
    ("bare", |store| fs::write(store.join("index.json"), "{\"v\":1,\"modules\":[]}").unwrap(), REFUSED, "not a signed index"),
    ("garbage", |store| fs::write(store.join("index.json"), b"\xff\x00\x1b").unwrap(), REFUSED, "not a signed index"),
    ("changed", |store| flip(&store.join("index.json"), 40), REFUSED, "signature is wrong"),
    ("huge", |store| fs::File::create(store.join("index.json")).unwrap().set_len(1 << 33).unwrap(), REFUSED, "larger than"),
    ("fifo", |store| fifo(&store.join("index.json")), REFUSED, "FIFO"),
    ("link", |store| link(&store.join("index.json")), REFUSED, "index.json"),
    ("no-index", |store| fs::remove_file(store.join("index.json")).unwrap(), UNREADABLE, "index.json"),
    ("stray", |store| fs::write(store.join("modules/evil.ko"), b"x").unwrap(), REFUSED, "evil.ko"),
    ("no-module", |store| fs::remove_dir_all(store.join("modules")).unwrap(), REFUSED, "modules"),
    ("flipped", |store| flip(&only(&store.join("modules")), 70), REFUSED, "its digest is"),
];

fn only(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn flip(file: &Path, at: usize) {
    let mut content = fs::read(file).unwrap();
    // Stays a letter or digit of base64.
    *content.get_mut(at).unwrap() ^= 1;
    fs::write(file, content).unwrap();
}

fn fifo(file: &Path) {
    fs::remove_file(file).unwrap();
    nix::unistd::mkfifo(file, Mode::S_IRWXU).unwrap();
}

fn link(file: &Path) {
    let elsewhere = file.with_file_name("../index");
    fs::rename(file, &elsewhere).unwrap();
    std::os::unix::fs::symlink("../index", file).unwrap();
}

fn sign_not(file: &Path) {
    let mut envelope: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    *envelope.get_mut("signatures").unwrap() = Value::Array(Vec::new());
    fs::write(file, envelope.to_string()).unwrap();
}

#[test]
fn every_damage_to_a_store_is_found() {
    for (name, damage, code, thing) in DAMAGES {
        let shop = Shop::new();
        damage(&shop.store());
        shop.refused("verify --store store --modules-key own.pub", code, thing);
        if !matches!(name, "stray" | "no-module" | "flipped") {
            shop.refused("list --store store --modules-key own.pub", code, thing);
            shop.refused("match --store store --modules-key own.pub", REFUSED, thing);
        }
    }
    let shop = Shop::new();
    shop.store();
    shop.refused("verify --store store --modules-key other.pub", REFUSED, "the trusted one is");
    for key in ["none.pub", "own.key", "store"] {
        shop.refused(&format!("verify --store store --modules-key {key}"), UNREADABLE, key);
        shop.refused(&format!("list --store store --modules-key {key}"), UNREADABLE, key);
    }
    shop.refused("verify --store none --modules-key own.pub", UNREADABLE, "none");
}

/// Runs `collect --memory lime` with these words, and gives the reasons against LiME and what the begin record says of the module.
fn against_lime(shop: &Shop, words: &str) -> (String, Value) {
    let to = shop.path("evidence");
    let words = ["--only", "memory", "--memory", "lime", "--unprivileged"].into_iter().chain(words.split_ascii_whitespace());
    let finished = Agent::find().inside(shop.folder.path()).run(Agent::collection(&to, &words.collect::<Vec<_>>()));
    finished.assert_code(NO_IMAGE);
    Agent::find().verify(&to).assert_code(0);
    let evidence = Evidence::open(&to);
    let row = evidence.table("memory_sources").into_iter().find(|row| bytes(row, "method").as_deref() == Some(b"lime")).unwrap();
    let begin = evidence.predicate("000-begin.json");
    fs::remove_dir_all(&to).unwrap();
    (String::from_utf8(bytes(&row, "reason").unwrap()).unwrap(), begin.get("access").cloned().unwrap())
}

fn denies_modules(access: &Value) -> bool {
    let denied = access.pointer("/seccomp/denied").and_then(Value::as_array);
    denied.is_none_or(|denied| denied.iter().any(|call| call == "finit_module"))
}

#[test]
fn a_run_goes_on_without_a_store_that_is_not_to_be_trusted_and_says_why() {
    for (name, damage, _, thing) in DAMAGES.into_iter().filter(|(name, ..)| *name != "stray") {
        let shop = Shop::new();
        shop.put("lime.ko", &own_module());
        damage(&shop.store());
        let (reason, access) = against_lime(&shop, "--modules store --modules-key own.pub");
        assert!(reason.contains(thing), "{name}: {reason}");
        assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(false)), "{name}: {access}");
        assert!(denies_modules(&access), "{name}: {access}");
    }
    let shop = Shop::new();
    let store = shop.store();
    nix::unistd::mkfifo(&shop.path("fifo.pub"), Mode::S_IRWXU).unwrap();
    for (words, thing) in [
        ("--modules store --modules-key own.pub", "none of its 1 modules is for kernel"),
        ("--modules store --modules-key other.pub", "the trusted one is"),
        ("--modules store --modules-key none.pub", "none.pub"),
        ("--modules store --modules-key fifo.pub", "FIFO"),
        ("--modules none", "none"),
        ("--modules /dev/null", "/dev/null"),
    ] {
        let (reason, access) = against_lime(&shop, words);
        assert!(reason.contains(thing) && denies_modules(&access), "{words}: {reason}");
    }
    assert_eq!(tree(&store).len(), 2, "a run leaves the store alone");
}

#[test]
fn only_a_module_that_was_chosen_opens_the_filter() {
    let shop = Shop::new();
    shop.put("lime.ko", &own_module());
    shop.store();
    let sha256: String = Sha256::digest(own_module()).iter().map(|byte| format!("{byte:02x}")).collect();
    let (_, access) = against_lime(&shop, "--modules store --modules-key own.pub");
    assert_eq!(access.pointer("/lime_module/sha256").and_then(Value::as_str), Some(sha256.as_str()), "{access}");
    assert_eq!(access.pointer("/lime_module/chosen"), Some(&Value::Bool(true)), "{access}");
    assert!(access.pointer("/seccomp/enforced") != Some(&Value::Bool(true)) || !denies_modules(&access), "{access}");
    // A module that is named goes before the store, and is refused where its digest is not the one that was said.
    let (reason, access) =
        against_lime(&shop, &format!("--modules store --modules-key own.pub --module arm.ko --module-sha256 {sha256}"));
    assert!(reason.contains("and should have") && denies_modules(&access), "{reason}");
    let (reason, access) = against_lime(&shop, &format!("--module none.ko --module-sha256 {sha256}"));
    assert!(reason.contains("cannot be read") && denies_modules(&access), "{reason}");
}

#[test]
fn preflight_and_a_dry_run_say_which_module_it_would_be() {
    let shop = Shop::new();
    shop.put("lime.ko", &own_module());
    shop.store();
    let run = |words: &str| Agent::find().inside(shop.folder.path()).run(words.split_ascii_whitespace());
    let told: Value = serde_json::from_str(&run("preflight --modules store --modules-key own.pub").stdout).unwrap();
    let sha256 = told.pointer("/lime_module/sha256").and_then(Value::as_str).unwrap().to_owned();
    assert!(shop.path(&format!("store/modules/{sha256}.ko")).is_file());
    let dry = run("collect --dry-run --modules store --modules-key own.pub");
    assert!(dry.stderr.contains(&format!("LiME: module {sha256}")), "{}", dry.stderr);
    assert_eq!(dry.result().pointer("/lime_module/sha256").and_then(Value::as_str), Some(sha256.as_str()));
    let other = run("collect --dry-run --modules store --modules-key other.pub");
    assert!(other.stderr.contains("LiME: not used: the module store"), "{}", other.stderr);
    run("preflight --modules-key own.pub --module lime.ko").assert_code(code::USAGE);
    run("preflight --modules s3://bucket//x").assert_code(code::USAGE);
}

//! `hozen version`: which program this is, so that it can be held against a release.

use serde::Serialize;

use super::print;
use crate::cli::VersionArgs;
use crate::own;

/// What is said where the build was not told.
const UNKNOWN: &str = "unknown";

/// What is known of the running program. The build says it through variables that `packaging/build-static.sh` sets.
#[derive(Debug, Serialize)]
struct Build {
    version: &'static str,
    /// The commit it was built from; `-modified` where files were changed since.
    commit: &'static str,
    /// The compiler.
    toolchain: &'static str,
    /// Processor, system and C library that it was compiled for.
    target: String,
    /// What the compiler was asked for that matters to whoever runs it.
    features: Vec<&'static str>,
    /// SHA-256 of the program that runs: that of its line in SHA256SUMS.
    sha256: Option<String>,
}

impl Build {
    fn own() -> Self {
        Self {
            version: crate::VERSION,
            commit: option_env!("HOZEN_BUILD_COMMIT").unwrap_or(UNKNOWN),
            toolchain: option_env!("HOZEN_BUILD_TOOLCHAIN").unwrap_or(UNKNOWN),
            target: format!("{}-{}-{}", std::env::consts::ARCH, std::env::consts::OS, libc_name()),
            features: features(),
            sha256: own::digest().map(|digest| digest.to_string()),
        }
    }
}

/// Says which program this is.
#[must_use]
pub fn version(arguments: &VersionArgs) -> u8 {
    if arguments.json {
        print(&serde_json::to_string_pretty(&Build::own()).unwrap_or_default());
    } else if arguments.verbose {
        print(&text(&Build::own()));
    } else {
        print(&format!("hozen {}", crate::VERSION));
    }
    0
}

fn text(build: &Build) -> String {
    let sha256 = build.sha256.as_deref().unwrap_or("cannot be read");
    format!(
        "hozen {}\ncommit     {}\ntoolchain  {}\ntarget     {}\nfeatures   {}\nsha256     {sha256}",
        build.version,
        build.commit,
        build.toolchain,
        build.target,
        build.features.join(", ")
    )
}

/// The C library it is linked to, by the name that Rust's targets have for it.
fn libc_name() -> &'static str {
    if cfg!(target_env = "musl") { "musl" } else { "gnu" }
}

fn features() -> Vec<&'static str> {
    let linked = if cfg!(target_feature = "crt-static") { "static" } else { "dynamic" };
    let optimised = if cfg!(debug_assertions) { "debug" } else { "optimised" };
    let panics = if cfg!(panic = "unwind") { "panic=unwind" } else { "panic=abort" };
    vec![linked, optimised, panics]
}

//! What an export can be, by the tool that reads it.

use clap::ValueEnum;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Format {
    /// Files at their paths below [root]/, plain tables, memory images, core files: for grep, jq, DuckDB, Volatility, gdb
    Tree,
    /// root.tar: all files of the host below [root]/ in one archive: for dissect (target-query -f processes root.tar)
    Tar,
    /// bodyfile.txt: times of files as The Sleuth Kit has them: for mactime -b and plaso --parsers bodyfile
    Bodyfile,
    /// timesketch.jsonl: files, processes, logins, commands and findings as events: for Timesketch
    Timesketch,
    /// case.jsonld: the run, what did it and every object with its digest, as a CASE/UCO graph: for case_validate
    Case,
    /// bag/: the run's own objects, byte for byte, as a bag (RFC 8493): for archives; `hozen verify bag/data` verifies it
    Bagit,
}

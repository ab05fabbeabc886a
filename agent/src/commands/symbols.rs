//! `hozen symbols`.

use hozen_collector::model::escape;

use super::print;
use crate::cli::SymbolsArgs;
use crate::progress::say;
use crate::symbols::{self, Written};

/// Makes a symbol file and returns the exit code.
#[must_use]
pub fn symbols(arguments: &SymbolsArgs) -> u8 {
    match symbols::symbols(&arguments.folder, &arguments.output) {
        Ok(written) => {
            written.warnings.iter().for_each(|warning| say(&format!("hozen: warning: {warning}")));
            print(&text(&written, arguments));
            0
        }
        Err(failure) => {
            say(&format!("hozen: {:#}", failure.error()));
            failure.exit_code()
        }
    }
}

fn text(written: &Written, arguments: &SymbolsArgs) -> String {
    let counts = written.counts;
    format!(
        "{}\n  {} structs and unions, {} enumerations, {} symbols ({} with a type)\n  what it was made of: {}\n  vol -s {} -f memory.lime linux.pslist",
        escape::path(&written.isf),
        counts.user_types,
        counts.enums,
        counts.symbols,
        counts.typed_symbols,
        escape::path(&written.provenance),
        escape::path(&arguments.output),
    )
}

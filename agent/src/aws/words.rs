//! Errors of the SDK in words.

use std::error::Error;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hozen_collector::model::escape;

/// Bytes of the text, at most: what a server says comes from outside.
const LIMIT: usize = 600;

/// `error` and what caused it, in one line, each text once, escaped.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        next = error.source();
        if !line.contains(&text) {
            line = if line.is_empty() { text } else { format!("{line}: {text}") };
        }
    }
    shorten(&escape::bytes(line.as_bytes()))
}

/// What a service answered: its code and message; or why there is no answer.
#[must_use]
pub fn of<E, R>(error: &SdkError<E, R>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error() {
        Some(answer) => {
            let (code, message) = (answer.code().unwrap_or("no code"), answer.message().unwrap_or_default());
            let text = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
            shorten(&escape::bytes(text.as_bytes()))
        }
        None => chain(error),
    }
}

fn shorten(text: &str) -> String {
    let kept: String = text.chars().take(LIMIT).collect();
    if kept.len() < text.len() { kept + "…" } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_one_short_line_and_says_nothing_twice() {
        let inner = std::io::Error::other("refused\nby\u{1b}[31m");
        let line = chain(&std::io::Error::new(std::io::ErrorKind::TimedOut, inner));
        assert_eq!(line, "refused\\nby\\x1b[31m");
        assert!(chain(&std::io::Error::other("x".repeat(5000))).len() < 700);
    }
}

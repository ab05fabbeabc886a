//! An [`Evidence`] that keeps nothing: for asking a source what it would come to.

use std::io::Read;

use super::{Evidence, Member, Stop, Streamed};
use crate::model::{Digest, Gap, Row};

/// Takes everything and keeps nothing. Content that would be streamed is not even read.
#[derive(Debug, Default, Clone, Copy)]
pub struct Nowhere;

impl Evidence for Nowhere {
    fn row(&mut self, _: &'static str, _: &Row) -> Result<(), Stop> {
        Ok(())
    }

    fn raw(&mut self, _: &Member<'_>, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn raw_stream(&mut self, _: &Member<'_>, _: u64, _: &mut dyn Read) -> Result<Streamed, Stop> {
        Ok(Streamed { sha256: Digest::of(b""), read: 0 })
    }

    fn image_begin(&mut self, _: &'static str) -> Result<(), Stop> {
        Ok(())
    }

    fn image_write(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        Ok(())
    }

    fn gap(&mut self, _: Gap) {}

    fn check(&self) -> Result<(), Stop> {
        Ok(())
    }

    fn progress(&mut self, _: u64, _: u64) {}
}

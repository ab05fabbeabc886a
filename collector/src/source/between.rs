//! What stands between a source and where its rows go, and sees or changes some of them on their way.

use std::io::Read;

use super::{Evidence, Member, Stop, Streamed};
use crate::model::{Gap, Row};

/// An [`Evidence`] that hands on all but what it has a method of its own for.
pub(crate) trait Between {
    /// Where everything goes.
    fn inner(&self) -> &dyn Evidence;

    /// The same, to give it something.
    fn inner_mut(&mut self) -> &mut dyn Evidence;

    /// As [`Evidence::row`].
    fn pass_row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.inner_mut().row(table, row)
    }

    /// As [`Evidence::raw_stream`].
    fn pass_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.inner_mut().raw_stream(member, size, content)
    }

    /// As [`Evidence::gap`].
    fn pass_gap(&mut self, gap: Gap) {
        self.inner_mut().gap(gap);
    }

    /// As [`Evidence::check`].
    fn pass_check(&self) -> Result<(), Stop> {
        self.inner().check()
    }
}

impl<T: Between> Evidence for T {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.pass_row(table, row)
    }

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        self.inner_mut().raw(member, content)
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.pass_stream(member, size, content)
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.inner_mut().image_begin(name)
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.inner_mut().image_write(bytes)
    }

    fn image_take(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
        self.inner_mut().image_take(bytes)
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.inner_mut().image_end()
    }

    fn gap(&mut self, gap: Gap) {
        self.pass_gap(gap);
    }

    fn check(&self) -> Result<(), Stop> {
        self.pass_check()
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.inner_mut().progress(done, total);
    }
}

//! A verified folder, for whoever reads its objects afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use hozen_collector::model::{ObjectKey, Receipt};

use super::examined::{Examined, receipts};
use super::findings::Findings;
use super::holding::Holding;
use super::{Options, Report, assemble, folder};

/// A folder that was looked at, and what its records say of its objects.
#[derive(Debug)]
pub(crate) struct Opened {
    holding: Holding,
    receipts: BTreeMap<ObjectKey, Receipt>,
    /// What the destination did not take whole.
    cut: BTreeSet<ObjectKey>,
}

/// Verifies the run in the folder `dir`, and opens it if it can be opened.
pub(crate) fn open(dir: &Path, options: &Options) -> (Report, Option<Opened>) {
    let run = Examined::folder(dir, options);
    let receipts = receipts(&run.journal, run.listed.as_ref());
    let receipts = receipts.into_iter().map(|(key, receipt)| (key.clone(), receipt.clone())).collect();
    let cut = run.journal.story.lost.iter().map(|lost| lost.key.clone()).collect();
    // What was found in the folder has been told by the first look.
    let holding = folder::open(dir, &mut Findings::default());
    (assemble::report(run), holding.map(|holding| Opened { holding, receipts, cut }))
}

impl Opened {
    /// The objects that are there, sorted by name.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &ObjectKey> {
        self.holding.objects().iter()
    }

    /// What the records say of an object.
    pub(crate) fn receipt(&self, key: &ObjectKey) -> Option<&Receipt> {
        self.receipts.get(key)
    }

    /// Whether the journal says that the object goes on where it ends: it may end anywhere.
    pub(crate) fn is_cut(&self, key: &ObjectKey) -> bool {
        self.cut.contains(key)
    }

    /// Opens an object.
    ///
    /// # Errors
    /// Why it cannot be opened; escaped text.
    pub(crate) fn reader(&self, key: &ObjectKey) -> Result<Box<dyn Read>, String> {
        self.holding.open(key)
    }
}

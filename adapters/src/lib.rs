//! Where bytes come from and go to. Knows no format and no payment.
//!
//! Two of the hub's five seams live here: [`disk::Disk`], the only file API, and [`drop::Drop`], a counterparty's
//! place for files: [`folder`] has one on a disk, [`sftp`] one on a server. [`poll`] asks many at once.

pub mod disk;
pub mod drop;
pub mod folder;
pub mod poll;
pub mod sftp;

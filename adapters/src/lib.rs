//! Where bytes come from and go to. Knows no format and no payment.
//!
//! Two of the hub's five seams live here: [`disk::Disk`], the only file API, and [`drop::Drop`], a counterparty's
//! place for files. A further kind of drop is a further file beside [`folder`].

pub mod disk;
pub mod drop;
pub mod folder;

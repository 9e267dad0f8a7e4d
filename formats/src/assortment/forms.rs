//! The forms of the values: one entry per simple type of `formats/schemas/HentSortiment_O.xsd`.

pub(super) use crate::xml::forms::{DATE, INSTANT, UUID};
use crate::xml::forms::{form, is_cvr, is_printable, text};
use crate::xml::model::Text;

pub(super) static ANY100: Text = text(0, 100, "at most 100 characters");
pub(super) static ANY255: Text = text(0, 255, "at most 255 characters");
pub(super) static ANY4000: Text = text(0, 4000, "at most 4000 characters");
pub(super) static ID255: Text = text(1, 255, "1 to 255 characters");
pub(super) static REVISION: Text = text(1, 255, "1 to 255 characters");
pub(super) static CVR: Text = form(8, 8, "8 digits", is_cvr);

/// Names that people and other files go by.
pub(super) static TEXT35: Text =
    form(1, 35, "1 to 35 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT50: Text =
    form(1, 50, "1 to 50 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT100: Text =
    form(1, 100, "1 to 100 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT255: Text =
    form(1, 255, "1 to 255 characters that can be printed, not only blanks", is_printable);
pub(super) static TEXT300: Text =
    form(1, 300, "1 to 300 characters that can be printed, not only blanks", is_printable);

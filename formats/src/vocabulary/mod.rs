//! The words every format shares, each checked once at the door: money, people, companies, municipalities.
//!
//! Personal data hides itself in `Debug`; what is to be printed in clear is asked for by name (`as_digits`, …).

mod account;
mod check_digits;
mod codes;
mod hidden;
mod money;
mod party;
mod uuid;

pub use account::{BankAccount, NotABankAccount};
pub use check_digits::{gln_is_valid, modulus11_cpr, modulus11_cvr, slip_id_is_valid};
pub use codes::{BenefitCode, MunicipalityCode, NotACode, SupplierId, kle_is_valid};
pub use hidden::{Hidden, has_cpr, mask_cpr};
pub use money::{NotAnAmount, Ore};
pub use party::{Cpr, CprKind, IdentCode, NotACpr, Party, birth_date_of};
pub use uuid::{NotAUuid, Uuid};

//! Who may do what (00-decisions.md 8): accounts of the machine, their roles and municipalities, as `users.toml` says.
//!
//! Decides on names that others found out. Where there is no such file, everybody may act; that an act needs two persons
//! holds all the same.

use std::fmt;

use toek_formats::vocabulary::MunicipalityCode;

use super::municipality::MUNICIPALITY;
use super::reference::{FileErrors, Rule, TEXT, quoted, read_file};

/// What a person is allowed. ASSUMED, all of it: agreed with nobody yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks at things.
    Reader,
    /// Works on payments: proposes, turns down, tells what became of one.
    Clerk,
    /// Approves what another proposed.
    Approver,
    /// Works on files, bundles, vouchers and the clock.
    Operator,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Reader, Role::Clerk, Role::Approver, Role::Operator];

    /// As `users.toml` names it.
    pub fn text(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Clerk => "clerk",
            Role::Approver => "approver",
            Role::Operator => "operator",
        }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    account: String,
    roles: Vec<Role>,
    /// Whose payments; empty: everybody's.
    municipalities: Vec<MunicipalityCode>,
}

/// Everybody who may do anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// `None`: there is no file, and everybody may.
    listed: Option<Vec<User>>,
}

/// Why somebody may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not in the file.
    #[error("{0} is not in users.toml and may change nothing here")]
    Unknown(String),
    /// Without the role.
    #[error("{who} may not do this: it takes the role `{}` in users.toml", .role.text())]
    Role {
        /// Who.
        who: String,
        /// What it takes.
        role: Role,
    },
    /// Of another municipality.
    #[error("{who} may not do this for municipality {municipality}: see users.toml")]
    Municipality {
        /// Who.
        who: String,
        /// Whose it is.
        municipality: MunicipalityCode,
    },
    /// Of some municipalities, where it is about all.
    #[error("{0} may act for some municipalities only, and this is for all of them: see users.toml")]
    SomeOnly(String),
}

/// A person who may do everything for everybody, as the file says it.
pub fn user_row(account: &str) -> String {
    let roles: Vec<String> = Role::ALL.iter().map(|role| quoted(role.text())).collect();
    format!("[[user]]\naccount = {}\nroles = [{}]\nmunicipalities = []\n", quoted(account), roles.join(", "))
}

/// The file of a new installation: whoever made it may do everything.
pub fn default_file(account: &str) -> String {
    format!(
        "# Who may do what: accounts of this machine. Who is not in this file may change nothing.\n\
         # roles (ASSUMED): reader looks; clerk works on payments; approver approves what another account proposed;\n\
         # operator works on files, bundles, vouchers and the clock. municipalities: their codes; none: all of them.\n\
         # What needs two persons needs two accounts, whatever roles one has.\n\n{}",
        user_row(account)
    )
}

const ROLE: Rule<Role> = Rule {
    says: "must be \"reader\", \"clerk\", \"approver\" or \"operator\"",
    read: |value| Role::ALL.into_iter().find(|role| value.as_str() == Some(role.text())),
};

impl Users {
    /// Reads the file. `file`: what errors call it.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn load(text: &str, file: &str) -> Result<Users, FileErrors> {
        read_file(text, file, |root| {
            let mut listed: Vec<User> = Vec::new();
            for section in root.required_sections("user", "[[user]]") {
                let account = section.required("account", &TEXT);
                let roles = section.list("roles", &ROLE);
                let municipalities = section.list("municipalities", &MUNICIPALITY);
                section.finish();
                let Some(account) = account else { continue };
                if roles.is_empty() {
                    section.wrong("roles", "must name at least one role");
                }
                if listed.iter().any(|other| other.account == account) {
                    section.wrong("account", "is the account of a user above");
                }
                listed.push(User { account, roles, municipalities });
            }
            Some(Users { listed: Some(listed) })
        })
    }

    /// Whether a person may act in a role, for a municipality where it is about one.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        who: &str,
        role: Role,
        municipality: Option<MunicipalityCode>,
    ) -> Result<(), Forbidden> {
        let Some(listed) = &self.listed else { return Ok(()) };
        let user = listed.iter().find(|user| user.account == who);
        let user = user.ok_or_else(|| Forbidden::Unknown(who.to_owned()))?;
        if !user.roles.contains(&role) {
            return Err(Forbidden::Role { who: who.to_owned(), role });
        }
        match municipality {
            Some(municipality)
                if !user.municipalities.is_empty() && !user.municipalities.contains(&municipality) =>
            {
                Err(Forbidden::Municipality { who: who.to_owned(), municipality })
            }
            _ => Ok(()),
        }
    }

    /// Whether a person may act in a role for one municipality, or for all of them at once where it is `None`.
    ///
    /// # Errors
    /// Why not.
    pub fn check_reach(
        &self,
        who: &str,
        role: Role,
        municipality: Option<MunicipalityCode>,
    ) -> Result<(), Forbidden> {
        self.check(who, role, municipality)?;
        let is_bound = |user: &User| user.account == who && !user.municipalities.is_empty();
        match municipality {
            None if self.listed.iter().flatten().any(is_bound) => Err(Forbidden::SomeOnly(who.to_owned())),
            _ => Ok(()),
        }
    }

    /// Whether the file names this account.
    pub fn names(&self, who: &str) -> bool {
        self.listed.iter().flatten().any(|user| user.account == who)
    }

    /// Whether it names any account but this one.
    pub fn names_others_than(&self, who: &str) -> bool {
        self.listed.iter().flatten().any(|user| user.account != who)
    }
}

/// Something that a person does, or proposes for another to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Act {
    /// Lets a payment go that equals an earlier one. Needs two.
    ReleaseDuplicate = 1,
    /// Sends such a payment back to its case system.
    RefuseDuplicate = 2,
    /// Holds that a bundle reached NemKonto.
    BundleArrived = 3,
    /// Holds that it did not: the same bytes go again. Needs two, since it pays twice if wrong.
    BundleNeverArrived = 4,
    /// Holds that a payment was paid.
    PaymentPaid = 5,
    /// Holds that it was not.
    PaymentFailed = 6,
    /// Holds that the ERP booked a voucher that it both accepted and refused.
    VoucherBooked = 7,
    /// Holds that it did not.
    VoucherRefused = 8,
    /// Sends a refused or returned payment anew, as a new attempt.
    Resend = 9,
    /// Pays it by cash voucher.
    PayInCash = 10,
    /// Settles it over the municipality's own account.
    PayOverOwnAccount = 11,
    /// Takes it back, as its sender asks.
    Recall = 12,
    /// Sends it back to its case system.
    Refuse = 13,
    /// Lets one go that was held for its amount or its day.
    ReleaseHeld = 14,
    /// Notes that NemKonto was asked to stop it.
    RequestStop = 15,
}

impl Act {
    /// All of them.
    pub const ALL: [Act; 15] = [
        Act::ReleaseDuplicate,
        Act::RefuseDuplicate,
        Act::BundleArrived,
        Act::BundleNeverArrived,
        Act::PaymentPaid,
        Act::PaymentFailed,
        Act::VoucherBooked,
        Act::VoucherRefused,
        Act::Resend,
        Act::PayInCash,
        Act::PayOverOwnAccount,
        Act::Recall,
        Act::Refuse,
        Act::ReleaseHeld,
        Act::RequestStop,
    ];

    /// Whether it changes a payment by [`super::handling`].
    pub fn is_of_payment(self) -> bool {
        match self {
            Act::ReleaseDuplicate
            | Act::RefuseDuplicate
            | Act::Resend
            | Act::PayInCash
            | Act::PayOverOwnAccount
            | Act::Recall
            | Act::Refuse
            | Act::ReleaseHeld
            | Act::RequestStop => true,
            Act::BundleArrived
            | Act::BundleNeverArrived
            | Act::PaymentPaid
            | Act::PaymentFailed
            | Act::VoucherBooked
            | Act::VoucherRefused => false,
        }
    }

    /// The act behind a code of the store.
    pub fn from_code(code: u8) -> Option<Act> {
        Act::ALL.into_iter().find(|act| *act as u8 == code)
    }

    /// Whether a second person must approve it.
    pub fn needs_two(self) -> bool {
        match self {
            Act::ReleaseDuplicate | Act::BundleNeverArrived => true,
            Act::RefuseDuplicate
            | Act::BundleArrived
            | Act::PaymentPaid
            | Act::PaymentFailed
            | Act::VoucherBooked
            | Act::VoucherRefused
            | Act::Resend
            | Act::PayInCash
            | Act::PayOverOwnAccount
            | Act::Recall
            | Act::Refuse
            | Act::ReleaseHeld
            | Act::RequestStop => false,
        }
    }

    /// The role of whoever does or proposes it.
    pub fn role(self) -> Role {
        match self {
            Act::ReleaseDuplicate
            | Act::RefuseDuplicate
            | Act::PaymentPaid
            | Act::PaymentFailed
            | Act::Resend
            | Act::PayInCash
            | Act::PayOverOwnAccount
            | Act::Recall
            | Act::Refuse
            | Act::ReleaseHeld
            | Act::RequestStop => Role::Clerk,
            Act::BundleArrived | Act::BundleNeverArrived | Act::VoucherBooked | Act::VoucherRefused => {
                Role::Operator
            }
        }
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            Act::ReleaseDuplicate => "release though it equals another",
            Act::RefuseDuplicate => "send back: it equals another",
            Act::BundleArrived => "it arrived",
            Act::BundleNeverArrived => "it never arrived: send the same bytes again",
            Act::PaymentPaid => "it was paid",
            Act::PaymentFailed => "it was not paid",
            Act::VoucherBooked => "the ERP booked it",
            Act::VoucherRefused => "the ERP did not book it",
            Act::Resend => "send it anew",
            Act::PayInCash => "pay it in cash",
            Act::PayOverOwnAccount => "settle it over the own account",
            Act::Recall => "recall it",
            Act::Refuse => "send it back to its case system",
            Act::ReleaseHeld => "let it go",
            Act::RequestStop => "ask NemKonto to stop it",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Whether two persons are two: the one who proposed may not approve (ASSUMED: two accounts are two persons).
pub fn is_another(proposer: &str, approver: &str) -> bool {
    proposer != approver
}

#[cfg(test)]
mod tests {
    use super::*;

    const AARHUS: MunicipalityCode = MunicipalityCode(751);
    const VEJLE: MunicipalityCode = MunicipalityCode(630);

    #[test]
    fn who_may_do_what() {
        let text = "[[user]]\naccount = \"anna\"\nroles = [\"clerk\"]\nmunicipalities = [\"0751\"]\n\
                    [[user]]\naccount = \"bo\"\nroles = [\"approver\", \"operator\"]\n";
        let users = Users::load(text, "users.toml").unwrap();
        let no_file = Users::default();
        for (users, who, role, municipality, expected) in [
            (&users, "anna", Role::Clerk, Some(AARHUS), Ok(())),
            (&users, "anna", Role::Clerk, None, Ok(())),
            (
                &users,
                "anna",
                Role::Clerk,
                Some(VEJLE),
                Err(Forbidden::Municipality { who: "anna".into(), municipality: VEJLE }),
            ),
            (
                &users,
                "anna",
                Role::Approver,
                Some(AARHUS),
                Err(Forbidden::Role { who: "anna".into(), role: Role::Approver }),
            ),
            (&users, "bo", Role::Approver, Some(VEJLE), Ok(())),
            (&users, "eve", Role::Reader, None, Err(Forbidden::Unknown("eve".into()))),
            (&no_file, "eve", Role::Operator, Some(AARHUS), Ok(())),
        ] {
            assert_eq!(users.check(who, role, municipality), expected, "{who} {role:?}");
        }
        let anna = |municipality| users.check_reach("anna", Role::Clerk, municipality);
        assert_eq!((anna(Some(AARHUS)), anna(None)), (Ok(()), Err(Forbidden::SomeOnly("anna".into()))));
        assert_eq!(users.check_reach("bo", Role::Operator, None), Ok(()));
        assert_eq!(no_file.check_reach("eve", Role::Operator, None), Ok(()));
    }

    #[test]
    fn mistakes_of_the_file_are_named() {
        for (text, rule) in [
            ("", "must have at least one row"),
            ("[[user]]\naccount = \"a\"\nroles = [\"king\"]\n", "must be \"reader\""),
            ("[[user]]\naccount = \"a\"\nroles = []\n", "at least one role"),
            ("[[user]]\nroles = [\"clerk\"]\n", "is missing"),
            ("[[user]]\naccount = \"a\"\nroles = [\"clerk\"]\ncat = 1\n", "cat"),
        ] {
            let errors = Users::load(text, "users.toml").unwrap_err().to_string();
            assert!(errors.contains(rule), "{text}: {errors}");
        }
        let twice = format!("{}{}", user_row("a"), user_row("a"));
        assert!(Users::load(&twice, "users.toml").is_err());
        let all = Users::load(&default_file("root"), "users.toml").unwrap();
        assert!(Role::ALL.iter().all(|role| all.check("root", *role, Some(VEJLE)).is_ok()));
        assert!(!all.names_others_than("root"));
    }

    #[test]
    fn acts_come_back_from_their_codes_and_two_are_two() {
        for act in Act::ALL {
            assert_eq!(Act::from_code(act as u8), Some(act));
        }
        assert!(Act::from_code(0).is_none());
        assert!(is_another("anna", "bo") && !is_another("anna", "anna"));
    }
}

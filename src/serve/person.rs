//! Who it is that asks: the account of the machine, as the kernel tells it (00-decisions.md 8).

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toek_adapters::disk::Disk;
use tokio::net::UnixStream;

/// Where the machine keeps the names of its accounts.
const ACCOUNTS: &str = "/etc/passwd";

/// An account of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Its number.
    pub uid: u32,
    /// Its name, where the machine has one for it.
    pub name: Option<String>,
}

impl Person {
    /// The account of a number.
    pub fn of(disk: &dyn Disk, uid: u32) -> Person {
        let accounts = disk.read_text(Path::new(ACCOUNTS)).unwrap_or_default();
        Person { uid, name: name_in(&accounts, uid) }
    }

    /// Whoever runs this process. Needs a running runtime.
    ///
    /// # Errors
    /// The system's, when it tells nothing.
    pub fn here(disk: &dyn Disk) -> io::Result<Person> {
        let (one, _other) = UnixStream::pair()?;
        Ok(Person::of(disk, one.peer_cred()?.uid()))
    }
}

fn name_in(accounts: &str, uid: u32) -> Option<String> {
    let fields = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse::<u32>().ok()?))
    };
    accounts.lines().filter_map(fields).find(|(_, number)| *number == uid).map(|(name, _)| name)
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "account {}", self.uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\nbroken\n";
        assert_eq!(name_in(accounts, 1000).as_deref(), Some("anna"));
        assert_eq!(name_in(accounts, 7), None);
        assert_eq!(Person { uid: 7, name: None }.to_string(), "account 7");
    }
}

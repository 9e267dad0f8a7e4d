//! Scripted faults of an SFTP server: rules in a TOML file, each about a server, a user or a file, a number of times
//! or until a simulated instant.
//!
//! Deterministic: what a fault does depends on the rules, the seed, the simulated time that was told last and the
//! order of what was asked; never on a clock. Decides only; [`super::sftp_server`] does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use toml::Spanned;

use super::script::{ScriptError, within};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The server is dead: connections are refused, open ones are cut. With `users`: these are not let in.
    Refuse,
    /// Connections are accepted, and never a byte comes back.
    Silent,
    /// So many bytes a second (`rate`).
    Slow,
    /// The connection is cut when so many bytes (`after`) of a file have passed.
    CutOff,
    /// No space after so many bytes (`after`) of a file.
    DiskFull,
    /// No right to open, remove or rename.
    Denied,
    /// A rename fails, whatever the target.
    RefuseRename,
    /// Listings come in no order.
    Disorder,
    /// The server shows another host key.
    HostKey,
    /// A file shows only a part of itself, a larger one at each look, until it was looked at `times` times.
    Growing,
}

/// Which way a file goes, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To the server.
    Upload,
    /// From the server.
    Download,
}

/// One rule. What is not given matches everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub kind: Spanned<FaultKind>,
    /// At which servers.
    #[serde(default)]
    pub servers: Vec<String>,
    /// For which users.
    #[serde(default)]
    pub users: Vec<String>,
    /// Which files: `*` stands for anything; with a `/` in it the whole path is meant, else the name.
    pub names: Option<String>,
    /// Which way.
    pub direction: Option<Direction>,
    /// Bytes of a file that pass before.
    pub after: Option<u64>,
    /// Bytes a second.
    pub rate: Option<u64>,
    /// How often; not given: always.
    pub times: Option<u64>,
    /// From which simulated instant, Danish local time.
    pub from: Option<Moment>,
    /// Until which.
    pub until: Option<Moment>,
    /// So many per thousand of what matches, chosen by the seed.
    pub share: Option<u64>,
}

/// A simulated instant in a script, Danish local time: `"2026-01-28T13:00:00"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub DateTime);

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(input)?;
        text.parse().map(Moment).map_err(serde::de::Error::custom)
    }
}

/// What a rule is held against.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The server's name.
    pub server: &'a str,
    /// Who is logged in, if anybody is.
    pub user: Option<&'a str>,
    /// The path as the user sees it, if a file is meant.
    pub path: Option<&'a str>,
    /// Which way it goes.
    pub direction: Option<Direction>,
}

impl<'a> About<'a> {
    /// A server, before anybody has logged in.
    pub fn server(server: &'a str) -> About<'a> {
        About { server, user: None, path: None, direction: None }
    }
}

/// What a kind needs and may have.
struct Shape {
    kind: FaultKind,
    after: bool,
    rate: bool,
    /// Whether it is about files, and so may have `names` and `direction`.
    files: bool,
}

const fn shape(kind: FaultKind, after: bool, rate: bool, files: bool) -> Shape {
    Shape { kind, after, rate, files }
}

const SHAPES: &[Shape] = &[
    shape(FaultKind::Refuse, false, false, false),
    shape(FaultKind::Silent, false, false, false),
    shape(FaultKind::Slow, false, true, true),
    shape(FaultKind::CutOff, true, false, true),
    shape(FaultKind::DiskFull, true, false, true),
    shape(FaultKind::Denied, false, false, true),
    shape(FaultKind::RefuseRename, false, false, true),
    shape(FaultKind::Disorder, false, false, true),
    shape(FaultKind::HostKey, false, false, false),
    shape(FaultKind::Growing, false, false, true),
];

impl FaultRule {
    fn problem(&self) -> Option<&'static str> {
        let shape = SHAPES.iter().find(|shape| shape.kind == *self.kind.get_ref())?;
        let before_login = matches!(shape.kind, FaultKind::Silent | FaultKind::HostKey);
        match () {
            () if shape.after != self.after.is_some() => {
                Some("`after` goes with cut-off and disk-full, and must be there")
            }
            () if shape.rate != self.rate.is_some_and(|rate| rate > 0) => {
                Some("`rate` goes with slow, must be there and is not 0")
            }
            () if !shape.files && (self.names.is_some() || self.direction.is_some()) => {
                Some("`names` and `direction` go with faults of files only")
            }
            () if before_login && !self.users.is_empty() => {
                Some("`users` cannot be known before anybody has logged in")
            }
            () if self.share.is_some_and(|share| share > 1_000) => Some("`share` is per thousand"),
            () => None,
        }
    }

    fn stands_at(&self, now: DateTime) -> bool {
        self.from.is_none_or(|from| from.0 <= now) && self.until.is_none_or(|until| now < until.0)
    }

    fn is_about(&self, kind: FaultKind, about: &About<'_>) -> bool {
        let among = |list: &[String], name: &str| list.iter().any(|listed| listed == name);
        *self.kind.get_ref() == kind
            && (self.servers.is_empty() || among(&self.servers, about.server))
            && (self.users.is_empty() || about.user.is_some_and(|user| among(&self.users, user)))
            && self.names.as_deref().is_none_or(|names| about.path.is_some_and(|path| fits(names, path)))
            && (self.direction.is_none() || self.direction == about.direction)
    }
}

/// Whether a path fits a pattern of [`FaultRule::names`].
fn fits(pattern: &str, path: &str) -> bool {
    let subject = if pattern.contains('/') { path } else { path.rsplit('/').next().unwrap_or(path) };
    matches_stars(pattern, subject)
}

/// Whether `text` is `pattern`, in which `*` stands for any text.
pub(super) fn matches_stars(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// The faults of all servers, and what has been used of them.
#[derive(Debug)]
pub struct Faults {
    seed: u64,
    rules: Vec<FaultRule>,
    /// By rule: how often it matched, and how often it struck.
    matched: Vec<AtomicU64>,
    struck: Vec<AtomicU64>,
    /// How often a growing file was looked at, by rule, server, user and path.
    looks: Mutex<HashMap<(usize, String), u64>>,
    now: watch::Sender<DateTime>,
}

impl Faults {
    /// No faults at all.
    pub fn none() -> Faults {
        Faults::made(0, Vec::new())
    }

    /// These rules. `text` is what they were read from, and `file` what the caller calls it.
    ///
    /// # Errors
    /// [`ScriptError::Rule`] with the place of the first rule that makes no sense.
    pub fn new(seed: u64, rules: Vec<FaultRule>, text: &str, file: &str) -> Result<Faults, ScriptError> {
        for rule in &rules {
            if let Some(what) = rule.problem() {
                return Err(ScriptError::at(text, file, rule.kind.span().start, what));
            }
        }
        Ok(Faults::made(seed, rules))
    }

    fn made(seed: u64, rules: Vec<FaultRule>) -> Faults {
        let zeros = || rules.iter().map(|_| AtomicU64::new(0)).collect();
        let (matched, struck) = (zeros(), zeros());
        let now = watch::Sender::new(DateTime::MIN);
        Faults { seed, matched, struck, rules, looks: Mutex::default(), now }
    }

    /// Tells what time it is.
    pub fn set_now(&self, now: DateTime) {
        self.now.send_replace(now);
    }

    /// Hears of every change of the time.
    pub fn clock(&self) -> watch::Receiver<DateTime> {
        self.now.subscribe()
    }

    fn fitting(&self, kind: FaultKind, about: &About<'_>) -> Option<(usize, &FaultRule)> {
        let now = *self.now.borrow();
        let stands = |(_, rule): &(usize, &FaultRule)| rule.is_about(kind, about) && rule.stands_at(now);
        self.rules.iter().enumerate().find(stands)
    }

    /// Whether a fault stands that nothing uses up: one without `times` and `share`.
    pub fn stands(&self, kind: FaultKind, about: &About<'_>) -> bool {
        let lasting = |rule: &FaultRule| rule.times.is_none() && rule.share.is_none();
        self.fitting(kind, about).is_some_and(|(_, rule)| lasting(rule))
    }

    /// The fault that strikes now, if one does; that uses up one of its times.
    pub fn strike(&self, kind: FaultKind, about: &About<'_>) -> Option<&FaultRule> {
        let now = *self.now.borrow();
        for (place, rule) in self.rules.iter().enumerate() {
            if !rule.is_about(kind, about) || !rule.stands_at(now) {
                continue;
            }
            let turn = self.matched[place].fetch_add(1, Ordering::SeqCst);
            let chosen = within(rule.share, &[self.seed, place as u64, turn]);
            if chosen && self.takes_one(place, rule) {
                return Some(rule);
            }
        }
        None
    }

    fn takes_one(&self, place: usize, rule: &FaultRule) -> bool {
        let left = |struck: u64| rule.times.is_none_or(|times| struck < times).then_some(struck + 1);
        self.struck[place].fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }

    /// How many of a file's bytes are to be seen. A `look` makes a growing file grow.
    pub fn shown_size(&self, about: &About<'_>, full: u64, look: bool) -> u64 {
        let Some((place, rule)) = self.fitting(FaultKind::Growing, about) else { return full };
        let Some(times) = rule.times else { return full / 2 };
        let who = format!("{}\n{}\n{}", about.server, about.user.unwrap_or(""), about.path.unwrap_or(""));
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let count = looks.entry((place, who)).or_insert(0);
        if look && *count <= times {
            *count += 1;
            self.struck[place].fetch_max(*count, Ordering::SeqCst);
        }
        match (*count).max(1) {
            seen if seen > times => full,
            seen => full / (times + 1) * seen,
        }
    }

    /// Puts names into an order that is none, the same every time.
    pub fn shuffle<T>(&self, names: &mut [T]) {
        let mut random = crate::generator::random::Random::new(&[self.seed, names.len() as u64]);
        for place in (1..names.len()).rev() {
            names.swap(place, random.below(place as u64 + 1) as usize);
        }
    }

    /// How often each rule struck, in the order of the script.
    pub fn struck(&self) -> Vec<u64> {
        self.struck.iter().map(|count| count.load(Ordering::SeqCst)).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        fault: Vec<FaultRule>,
    }

    fn faults(text: &str) -> Result<Faults, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        Faults::new(1, file.fault, text, "faults.toml").map_err(|e| e.to_string())
    }

    fn upload<'a>(server: &'a str, user: &'a str, path: &'a str) -> About<'a> {
        About { server, user: Some(user), path: Some(path), direction: Some(Direction::Upload) }
    }

    #[test]
    fn a_pattern_fits_the_name_or_with_a_slash_the_path() {
        let table = [
            ("*.xml", "/OUT/a.xml", true),
            ("*.xml", "/OUT/a.xml.trigger", false),
            ("a*", "/OUT/a.xml", true),
            ("/IN/*", "/OUT/a.xml", false),
            ("/*/a.xml", "/OUT/a.xml", true),
            ("a.xml", "/OUT/a.xml", true),
            ("*a*a*", "/aa", true),
            ("*a*a*a", "/aa", false),
            ("ab*ba", "/aba", false),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_strikes_where_and_as_often_as_its_rule_says() {
        let faults = faults(
            "[[fault]]\nkind = \"denied\"\nservers = [\"sp\"]\nusers = [\"A\"]\nnames = \"*.xml\"\ntimes = 2",
        )
        .unwrap();
        let elsewhere =
            [upload("nk", "A", "/a.xml"), upload("sp", "B", "/a.xml"), upload("sp", "A", "/a.txt")];
        for about in elsewhere {
            assert!(faults.strike(FaultKind::Denied, &about).is_none(), "{about:?}");
        }
        let here = upload("sp", "A", "/OUT/a.xml");
        assert!(faults.strike(FaultKind::RefuseRename, &here).is_none());
        let strikes = (0..4).filter(|_| faults.strike(FaultKind::Denied, &here).is_some()).count();
        assert_eq!((strikes, faults.struck()), (2, vec![2]));
    }

    #[test]
    fn a_fault_lasts_from_one_simulated_instant_until_another() {
        let text =
            "[[fault]]\nkind = \"refuse\"\nfrom = \"2026-01-28T10:00:00\"\nuntil = \"2026-01-28T12:00:00\"";
        let faults = faults(text).unwrap();
        let about = About::server("sp");
        for (hour, expected) in [(9, false), (10, true), (11, true), (12, false)] {
            faults.set_now(date(2026, 1, 28).at(hour, 0, 0, 0));
            assert_eq!(faults.stands(FaultKind::Refuse, &about), expected, "{hour}");
        }
    }

    #[test]
    fn a_growing_file_grows_with_every_look_until_it_is_whole() {
        let faults = faults("[[fault]]\nkind = \"growing\"\ntimes = 3").unwrap();
        let about = upload("sp", "A", "/a");
        let sizes: Vec<u64> = (0..5).map(|_| faults.shown_size(&about, 400, true)).collect();
        assert_eq!(sizes, [100, 200, 300, 400, 400]);
        assert_eq!(faults.shown_size(&upload("sp", "A", "/b"), 400, false), 100, "another file is another");
    }

    #[test]
    fn a_share_is_chosen_by_the_seed() {
        let faults = faults("[[fault]]\nkind = \"denied\"\nshare = 250").unwrap();
        let about = upload("sp", "A", "/a");
        let strikes = (0..2_000).filter(|_| faults.strike(FaultKind::Denied, &about).is_some()).count();
        assert!((400..600).contains(&strikes), "{strikes}");
    }

    #[test]
    fn mistakes_name_file_line_and_column() {
        let table = [
            ("[[fault]]\nkind = \"lost\"", "TOML parse error at line 2, column 8"),
            ("[[fault]]\n\nkind = \"cut-off\"", "faults.toml:3:8: `after` goes with"),
            ("[[fault]]\nkind = \"slow\"\nrate = 0", "faults.toml:2:8: `rate` goes with slow"),
            ("[[fault]]\nkind = \"refuse\"\nnames = \"*\"", "faults.toml:2:8: `names` and `direction`"),
            ("[[fault]]\nkind = \"silent\"\nusers = [\"A\"]", "faults.toml:2:8: `users` cannot be known"),
            ("[[fault]]\nkind = \"denied\"\nshare = 1001", "per thousand"),
            ("[[fault]]\nkind = \"denied\"\nuntil = \"soon\"", "TOML parse error at line 3, column 9"),
            ("[[fault]]\nkind = \"denied\"\nname = \"a\"", "unknown field `name`"),
        ];
        for (text, expected) in table {
            let error = faults(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}

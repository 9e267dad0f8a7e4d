//! The files of a new installation, as `init` and the demo write them.
//!
//! Writes texts, never files. What stands in them is synthetic where only a counterparty can tell the truth, and says
//! so beside it.

use std::path::PathBuf;

use toek_formats::vocabulary::MunicipalityCode;

use super::{
    ACCOUNTS_FILE, BENEFITS_FILE, ClockKind, MAIN_FILE, MUNICIPALITIES_FILE, PARAMETERS_FILE, SftpAccess,
    USERS_FILE,
};
use crate::domain::reference::quoted;
use crate::domain::{accounts, catalogue, municipality, parameters, people};

/// The pipeline definitions that the binary carries: file names and texts.
pub const DEFAULT_PIPELINES: [(&str, &str); 7] = [
    ("schedules/receive-payments.toml", include_str!("../../schedules/receive-payments.toml")),
    ("schedules/send-bundles.toml", include_str!("../../schedules/send-bundles.toml")),
    ("schedules/receive-answers.toml", include_str!("../../schedules/receive-answers.toml")),
    ("schedules/send-vouchers.toml", include_str!("../../schedules/send-vouchers.toml")),
    ("schedules/receive-voucher-answers.toml", include_str!("../../schedules/receive-voucher-answers.toml")),
    ("schedules/receive-receipts.toml", include_str!("../../schedules/receive-receipts.toml")),
    ("schedules/receive-assortments.toml", include_str!("../../schedules/receive-assortments.toml")),
];

/// Definitions that stand beside, for installations that uncomment them in `toek.toml`: what they take in needs an
/// agreement with a bank, or a case system that sends control files.
pub const OPTIONAL_PIPELINES: [(&str, &str); 2] = [
    ("schedules/receive-bank-statements.toml", include_str!("../../schedules/receive-bank-statements.toml")),
    ("schedules/receive-order-controls.toml", include_str!("../../schedules/receive-order-controls.toml")),
];

/// The endpoints of a new installation.
const ENDPOINTS: [&str; 3] = [KSD, "nemkonto", "serviceplatformen"];
/// The one that payment files come from, the pipeline that takes them, and how its file names their folder.
const KSD: &str = "ksd";
const PAYMENTS_IN: &str = "schedules/receive-payments.toml";
const USUAL_FOLDER: &str = "folder = \".\"";

/// A server that one of the usual endpoints is reached at, instead of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The endpoint: `ksd`, `nemkonto` or `serviceplatformen`.
    pub endpoint: String,
    /// How to log in.
    pub access: SftpAccess,
    /// `ksd` only: the folder with the payment files below where log-in leads; `{municipality}` may stand in it.
    pub folder: Option<String>,
}

/// What a new installation is to be.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Its name; part of the identity of what it makes.
    pub id: &'a str,
    /// Which clock it goes by.
    pub clock: ClockKind,
    /// The municipalities, which get synthetic numbers.
    pub municipalities: &'a [MunicipalityCode],
    /// The endpoints that are reached at servers; the others are folders.
    pub servers: &'a [Server],
    /// The account that may do everything there; without one there is no file of users, and everybody may.
    pub account: Option<&'a str>,
}

impl Template<'_> {
    /// Each file with its path relative to the installation and its text; `toek.toml` first.
    pub fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = vec![
            (PathBuf::from(MAIN_FILE), self.main_file()),
            (PathBuf::from(MUNICIPALITIES_FILE), municipality::synthetic(self.municipalities)),
            (PathBuf::from(BENEFITS_FILE), catalogue::DEFAULT_FILE.to_owned()),
            (PathBuf::from(PARAMETERS_FILE), parameters::default_file()),
            (PathBuf::from(ACCOUNTS_FILE), accounts::default_file()),
        ];
        files.extend(self.account.map(|name| (PathBuf::from(USERS_FILE), people::default_file(name))));
        files.extend(DEFAULT_PIPELINES.map(|(path, text)| (PathBuf::from(path), self.pipeline(path, text))));
        files.extend(OPTIONAL_PIPELINES.map(|(path, text)| (PathBuf::from(path), text.to_owned())));
        files
    }

    fn main_file(&self) -> String {
        let text = include_str!("toek.toml").replace("{id}", self.id).replace("{clock}", self.clock.as_str());
        let text = ENDPOINTS.iter().fold(text, |text, name| {
            let place = self.server(name).map_or_else(|| folder(name), |server| place(&server.access));
            text.replace(&format!("{{{name}}}"), &place)
        });
        let incoming = if self.case_folder().is_some() { "." } else { "in" };
        text.replace("{ksd-in}", incoming)
    }

    fn pipeline(&self, path: &str, text: &str) -> String {
        match self.case_folder().filter(|_| path == PAYMENTS_IN) {
            Some(folder) => text.replace(USUAL_FOLDER, &format!("folder = {}", quoted(folder))),
            None => text.to_owned(),
        }
    }

    fn case_folder(&self) -> Option<&str> {
        self.server(KSD)?.folder.as_deref()
    }

    fn server(&self, endpoint: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.endpoint == endpoint)
    }
}

fn folder(endpoint: &str) -> String {
    format!("kind = \"folder\"\npath = \"endpoints/{endpoint}\"")
}

fn place(access: &SftpAccess) -> String {
    let SftpAccess { host, port, user, key, host_keys } = access;
    let host_keys: Vec<String> = host_keys.iter().map(|key| quoted(key)).collect();
    format!(
        "kind = \"sftp\"\nhost = {}\nport = {port}\nuser = {}\nkey = {}\nhost_keys = [{}]\npath = \"/\"",
        quoted(host),
        quoted(user),
        quoted(&key.to_string_lossy()),
        host_keys.join(", ")
    )
}

/// The files of an installation for these municipalities whose endpoints are folders.
pub fn default_files(codes: &[MunicipalityCode], clock: ClockKind) -> Vec<(PathBuf, String)> {
    let id = match clock {
        ClockKind::Real => "toek",
        ClockKind::Simulated => "demo",
    };
    Template { id, clock, municipalities: codes, servers: &[], account: None }.files()
}

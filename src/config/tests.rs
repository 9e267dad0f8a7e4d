//! What the hub writes loads; what does not fit is named with its place.

use std::collections::BTreeMap;

use proptest::prelude::*;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode};

use super::*;

type Tree = BTreeMap<PathBuf, String>;

fn default_tree() -> Tree {
    let codes: Vec<_> = municipality::ALL.iter().map(|(code, _)| *code).collect();
    tree(&codes[..3])
}

fn tree(codes: &[MunicipalityCode]) -> Tree {
    default_files(codes, ClockKind::Simulated).into_iter().collect()
}

fn load(tree: &Tree) -> Result<Installation, Vec<ConfigError>> {
    let read = |path: &Path| {
        let file = path.strip_prefix("inst").unwrap();
        tree.get(file).cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    };
    Installation::load(&read, Path::new("inst"))
}

#[test]
fn what_init_writes_loads() {
    for clock in [ClockKind::Real, ClockKind::Simulated] {
        let codes: Vec<_> = municipality::ALL.iter().map(|(code, _)| *code).collect();
        let loaded = load(&default_files(&codes, clock).into_iter().collect()).unwrap();
        assert_eq!((loaded.clock, loaded.municipalities.iter().len()), (clock, 98));
        assert_eq!(loaded.limits.in_flight_bytes, 32 << 20);
        assert_eq!(loaded.nemkonto.amount_form, AmountForm::Decimal2);
        let kinds: Vec<_> = loaded.pipelines.iter().map(|pipeline| pipeline.kind).collect();
        let in_comments = [PipelineKind::ReceiveBankStatements, PipelineKind::ReceiveOrderControls];
        let wanted: Vec<_> =
            PipelineKind::ALL.into_iter().filter(|kind| !in_comments.contains(kind)).collect();
        assert_eq!(kinds, wanted);
        assert!(loaded.accounts.is_some() && loaded.serviceplatformen.is_some());
    }
}

fn access() -> SftpAccess {
    SftpAccess {
        host: "127.0.0.1".to_owned(),
        port: 2222,
        user: "HUB".to_owned(),
        key: PathBuf::from("/keys/hub.key"),
        host_keys: vec![format!("ssh-ed25519 {}", "A".repeat(68))],
    }
}

#[test]
fn endpoints_at_servers() {
    let server = |endpoint: &str, folder: Option<&str>| Server {
        endpoint: endpoint.to_owned(),
        access: access(),
        folder: folder.map(str::to_owned),
    };
    let servers = [server("ksd", Some("{municipality}")), server("serviceplatformen", None)];
    let codes = [MunicipalityCode(101)];
    let template = Template {
        id: "hub-1",
        clock: ClockKind::Real,
        municipalities: &codes,
        servers: &servers,
        account: Some("anna"),
    };
    let loaded = load(&template.files().into_iter().collect()).unwrap();
    assert_eq!(loaded.id, "hub-1");
    for (name, kind) in [
        ("ksd", EndpointKind::Sftp(access())),
        ("nemkonto", EndpointKind::Folder),
        ("serviceplatformen", EndpointKind::Sftp(access())),
    ] {
        assert_eq!(loaded.endpoint(name).unwrap().kind, kind, "{name}");
    }
    let folders = |name| loaded.folders(loaded.pipeline(name).unwrap());
    assert_eq!(folders("receive-payments"), [PathBuf::from("/0101")]);
    assert_eq!(folders("send-vouchers"), [PathBuf::from("/OUT")]);
    assert_eq!(folders("receive-answers"), [PathBuf::from("endpoints/nemkonto/outbox")]);
}

/// What `toek.toml` shows in comments is right, once a key stands in it.
#[test]
fn the_endpoint_that_the_main_file_shows() {
    let mut tree = default_tree();
    let text = tree.get_mut(Path::new(MAIN_FILE)).unwrap();
    let (before, example) = text.split_once("# [[endpoint]]").unwrap();
    let (example, behind) = example.split_once("\n\n").unwrap();
    let example = example.replace("\n# ", "\n").replace("AAAA…", &"A".repeat(68));
    *text = format!("{before}[[endpoint]]{example}\n\n{behind}");
    let errors = load(&tree).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].rule, "is the name of an endpoint above");
}

#[test]
fn the_folders_of_pipelines() {
    let loaded = load(&default_tree()).unwrap();
    let folders = |name| loaded.folders(loaded.pipeline(name).unwrap());
    assert_eq!(folders("receive-payments"), [PathBuf::from("endpoints/ksd/in")]);
    assert_eq!(folders("send-bundles"), [PathBuf::from("endpoints/nemkonto/inbox")]);
    assert_eq!(folders("receive-answers"), [PathBuf::from("endpoints/nemkonto/outbox")]);
    let mut many = default_tree();
    replace(&mut many, "schedules/receive-payments.toml", "folder = \".\"", "folder = \"{municipality}\"");
    let loaded = load(&many).unwrap();
    let folders = loaded.folders(loaded.pipeline("receive-payments").unwrap());
    assert_eq!(folders, ["0101", "0147", "0151"].map(|code| PathBuf::from("endpoints/ksd/in").join(code)));
}

#[test]
fn own_closing_days() {
    let mut tree = default_tree();
    replace(&mut tree, MAIN_FILE, "closing_days = []", "closing_days = [2026-05-01]");
    assert!(!load(&tree).unwrap().bank_days.is_bank_day(jiff::civil::date(2026, 5, 1)));
}

#[test]
fn any_change_of_a_file_is_another_version_of_the_rules() {
    let before = load(&default_tree()).unwrap().rules_version;
    assert_eq!(before, load(&default_tree()).unwrap().rules_version);
    let is_read = |file: &&PathBuf| !OPTIONAL_PIPELINES.iter().any(|(path, _)| Path::new(path) == *file);
    for file in default_tree().keys().filter(is_read) {
        let mut tree = default_tree();
        tree.get_mut(file).unwrap().push('\n');
        assert_ne!(before, load(&tree).unwrap().rules_version, "{}", file.display());
    }
}

fn replace(tree: &mut Tree, file: &str, from: &str, to: &str) {
    let text = tree.get_mut(Path::new(file)).unwrap();
    assert!(text.contains(from), "{file}: {from}");
    *text = text.replacen(from, to, 1);
}

/// Changes one file of the default installation and holds what loading says against `expected`.
#[track_caller]
fn check(file: &str, from: &str, to: &str, expected: &[&str]) {
    let mut tree = default_tree();
    replace(&mut tree, file, from, to);
    let errors: Vec<_> = load(&tree).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(errors, expected);
}

#[test]
fn mistakes_of_the_main_file() {
    check(
        MAIN_FILE,
        "clock = \"simulated\"",
        "clock = \"sundial\"\ntimezone = \"CET\"",
        &[
            "inst/toek.toml:8:9: `installation.clock` is \"sundial\": must be \"real\" or \"simulated\"",
            "inst/toek.toml:9:1: `installation.timezone`: is no key here; the keys are clock, closing_days, id, pipelines",
        ],
    );
    check(
        MAIN_FILE,
        "pipelines = [",
        "pipelines = []\nclosing_days = [",
        &["inst/toek.toml:13:1: duplicate key"],
    );
    check(
        MAIN_FILE,
        "5798009999009",
        "5798009999008",
        &["inst/toek.toml:30:16: `nemkonto.supplier_gln` is \"5798009999008\": \
           must be a location number, thirteen digits with their check digit"],
    );
    check(
        MAIN_FILE,
        "out = \"inbox\"",
        "out = \"outbox\"",
        &["inst/toek.toml:61:7: `endpoint[2].out` is \"outbox\": \
           must not be the folder of `in`: the hub would fetch what it delivers"],
    );
    check(
        MAIN_FILE,
        "path = \"endpoints/ksd\"",
        "path = \"../ksd\"",
        &["inst/toek.toml:50:8: `endpoint[1].path` is \"../ksd\": \
           must be a folder below the installation, as a/b, or an absolute one, without `..`"],
    );
    check(
        MAIN_FILE,
        "name = \"nemkonto\"",
        "name = \"ksd\"",
        &["inst/toek.toml:56:8: `endpoint[2].name` is \"ksd\": is the name of an endpoint above"],
    );
}

#[test]
fn mistakes_of_several_files_are_told_together() {
    let mut tree = default_tree();
    replace(&mut tree, MAIN_FILE, "data_transfers = 8", "data_transfers = 0");
    replace(&mut tree, BENEFITS_FILE, "code = \"0101\"", "code = \"101\"");
    replace(&mut tree, "schedules/send-bundles.toml", "0 0 13", "13");
    tree.remove(Path::new(PARAMETERS_FILE));
    let errors: Vec<_> = load(&tree).unwrap_err().iter().map(ToString::to_string).collect();
    let starts = [
        "inst/toek.toml:107:18: `limits.data_transfers` is 0",
        "inst/benefits.toml:31:8: `benefit[1].code` is",
    ];
    assert!(starts.iter().zip(&errors).all(|(start, error)| error.starts_with(start)), "{errors:#?}");
    assert_eq!(errors[2], "inst/parameters.toml: cannot be read: no such file");
    // Without a right main file the pipelines are not known.
    assert_eq!(errors.len(), 3);
}

#[test]
fn mistakes_between_files() {
    check(
        "schedules/receive-payments.toml",
        "endpoint = \"ksd\"",
        "endpoint = \"ky\"",
        &[
            "inst/schedules/receive-payments.toml:10:12: `endpoint` is \"ky\": must be an endpoint of toek.toml",
        ],
    );
    check(
        "schedules/send-bundles.toml",
        "endpoint = \"nemkonto\"",
        "endpoint = \"ksd\"",
        &["inst/schedules/send-bundles.toml:12:12: `endpoint` is \"ksd\": must be an endpoint with `out`"],
    );
    check(
        "schedules/receive-payments.toml",
        "default_supplier = \"KSD\"",
        "default_supplier = \"KMD\"",
        &["inst/schedules/receive-payments.toml:17:20: `default_supplier` is \"KMD\": \
           must be a supplier registered in municipalities.toml"],
    );
    check(
        "schedules/receive-answers.toml",
        "name = \"receive-answers\"",
        "name = \"send-bundles\"",
        &["inst/schedules/receive-answers.toml:2:8: `name` is \"send-bundles\": \
           is the name of the pipeline in inst/schedules/send-bundles.toml too"],
    );
    check(
        BENEFITS_FILE,
        "bank_account = \"main\"",
        "bank_account = \"ksd\"",
        &["0101:13:1", "0147:36:1", "0151:59:1"]
            .map(|at| {
                let (code, place) = at.split_once(':').unwrap();
                format!(
                    "inst/municipalities.toml:{place}: `municipality {code}: account`: \
                 has no \"ksd\", from which benefits.toml line 30 pays 0101"
                )
            })
            .each_ref()
            .map(String::as_str),
    );
    check(
        MUNICIPALITIES_FILE,
        "[[municipality.account]]",
        "benefit_accounts = { \"0999\" = \"main\" }\n[[municipality.account]]",
        &["inst/municipalities.toml:20:22: `municipality 0101: benefit_accounts` is \"0999\": \
           must be the code of a benefit in benefits.toml"],
    );
}

#[test]
fn parameters_are_for_municipalities_that_are_there() {
    let mut tree = default_tree();
    let row = "[[municipality]]\nvalid_from = 2026-01-01\ncode = \"0860\"\nvoucher_limit = 100\n";
    let parameters = tree.get_mut(Path::new(PARAMETERS_FILE)).unwrap();
    let line = parameters.lines().count() + 3;
    parameters.push_str(row);
    let expected = format!(
        "inst/parameters.toml:{line}:8: `code` is \"0860\": must be a municipality of municipalities.toml"
    );
    assert_eq!(load(&tree).unwrap_err()[0].to_string(), expected);
}

#[test]
fn the_bundle_must_run_when_the_parameters_say() {
    check(
        "schedules/send-bundles.toml",
        "0 0 13",
        "0 0 12",
        &["inst/schedules/send-bundles.toml:8:8: `when` is \"0 0 12 * * *\": \
           must run at 13:00 on every bank day, the `ordinary_send_time` in parameters.toml"],
    );
    let own = "[[municipality]]\ncode = \"0101\"\nvalid_from = 2026-03-01\nordinary_send_time = \"10:30\"\n";
    let mut tree = default_tree();
    tree.get_mut(Path::new(PARAMETERS_FILE)).unwrap().push_str(own);
    assert_eq!(
        load(&tree).unwrap_err()[0].rule,
        "must run at 10:30 on every bank day, the `ordinary_send_time` of 0101 from 2026-03-01 in parameters.toml"
    );
    replace(&mut tree, "schedules/send-bundles.toml", "0 0 13", "0 0,30 10,13");
    assert!(load(&tree).is_ok());
}

#[test]
fn every_benefit_has_its_account_everywhere() {
    let loaded = load(&default_tree()).unwrap();
    for municipality in loaded.municipalities.iter() {
        for benefit in loaded.catalogue.iter() {
            assert!(municipality.debit_account(benefit.code, &benefit.bank_account).is_some());
        }
    }
    assert!(loaded.catalogue.at(BenefitCode(101), jiff::civil::date(2026, 1, 30)).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is put in or taken out: no panic, and what does not load says why, with file and rule.
    #[test]
    fn spoiled_files_are_refused_with_a_reason(
        file in 0..7_usize, at in 0..100_u32, cut in 0..30_usize, put in "[ a-zæ0-9=\"\\[\\]{}.#\n-]{0,6}"
    ) {
        let mut tree = default_tree();
        let text = tree.values_mut().nth(file).unwrap();
        let characters: Vec<char> = text.chars().collect();
        let at = characters.len() * at as usize / 100;
        let kept = characters.iter().skip(at + cut);
        *text = characters[..at].iter().copied().chain(put.chars()).chain(kept.copied()).collect();
        match load(&tree) {
            Ok(installation) => prop_assert!(!installation.pipelines.is_empty()),
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.file.starts_with("inst/") && !error.rule.is_empty(), "{error:?}");
                }
            }
        }
    }
}

//! The ERP system, rule by rule.

use jiff::civil::{DateTime, date};
use toek_adapters::disk::{Disk, RealDisk};

use super::erp::{Booked, CAUSES, Erp, Folders, Mapping, Settings};
use super::testing::DyingDisk;
use super::trigger::{ROUTED, Routing, Trigger};
use super::vouchers::VoucherFile;

fn noon() -> DateTime {
    date(2026, 3, 2).at(12, 0, 0, 0)
}

fn uuid(kind: &str, number: u64) -> String {
    format!("{kind}000000-0000-4000-8000-{number:012}")
}

/// One voucher of two postings, with what the table of a test replaces.
fn voucher(number: u64, kroner: u64) -> String {
    let posting = |place: u64, side: &str| {
        format!(
            "<PosteringStruktur>\
             <PosteringsdataIdentifikation>{}</PosteringsdataIdentifikation>\
             <PosteringsdataBeløb>{kroner}.00</PosteringsdataBeløb>\
             <PosteringsdataDebetKreditIndikator>{side}</PosteringsdataDebetKreditIndikator>\
             <PosteringsdataTekst>Sygedagpenge &amp; mere</PosteringsdataTekst>\
             <PosteringsdataHenvisning>TRC-0751-000000000001</PosteringsdataHenvisning>\
             <ReferencenøgleListe><Referencenøgle><ReferencenøgleType>{}</ReferencenøgleType>\
             <ReferencenøgleVærdi>P1-1</ReferencenøgleVærdi></Referencenøgle></ReferencenøgleListe>\
             <PrimæreDimensioner>\
             <PrimæreDimensionerFunktion>{}</PrimæreDimensionerFunktion>\
             <PrimæreDimensionerDranst>{}</PrimæreDimensionerDranst>\
             <PrimæreDimensionerArt>{}</PrimæreDimensionerArt>\
             </PrimæreDimensioner>\
             <ØIRPartStruktur><ØIRPartIdentifikation>urn:oio:cvr-nr:29189846</ØIRPartIdentifikation>\
             <ØIRPartIdentifikationType>{}</ØIRPartIdentifikationType></ØIRPartStruktur>\
             </PosteringStruktur>\n",
            uuid("b2", number * 10 + place),
            uuid("c0", 2),
            uuid("f0", place),
            uuid("d0", 1),
            uuid("a1", 52),
            uuid("c1", 1),
        )
    };
    format!(
        "<FinansbilagStruktur>\n\
         <FinansbilagIdentifikation>{}</FinansbilagIdentifikation>\
         <FinansbilagBilagsnummer>TOEK-2026-{number:08}</FinansbilagBilagsnummer>\
         <FinansbilagBogføringsdato>2026-03-02</FinansbilagBogføringsdato>\
         <FinansbilagRegnskabsperiode>202603</FinansbilagRegnskabsperiode>\
         <FinansbilagType>{}</FinansbilagType>\
         <FinansbilagTekst>Sygedagpenge</FinansbilagTekst>\
         <PosteringListe>{}{}</PosteringListe></FinansbilagStruktur>\n",
        uuid("b1", number),
        uuid("b0", 1),
        posting(1, "Debet"),
        posting(2, "Kredit"),
    )
}

/// A file of these vouchers, each of as many kroner.
fn file(transaction: u64, vouchers: &[String], kroner: u64) -> String {
    let id = uuid("70", transaction);
    let sum = kroner * vouchers.len() as u64;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ModtagFinansbilag_I xmlns=\"http://www.kombit.dk/2017/01/01/\" \
         xmlns:kontekst=\"http://kombit.dk/xml/schemas/kontekst/2017/01/01/\" revision=\"1\">\n\
         <kontekst:HovedOplysninger><kontekst:TransaktionsId>{id}</kontekst:TransaktionsId>\
         <kontekst:TransaktionsTid>2026-03-02T04:15:00Z</kontekst:TransaktionsTid>\
         <kontekst:AuthorityContext><kontekst:MunicipalityCVR>12345674</kontekst:MunicipalityCVR>\
         </kontekst:AuthorityContext><kontekst:Rute>\
         <kontekst:ModtagerOrganisation>12345674</kontekst:ModtagerOrganisation>\
         <kontekst:AfsenderOrganisation>12345674</kontekst:AfsenderOrganisation>\
         <kontekst:AfsenderItSystemInstans>{sys}</kontekst:AfsenderItSystemInstans>\
         </kontekst:Rute></kontekst:HovedOplysninger>\n\
         <FinansLeverancedata>\
         <FinansLeverancedataTransaktionsId>{id}</FinansLeverancedataTransaktionsId>\
         <FinansLeverancedataAntalFinansbilag>{count}</FinansLeverancedataAntalFinansbilag>\
         <FinansLeverancedataSumDebet>{sum}.00</FinansLeverancedataSumDebet>\
         <FinansLeverancedataSumKredit>{sum}.00</FinansLeverancedataSumKredit>\
         <FinansLeverancedataAfsenderMyndighed>urn:oio:cvr-nr:12345674</FinansLeverancedataAfsenderMyndighed>\
         <FinansLeverancedataAfsenderItSystem>{sys}</FinansLeverancedataAfsenderItSystem>\
         <FinansLeverancedataDatoTid>2026-03-02T04:15:00Z</FinansLeverancedataDatoTid>\
         <FinansLeverancedataAntalPosteringer>{postings}</FinansLeverancedataAntalPosteringer>\
         <FinansLeverancedataModtagerMyndighed>urn:oio:cvr-nr:12345674</FinansLeverancedataModtagerMyndighed>\
         </FinansLeverancedata>\n<FinansbilagListe>\n{}</FinansbilagListe></ModtagFinansbilag_I>\n",
        vouchers.concat(),
        sys = uuid("5d", 1),
        count = vouchers.len(),
        postings = vouchers.len() * 2,
    )
}

struct World {
    dir: tempfile::TempDir,
    settings: Settings,
    mapping: Mapping,
    serial: std::cell::Cell<u32>,
}

impl World {
    fn with(more: &str, mapping: &str) -> World {
        let text = format!("user = \"ERP\"\n{more}");
        let settings: Settings = toml::from_str(&text).unwrap();
        settings.check(&text, "t").unwrap();
        let mapping = Mapping::load(mapping, "mapping.toml").unwrap();
        World { dir: tempfile::tempdir().unwrap(), settings, mapping, serial: 0.into() }
    }

    fn open<'d>(&self, disk: &'d dyn Disk) -> Erp<'d> {
        self.try_open(disk).unwrap()
    }

    fn try_open<'d>(&self, disk: &'d dyn Disk) -> Result<Erp<'d>, super::files::PartnerError> {
        let at = |name: &str| self.dir.path().join(name);
        let folders = Folders { inbox: at("IN"), outbox: at("OUT"), home: at("home") };
        Erp::open(disk, folders, self.settings.clone(), self.mapping.clone(), 1)
    }

    /// Puts a file with its metadata into `IN/`, under a name that is new.
    fn send(&self, text: &str) {
        self.serial.set(self.serial.get() + 1);
        self.send_as(&format!("F{}.xml", self.serial.get()), text, text.len() as u64);
    }

    fn send_as(&self, name: &str, text: &str, size: u64) {
        let routing = Routing {
            inf_ref: "FINANS".to_owned(),
            sender_system: uuid("5d", 1),
            sender_authority: "12345674".to_owned(),
            transaction: uuid("7f", 1),
            timestamp: "2026-03-02T04:15:00Z".to_owned(),
            recipient_system: None,
            recipient_authority: "12345674".to_owned(),
        };
        let trigger = Trigger {
            transfer: None,
            file_name: name.to_owned(),
            size,
            sender: "HUB".to_owned(),
            file_id: None,
            recipients: vec![ROUTED.to_owned()],
            routing: Some(routing),
        };
        let metadata = super::trigger::metadata(&trigger, "id", "ERP", Default::default());
        let inbox = self.dir.path().join("IN");
        RealDisk.create_dir_all(&inbox).unwrap();
        RealDisk.write_atomically(&inbox.join(format!("{name}.metadata")), metadata.as_bytes()).unwrap();
        RealDisk.write_atomically(&inbox.join(name), text.as_bytes()).unwrap();
    }

    /// Takes the answers out of `OUT/`, each of which has its trigger.
    fn answers(&self) -> Vec<String> {
        let out = self.dir.path().join("OUT");
        let mut answers = Vec::new();
        for name in super::files::names_in(&RealDisk, &out).unwrap() {
            let bytes = RealDisk.read(&out.join(&name)).unwrap();
            RealDisk.remove(&out.join(&name)).unwrap();
            match name.strip_suffix(".trigger") {
                Some(stem) => {
                    let trigger = Trigger::read(&bytes).unwrap();
                    let size = answers.last().map_or(0, |text: &String| text.len() as u64);
                    assert_eq!((trigger.file_name.as_str(), trigger.size), (stem, size));
                }
                None => answers.push(String::from_utf8(bytes).unwrap()),
            }
        }
        answers
    }

    fn booked(&self) -> Vec<Booked> {
        let dir = self.dir.path().join("home/books");
        let mut booked = Vec::new();
        for name in super::files::names_in(&RealDisk, &dir).unwrap() {
            let text = RealDisk.read_text(&dir.join(name)).unwrap();
            booked.extend(text.lines().map(|line| serde_json::from_str::<Booked>(line).unwrap()));
        }
        booked
    }
}

fn code(code: &str) -> String {
    format!("<LokalÅrsagKode>{code}</LokalÅrsagKode>")
}

const ACCEPTED: &str = "<FinansKvitteringResultat>Accepteret</FinansKvitteringResultat>";

#[test]
fn an_assortment_that_a_person_laid_there_is_handed_on_once() {
    let world = World::with("", "");
    let mut erp = world.open(&RealDisk);
    let place = world.dir.path().join("home/assortments/SORTIMENT_1.xml");
    RealDisk.write_atomically(&place, b"<HentSortiment_O/>").unwrap();
    assert_eq!(erp.step(noon()).unwrap().delivered, ["SORTIMENT_1.xml", "SORTIMENT_1.xml.trigger"]);
    let trigger = world.dir.path().join("OUT/SORTIMENT_1.xml.trigger");
    let routing = Trigger::read(&RealDisk.read(&trigger).unwrap()).unwrap().routing.unwrap();
    assert_eq!(routing.inf_ref, "SF7002_Sortiment");
    assert_eq!(world.answers(), ["<HentSortiment_O/>"]);
    assert!(erp.step(noon()).unwrap().delivered.is_empty());
}

#[test]
fn a_right_file_is_booked_and_answered() {
    let world = World::with("delay = \"10m\"", "");
    let mut erp = world.open(&RealDisk);
    world.send(&file(1, &[voucher(1, 100), voucher(2, 100)], 100));
    erp.step(noon()).unwrap();
    assert_eq!(erp.next_due().unwrap(), Some(date(2026, 3, 2).at(12, 10, 0, 0)));
    assert_eq!(world.answers(), [""; 0]);
    erp.step(date(2026, 3, 2).at(12, 10, 0, 0)).unwrap();
    let answers = world.answers();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].matches(ACCEPTED).count(), 2);
    assert!(answers[0].contains(&format!("<kontekst:TransaktionsId>{}<", uuid("70", 1))));
    assert!(
        answers[0].contains("<BehandlingDatoTid>2026-03-02T11:10:00Z</BehandlingDatoTid>"),
        "{}",
        answers[0]
    );
    let booked = world.booked();
    assert_eq!(
        booked.iter().map(|posting| posting.ore).collect::<Vec<_>>(),
        [10_000, -10_000, 10_000, -10_000]
    );
    assert_eq!(booked[0].keys, [(uuid("c0", 2), "P1-1".to_owned())]);
    assert_eq!((booked[0].erp_number, booked[3].erp_number), (990_000_001, 990_000_002));
    let accounts = &erp.seen().balances["12345674"];
    let debit = &accounts[&format!("{}|{}||||{}", uuid("f0", 1), uuid("d0", 1), uuid("a1", 52))];
    assert_eq!((debit.debit_ore, debit.credit_ore, debit.postings), (20_000, 0, 2));
    let whole: i64 = accounts.values().map(|account| account.debit_ore - account.credit_ore).sum();
    assert_eq!((accounts.len(), whole), (2, 0));
}

/// What is changed in a file of two vouchers, and what the answer then says of the file or of the first voucher.
const WRONG_FILES: &[(&str, &str, &str)] = &[
    ("AntalFinansbilag>2<", "AntalFinansbilag>3<", "FinansLeverancedataAntalFinansbilag"),
    ("AntalPosteringer>4<", "AntalPosteringer>5<", "FinansLeverancedataAntalPosteringer"),
    ("SumDebet>200.00<", "SumDebet>200.01<", "FinansLeverancedataSumDebet"),
    ("SumKredit>200.00<", "SumKredit>199.99<", "FinansLeverancedataSumKredit"),
    ("SumKredit>200.00<", "SumKredit>200<", "two decimals"),
    ("Beløb>100.00<", "Beløb>-100.00<", "two decimals"),
    ("Beløb>100.00<", "Beløb>0100.00<", "two decimals"),
    ("Beløb>100.00<", "Beløb>0.00<", "a posting of nothing"),
    (">Debet<", ">debet<", "neither Debet nor Kredit"),
    ("b1000000-0000", "B1000000-0000", "FinansbilagIdentifikation is no UUID"),
    ("2026-03-02</FinansbilagBogf", "02-03-2026</FinansbilagBogf", "FinansbilagBogføringsdato"),
    (">202603<", ">2026-3<", "is not YYYYMM"),
    (
        "<FinansbilagTekst>Sygedagpenge<",
        "<FinansbilagTekst>Sygedagpenge på mere end fyrre tegn i alt, ikke<",
        "40",
    ),
    (
        "<PrimæreDimensionerArt>a1000000-0000-4000-8000-000000000052</PrimæreDimensionerArt>",
        "",
        "PrimæreDimensionerArt",
    ),
    ("urn:oio:cvr-nr:29189846", "29189846", "ØIRPartIdentifikation"),
    ("<PosteringListe>", "<ValutaStruktur/><PosteringListe>", "PosteringListe expected"),
    ("</ModtagFinansbilag_I>", "", "ends too early"),
    ("xmlns=\"http://www.kombit.dk/2017/01/01/\"", "xmlns=\"urn:x\"", "ModtagFinansbilag_I expected"),
    (
        "<kontekst:AfsenderOrganisation>12345674</kontekst:AfsenderOrganisation>",
        "",
        "AfsenderOrganisation is missing",
    ),
    ("<FinansLeverancedataTransaktionsId>7", "<FinansLeverancedataTransaktionsId>8", "is not TransaktionsId"),
];

#[test]
fn a_file_that_is_wrong_is_refused_as_a_whole() {
    for (from, to, expected) in WRONG_FILES {
        let world = World::with("", "");
        let mut erp = world.open(&RealDisk);
        let text = file(1, &[voucher(1, 100), voucher(2, 100)], 100);
        assert!(text.contains(from), "{from}");
        world.send(&text.replacen(from, to, 1));
        erp.step(noon()).unwrap();
        let answers = world.answers();
        assert_eq!(answers.len(), 1, "{from}");
        assert!(answers[0].contains("<kontekst:FejlId>F001</kontekst:FejlId>"), "{from}: {}", answers[0]);
        assert!(answers[0].contains(expected), "{from}: {}", answers[0]);
        assert!(!answers[0].contains("FinansKvitteringListe"));
        assert_eq!((world.booked().len(), erp.seen().refused_files), (0, 1), "{from}");
    }
}

#[test]
fn a_file_whose_own_id_cannot_be_read_is_answered_by_the_one_of_its_trigger() {
    let world = World::with("", "");
    let mut erp = world.open(&RealDisk);
    world.send("<nothing/>");
    erp.step(noon()).unwrap();
    assert!(world.answers()[0].contains(&uuid("7f", 1)));
}

const MAPPING: &str = r#"
units = ["11111111-0000-4000-8000-000000000001"]
[[class]]
uuid = "f0000000-0000-4000-8000-000000000001"
dimension = "funktion"
[[class]]
uuid = "f0000000-0000-4000-8000-000000000002"
dimension = "funktion"
valid_from = "2026-03-02"
[[class]]
uuid = "d0000000-0000-4000-8000-000000000001"
dimension = "dranst"
[[class]]
uuid = "a1000000-0000-4000-8000-000000000052"
dimension = "art"
"#;

const PERIODS: &str = r#"
[[period]]
authorities = ["29189846"]
from = "2020-01-01"
to = "2020-12-31"
[[period]]
from = "2026-03-01"
to = "2026-04-30"
supplementary = [2025]
"#;

/// What is changed in the first of two vouchers, and the code it then gets; empty: accepted.
const VOUCHERS: &[(&str, &str, &str)] = &[
    ("Beløb>100.00<", "Beløb>100.01<", "F010"),
    ("f0000000-0000-4000-8000-000000000001", "f0000000-0000-4000-8000-000000000009", "F020"),
    ("d0000000-0000-4000-8000-000000000001", "a1000000-0000-4000-8000-000000000052", "F020"),
    ("2026-03-02</FinansbilagBogf", "2026-03-01</FinansbilagBogf", "F020"),
    (
        ">2026-03-02</FinansbilagBogføringsdato><FinansbilagRegnskabsperiode>202603<",
        ">2026-02-28</FinansbilagBogføringsdato><FinansbilagRegnskabsperiode>202602<",
        "F030",
    ),
    (">202603<", ">202604<", "F030"),
    (">202603<", ">202613<", "F030"),
    ("<FinansbilagRegnskabsperiode>202603</FinansbilagRegnskabsperiode>", "", ""),
    (
        "<PosteringListe>",
        "<ØIROrganisationsenhedIdentifikation>11111111-0000-4000-8000-000000000001</ØIROrganisationsenhedIdentifikation><PosteringListe>",
        "",
    ),
    (
        "<PosteringListe>",
        "<ØIROrganisationsenhedIdentifikation>22222222-0000-4000-8000-000000000001</ØIROrganisationsenhedIdentifikation><PosteringListe>",
        "F050",
    ),
];

#[test]
fn a_voucher_is_accepted_or_refused_alone() {
    for (from, to, expected) in VOUCHERS {
        let world = World::with(PERIODS, MAPPING);
        let mut erp = world.open(&RealDisk);
        let first = voucher(1, 100);
        assert!(first.contains(from), "{from}");
        let mut text = file(1, &[first.replacen(from, to, 1), voucher(2, 100)], 100);
        if *expected == "F010" {
            text = text.replace("SumDebet>200.00<", "SumDebet>200.01<");
        }
        world.send(&text);
        erp.step(noon()).unwrap();
        let answer = world.answers().concat();
        let accepted = if expected.is_empty() { 2 } else { 1 };
        assert_eq!(answer.matches(ACCEPTED).count(), accepted, "{from}: {answer}");
        assert!(expected.is_empty() || answer.contains(&code(expected)), "{from} -> {to}: {answer}");
        assert_eq!(world.booked().len(), 2 * accepted, "{from}");
    }
}

#[test]
fn what_comes_again_is_answered_again_and_booked_once() {
    let world = World::with("", "");
    let mut erp = world.open(&RealDisk);
    let text = file(1, &[voucher(1, 100)], 100);
    world.send(&text);
    erp.step(noon()).unwrap();
    let first = world.answers();
    world.send(&text);
    erp.step(noon()).unwrap();
    assert_eq!(world.answers(), first, "the same file, the same receipt");
    world.send(&file(2, &[voucher(1, 100), voucher(2, 100)], 100));
    erp.step(noon()).unwrap();
    let answer = world.answers().concat();
    assert!(answer.contains("990000001") && answer.contains("990000002"), "{answer}");
    world.send(&file(3, &[voucher(1, 200)], 200));
    erp.step(noon()).unwrap();
    assert!(world.answers().concat().contains(&code("F040")), "the same id with other content");
    world.send(&file(1, &[voucher(9, 100)], 100));
    erp.step(noon()).unwrap();
    assert!(world.answers().concat().contains("<kontekst:FejlId>F040<"), "the file's id with other content");
    assert_eq!(world.booked().len(), 4);
    // A new life reads the same books from what was taken.
    let mut again = world.open(&RealDisk);
    again.step(noon()).unwrap();
    assert_eq!(again.seen(), erp.seen());
    assert_eq!(world.answers(), [""; 0]);
}

#[test]
fn a_script_refuses_repeats_contradicts_and_keeps_silent() {
    let world = World::with(
        r#"
        [[voucher]]
        files = [1]
        nth = [2]
        answer = "refuse"
        code = "F021"
        text = "konto & art"
        [[voucher]]
        files = [1]
        nth = [3]
        answer = "silent"
        [[file]]
        files = [1]
        answer = "accept"
        late = "1h"
        twice = true
        contradicting = true
        unknown_voucher = true
        [[file]]
        files = [2]
        answer = "refuse"
        code = "F099"
        [[file]]
        files = [3]
        answer = "silent"
        [[file]]
        files = [4]
        answer = "accept"
        form = "structure"
    "#,
        "",
    );
    let mut erp = world.open(&RealDisk);
    let three: Vec<String> = (1..=3).map(|number| voucher(number, 100)).collect();
    world.send(&file(1, &three, 100));
    erp.step(noon()).unwrap();
    assert_eq!(world.answers().len(), 0);
    erp.step(date(2026, 3, 2).at(13, 2, 0, 0)).unwrap();
    let answers = world.answers();
    assert_eq!((answers.len(), world.booked().len()), (3, 4), "first, again, contradiction; two booked");
    assert!(answers[0].contains("konto &amp; art") && answers[0].contains(&code("F021")));
    assert_eq!(answers[0].matches("<FinansKvitteringStruktur>").count(), 3, "one silent, one unknown");
    assert!(!answers[0].contains(&uuid("b1", 3)));
    assert_eq!(answers[1].matches(ACCEPTED).count(), 2);
    assert!(answers[2].contains("Omgjort") && answers[2].matches(ACCEPTED).count() == 1, "{}", answers[2]);

    world.send(&file(2, &[voucher(4, 100)], 100));
    erp.step(noon()).unwrap();
    assert!(world.answers().concat().contains("<kontekst:FejlId>F099<"));
    let silent = file(3, &[voucher(5, 100)], 100);
    world.send(&silent);
    erp.step(noon()).unwrap();
    assert_eq!((world.answers().len(), world.booked().len()), (0, 6), "booked without a word");
    world.send(&silent);
    erp.step(noon()).unwrap();
    let answer = world.answers().concat();
    assert!(
        answer.contains("AccepteretUdenBemærkninger"),
        "asked again it answers, in this file's form: {answer}"
    );
    assert_eq!(world.booked().len(), 6);
}

#[test]
fn a_file_is_taken_only_when_it_is_whole() {
    let world = World::with("", "");
    let mut erp = world.open(&RealDisk);
    let text = file(1, &[voucher(1, 100)], 100);
    world.send_as("a.xml", &text[..500], text.len() as u64);
    erp.step(noon()).unwrap();
    assert_eq!(erp.seen().files, 0);
    world.send_as("a.xml", &text, text.len() as u64);
    erp.step(noon()).unwrap();
    assert_eq!((erp.seen().files, erp.seen().accepted), (1, 1));
}

#[test]
fn killed_anywhere_it_books_once_and_answers_once() {
    let text = file(1, &[voucher(1, 100), voucher(2, 100)], 100);
    for operations in 0..200 {
        let world = World::with("", "");
        world.open(&RealDisk);
        world.send(&text);
        let disk = DyingDisk::after(operations);
        let died = world.try_open(&disk).and_then(|mut erp| erp.step(noon())).is_err();
        let mut again = world.open(&RealDisk);
        again.step(noon()).unwrap();
        again.step(noon()).unwrap();
        assert_eq!((world.answers().len(), world.booked().len()), (1, 4), "after {operations}");
        if !died {
            return;
        }
    }
    panic!("it always died");
}

#[test]
fn the_example_of_the_specification_can_be_read() {
    let text = include_str!("../../fixtures/partners/finans-9.xml");
    let file = VoucherFile::read(text.as_bytes()).unwrap();
    assert_eq!((file.fault(), file.vouchers.len(), file.vouchers[0].postings.len()), (None, 1, 5));
    assert_eq!((file.head.debit_ore, file.vouchers[0].balance()), (1_600_000, 0));
    assert_eq!(file.vouchers[0].reference.as_deref(), Some("EFF-2026-000001"));
}

#[test]
fn mistakes_in_a_script_name_line_and_column() {
    let table = [
        ("[[voucher]]\nanswer = \"refuse\"", "t:3:10: `code` goes with refuse"),
        ("[[voucher]]\nanswer = \"refuse\"\ncode = \"F002\"", "t:3:10: `code` goes with refuse"),
        ("[[file]]\nanswer = \"silent\"\ncode = \"F099\"", "t:3:10: `code` goes with refuse"),
    ];
    for (more, expected) in table {
        let text = format!("user = \"ERP\"\n{more}");
        let settings: Settings = toml::from_str(&text).unwrap();
        let error = settings.check(&text, "t").unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = Mapping::load("[[class]]\nuuid = 1", "mapping.toml").unwrap_err().to_string();
    assert!(error.contains("mapping.toml: TOML parse error at line 2, column 8"), "{error}");
}

#[test]
fn every_cause_is_one_of_its_own() {
    for (place, cause) in CAUSES.iter().enumerate() {
        assert!(CAUSES[..place].iter().all(|other| other.code != cause.code));
    }
}

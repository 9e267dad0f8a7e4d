//! Reads files of finance vouchers (`ModtagFinansbilag_I`) as an ERP system would, with its own strictness
//! (oir-finans-sf1590a.md section 5).
//!
//! Written from the specification and not from the hub's writer. What is wrong with a document refuses the file; what
//! is wrong with a voucher is [`super::erp`]'s. Keeps nothing of a person: who a posting is about is read and dropped.

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::files::is_uuid;
use super::trigger::is_instant;
use super::xml::{Cursor, Read, Space, Token};

/// The namespace of the message.
pub(super) const MESSAGE: &str = "http://www.kombit.dk/2017/01/01/";
/// The namespace of its head.
pub(super) const CONTEXT: &str = "http://kombit.dk/xml/schemas/kontekst/2017/01/01/";
const SPACES: &[&str] = &[MESSAGE, CONTEXT];
const M: Space = Space::Known(0);
const K: Space = Space::Known(1);
/// The most postings in a voucher and in a file (V08, there a warning: ASSUMED to be a limit here).
const POSTINGS_LIMIT: usize = 5_000;
/// Names of the six primary dimensions, in order. ASSUMED (4.2).
pub const DIMENSIONS: [&str; 6] =
    ["Funktion", "Dranst", "Ejerforhold", "Omkostningssted", "Gruppering", "Art"];
/// Which of them a posting must have. ASSUMED (4.2).
const NEEDED: [bool; 6] = [true, true, false, false, false, true];

/// A file that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file's own id, when it was read before the trouble began.
    pub transaction: Option<String>,
    /// 1-based line.
    pub line: usize,
    /// What is wrong. Never a value that could be a person's.
    pub what: String,
}

/// The head of a file: who sends it for whom, and its control figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The file's id.
    pub transaction: String,
    /// CVR of the municipality.
    pub authority: String,
    /// The number of vouchers it claims.
    pub vouchers: u64,
    /// The sums it claims, in øre.
    pub debit_ore: i128,
    /// See `debit_ore`.
    pub credit_ore: i128,
    /// The number of postings it claims.
    pub postings: u64,
}

/// One voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// UUID.
    pub id: String,
    /// The sender's readable number.
    pub number: String,
    /// Booking date.
    pub day: Date,
    /// `YYYYMM`, 13 being the supplementary period.
    pub period: Option<String>,
    /// UUID of the voucher type.
    pub kind: String,
    /// The heading.
    pub text: String,
    /// The cause.
    pub reference: Option<String>,
    /// The voucher it takes back.
    pub reverses: Option<String>,
    /// UUID of the paying unit.
    pub unit: Option<String>,
    /// The lines.
    pub postings: Vec<Posting>,
    /// SHA-256 of its XML: two vouchers that say the same in the same words.
    pub hash: [u8; 32],
}

/// One line of a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// UUID.
    pub id: String,
    /// Øre; a credit is negative.
    pub ore: i64,
    /// Value date.
    pub value_day: Option<Date>,
    /// The text.
    pub text: String,
    /// The posting reference.
    pub reference: Option<String>,
    /// Type (UUID) and value.
    pub keys: Vec<(String, String)>,
    /// UUIDs by [`DIMENSIONS`].
    pub dimensions: [Option<String>; 6],
    /// Further dimensions.
    pub secondary: Vec<String>,
}

/// A whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherFile {
    /// The head.
    pub head: Head,
    /// The vouchers, in order.
    pub vouchers: Vec<Voucher>,
}

impl VoucherFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Refused`] for anything that is not well-formed, in order, and true to its own control figures.
    pub fn read(bytes: &[u8]) -> Result<VoucherFile, Refused> {
        let line = |at: usize| 1 + bytes[..at.min(bytes.len())].iter().filter(|b| **b == b'\n').count();
        let text = str::from_utf8(bytes).map_err(|e| Refused {
            transaction: None,
            line: line(e.valid_up_to()),
            what: "not UTF-8".to_owned(),
        })?;
        let mut cursor = Cursor::new(text, SPACES);
        let mut head = Head::default();
        let read = cursor.voucher_file(text, &mut head);
        let transaction = Some(head.transaction.clone()).filter(|id| !id.is_empty());
        let vouchers = read.map_err(|what| Refused { transaction, line: line(cursor.position()), what })?;
        Ok(VoucherFile { head, vouchers })
    }

    /// The first control figure that the vouchers do not bear out.
    pub fn fault(&self) -> Option<&'static str> {
        let ore = |of: fn(i64) -> bool| -> i128 {
            let all = self.vouchers.iter().flat_map(|voucher| &voucher.postings);
            all.map(|posting| posting.ore).filter(|ore| of(*ore)).map(i128::from).sum()
        };
        let postings: usize = self.vouchers.iter().map(|voucher| voucher.postings.len()).sum();
        let head = &self.head;
        match () {
            () if head.vouchers != self.vouchers.len() as u64 => Some("FinansLeverancedataAntalFinansbilag"),
            () if head.postings != postings as u64 => Some("FinansLeverancedataAntalPosteringer"),
            () if head.debit_ore != ore(|ore| ore > 0) => Some("FinansLeverancedataSumDebet"),
            () if head.credit_ore != -ore(|ore| ore < 0) => Some("FinansLeverancedataSumKredit"),
            () => None,
        }
    }
}

impl Voucher {
    /// Debit less credit, in øre.
    pub fn balance(&self) -> i128 {
        self.postings.iter().map(|posting| i128::from(posting.ore)).sum()
    }
}

/// `1250.00`: at most 15 digits in all, a point, two decimals. In øre.
fn amount(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.')?;
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=13).contains(&whole.len()) && cents.len() == 2 && digits(whole) && digits(cents);
    if !fits || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    Some(whole.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?)
}

fn is_cvr(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit())
}

impl Cursor<'_> {
    fn voucher_file(&mut self, text: &str, head: &mut Head) -> Read<Vec<Voucher>> {
        self.open(M, "ModtagFinansbilag_I")?;
        self.main_facts(head)?;
        self.delivery(head)?;
        self.open(M, "FinansbilagListe")?;
        let mut vouchers = Vec::new();
        while vouchers.is_empty() || self.sees(M, "FinansbilagStruktur")? {
            vouchers.push(self.voucher(text)?);
        }
        self.close()?;
        self.close()?;
        match self.advance()? {
            Token::Eof => Ok(vouchers),
            _ => Err("something follows the message".to_owned()),
        }
    }

    /// `kontekst:HovedOplysninger` (section 2).
    fn main_facts(&mut self, head: &mut Head) -> Read<()> {
        self.open(K, "HovedOplysninger")?;
        head.transaction = self.value(K, "TransaktionsId", 255)?;
        self.instant(K, "TransaktionsTid")?;
        self.optional_uuid(K, "RequestId")?;
        for name in ["OnBehalfOfUser", "CallersServiceCallIdentifier", "AccountingInfo"] {
            self.optional(K, name, 255)?;
        }
        if self.sees(K, "AuthorityContext")? {
            self.open(K, "AuthorityContext")?;
            self.cvr(K, "MunicipalityCVR")?;
            self.close()?;
        }
        if self.sees(K, "Rute")? {
            self.route()?;
        }
        while self.sees(K, "Processing")? {
            self.open(K, "Processing")?;
            self.pass()?;
        }
        self.close()
    }

    /// `Rute`: its four elements in any order, each once.
    fn route(&mut self) -> Read<()> {
        self.open(K, "Rute")?;
        let mut left = vec![
            ("AfsenderOrganisation", false, true),
            ("AfsenderItSystemInstans", true, true),
            ("ModtagerOrganisation", false, true),
            ("ModtagerItSystemInstans", true, false),
        ];
        loop {
            let mut found = None;
            for (place, (name, is_uuid, _)) in left.iter().enumerate() {
                if self.sees(K, name)? {
                    found = Some((place, *name, *is_uuid));
                    break;
                }
            }
            let Some((place, name, is_uuid)) = found else { break };
            if is_uuid {
                self.uuid_in(K, name)?
            } else {
                self.cvr(K, name)?
            };
            left.remove(place);
        }
        match left.iter().find(|(_, _, is_needed)| *is_needed) {
            Some((name, ..)) => Err(format!("{name} is missing")),
            None => self.close(),
        }
    }

    fn delivery(&mut self, head: &mut Head) -> Read<()> {
        self.open(M, "FinansLeverancedata")?;
        let name = |rest: &str| format!("FinansLeverancedata{rest}");
        let transaction = self.uuid_in(M, &name("TransaktionsId"))?;
        if transaction != head.transaction {
            return Err("FinansLeverancedataTransaktionsId is not TransaktionsId".to_owned());
        }
        head.vouchers = self.count(&name("AntalFinansbilag"))?;
        head.debit_ore = self.sum(&name("SumDebet"))?;
        head.credit_ore = self.sum(&name("SumKredit"))?;
        head.authority = self.authority_in(&name("AfsenderMyndighed"))?;
        self.uuid_in(M, &name("AfsenderItSystem"))?;
        self.instant(M, &name("DatoTid"))?;
        head.postings = self.count(&name("AntalPosteringer"))?;
        self.authority_in(&name("ModtagerMyndighed"))?;
        self.close()
    }

    fn voucher(&mut self, text: &str) -> Read<Voucher> {
        self.open(M, "FinansbilagStruktur")?;
        let start = self.position();
        let id = self.uuid_in(M, "FinansbilagIdentifikation")?;
        let number = self.value(M, "FinansbilagBilagsnummer", 70)?;
        let day = self.day("FinansbilagBogføringsdato")?;
        let period = self.optional(M, "FinansbilagRegnskabsperiode", 6)?;
        if period.as_ref().is_some_and(|p| p.len() != 6 || !p.bytes().all(|b| b.is_ascii_digit())) {
            return Err("FinansbilagRegnskabsperiode is not YYYYMM".to_owned());
        }
        let kind = self.uuid_in(M, "FinansbilagType")?;
        let heading = self.value(M, "FinansbilagTekst", 40)?;
        let reference = self.optional(M, "FinansbilagEksternReference", 70)?;
        self.optional_day("FinansbilagBilagsdato")?;
        let indicator = self.optional(M, "FinansbilagTilbageførselIndikator", 5)?;
        let reverses = self.optional_uuid(M, "FinansbilagTilbageførtBilag")?;
        match (indicator.as_deref(), &reverses) {
            (None | Some("false" | "0"), None) | (Some("true" | "1"), Some(_)) => {}
            _ => return Err("a reversal names the voucher it takes back, and nothing else does".to_owned()),
        }
        let unit = self.optional_uuid(M, "ØIROrganisationsenhedIdentifikation")?;
        let postings = self.postings()?;
        self.close()?;
        let hash = Sha256::digest(&text.as_bytes()[start..self.position()]).into();
        Ok(Voucher {
            id,
            number,
            day,
            period,
            kind,
            text: heading,
            reference,
            reverses,
            unit,
            postings,
            hash,
        })
    }

    fn postings(&mut self) -> Read<Vec<Posting>> {
        self.open(M, "PosteringListe")?;
        let mut postings = Vec::new();
        while postings.len() < 2 || self.sees(M, "PosteringStruktur")? {
            postings.push(self.posting()?);
            if postings.len() > POSTINGS_LIMIT {
                return Err("more than 5 000 postings in a voucher".to_owned());
            }
        }
        self.close()?;
        Ok(postings)
    }

    fn posting(&mut self) -> Read<Posting> {
        self.open(M, "PosteringStruktur")?;
        let id = self.uuid_in(M, "PosteringsdataIdentifikation")?;
        let text = self.value(M, "PosteringsdataBeløb", 16)?;
        let size = amount(&text).ok_or("PosteringsdataBeløb is not digits, a point and two decimals")?;
        let ore = match self.value(M, "PosteringsdataDebetKreditIndikator", 6)?.as_str() {
            "Debet" => size,
            "Kredit" => -size,
            _ => return Err("PosteringsdataDebetKreditIndikator is neither Debet nor Kredit".to_owned()),
        };
        if ore == 0 {
            return Err("a posting of nothing".to_owned());
        }
        let value_day = self.optional_day("PosteringsdataDato")?;
        let text = self.value(M, "PosteringsdataTekst", 255)?;
        let reference = self.optional(M, "PosteringsdataHenvisning", 255)?;
        self.optional_day("PosteringsdataPeriodeFra")?;
        self.optional_day("PosteringsdataPeriodeTil")?;
        if self.sees(M, "ValutaStruktur")? {
            return Err("ValutaStruktur: nothing but DKK is booked".to_owned());
        }
        let keys = self.keys()?;
        let dimensions = self.dimensions()?;
        let secondary = self.secondary()?;
        self.subject()?;
        self.close()?;
        Ok(Posting { id, ore, value_day, text, reference, keys, dimensions, secondary })
    }

    fn keys(&mut self) -> Read<Vec<(String, String)>> {
        let mut keys = Vec::new();
        if self.sees(M, "ReferencenøgleListe")? {
            self.open(M, "ReferencenøgleListe")?;
            while keys.is_empty() || self.sees(M, "Referencenøgle")? {
                self.open(M, "Referencenøgle")?;
                let kind = self.uuid_in(M, "ReferencenøgleType")?;
                keys.push((kind, self.value(M, "ReferencenøgleVærdi", 255)?));
                self.close()?;
            }
            self.close()?;
        }
        Ok(keys)
    }

    fn dimensions(&mut self) -> Read<[Option<String>; 6]> {
        self.open(M, "PrimæreDimensioner")?;
        let mut dimensions = [const { None }; 6];
        for (place, name) in DIMENSIONS.iter().enumerate() {
            let name = format!("PrimæreDimensioner{name}");
            dimensions[place] = match NEEDED[place] {
                true => Some(self.uuid_in(M, &name)?),
                false => self.optional_uuid(M, &name)?,
            };
        }
        self.close()?;
        Ok(dimensions)
    }

    fn secondary(&mut self) -> Read<Vec<String>> {
        let mut values = Vec::new();
        if self.sees(M, "SekundærDimensionListe")? {
            self.open(M, "SekundærDimensionListe")?;
            while values.is_empty() || self.sees(M, "SekundærDimensionVærdi")? {
                values.push(self.uuid_in(M, "SekundærDimensionVærdi")?);
            }
            self.close()?;
        }
        Ok(values)
    }

    /// Who a posting is about: checked for its form and forgotten.
    fn subject(&mut self) -> Read<()> {
        if !self.sees(M, "ØIRPartStruktur")? {
            return Ok(());
        }
        self.open(M, "ØIRPartStruktur")?;
        let party = self.value(M, "ØIRPartIdentifikation", 255)?;
        let digits = |prefix: &str, count: usize| {
            let number = party.strip_prefix(prefix);
            number.is_some_and(|n| n.len() == count && n.bytes().all(|b| b.is_ascii_digit()))
        };
        if !digits("urn:oio:cpr-nr:", 10) && !digits("urn:oio:cvr-nr:", 8) {
            return Err("ØIRPartIdentifikation is neither a person nor a company".to_owned());
        }
        self.uuid_in(M, "ØIRPartIdentifikationType")?;
        self.close()
    }

    fn uuid_in(&mut self, space: Space, name: &str) -> Read<String> {
        let uuid = self.value(space, name, 36)?;
        if is_uuid(&uuid) { Ok(uuid) } else { Err(format!("{name} is no UUID in lower case")) }
    }

    fn optional_uuid(&mut self, space: Space, name: &str) -> Read<Option<String>> {
        if self.sees(space, name)? { self.uuid_in(space, name).map(Some) } else { Ok(None) }
    }

    fn cvr(&mut self, space: Space, name: &str) -> Read<String> {
        let cvr = self.value(space, name, 8)?;
        if is_cvr(&cvr) { Ok(cvr) } else { Err(format!("{name} has not 8 digits")) }
    }

    fn authority_in(&mut self, name: &str) -> Read<String> {
        let urn = self.value(M, name, 100)?;
        let cvr = urn.strip_prefix("urn:oio:cvr-nr:").filter(|cvr| is_cvr(cvr));
        cvr.map(str::to_owned).ok_or_else(|| format!("{name} is not urn:oio:cvr-nr: and 8 digits"))
    }

    fn instant(&mut self, space: Space, name: &str) -> Read<()> {
        let text = self.value(space, name, 40)?;
        if is_instant(&text) { Ok(()) } else { Err(format!("{name} is no date and time")) }
    }

    fn day(&mut self, name: &str) -> Read<Date> {
        let text = self.value(M, name, 10)?;
        let day = if text.len() == 10 { text.parse().ok() } else { None };
        day.ok_or_else(|| format!("{name} is not YYYY-MM-DD"))
    }

    fn optional_day(&mut self, name: &str) -> Read<Option<Date>> {
        if self.sees(M, name)? { self.day(name).map(Some) } else { Ok(None) }
    }

    fn count(&mut self, name: &str) -> Read<u64> {
        let text = self.value(M, name, 18)?;
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).ok_or_else(|| format!("{name} is not a number"))
    }

    fn sum(&mut self, name: &str) -> Read<i128> {
        let text = self.value(M, name, 16)?;
        amount(&text).map(i128::from).ok_or_else(|| format!("{name} is not digits, a point and two decimals"))
    }
}

//! Every namespace, element name and fixed value of the finance messages, once.
//!
//! The official schema was not to be had (oir-finans-sf1590a.md 0): the first two lists were seen in KOMBIT's own
//! material, the third is ASSUMED. When the schema is here, this file and the order in `model.rs` are what changes.

/// The messages' namespace (2).
pub const KOMBIT: &str = "http://www.kombit.dk/2017/01/01/";
/// The namespace of the frame common to all messages (2).
pub const CONTEXT: &str = "http://kombit.dk/xml/schemas/kontekst/2017/01/01/";

/// Both, as the content models number them.
pub static NAMESPACES: [&str; 2] = [KOMBIT, CONTEXT];

/// Place of [`KOMBIT`].
pub const M: u8 = 0;
/// Place of [`CONTEXT`].
pub const K: u8 = 1;

/// Most postings in one voucher before it should be split (V08, ASSUMED).
pub const POSTINGS_PER_VOUCHER: u32 = 5_000;
/// Most postings in one file before another should be begun (V08, ASSUMED).
pub const POSTINGS_PER_FILE: u32 = 100_000;
/// Most digits of an amount, decimals included: `DecimalTalNumerisk15_2` (2).
pub const AMOUNT_DIGITS: usize = 15;
/// Most digits of a control sum, decimals included (ASSUMED: 10 asks for sums of 18).
pub const SUM_DIGITS: usize = 18;

macro_rules! names {
    ($($name:ident = $text:literal;)*) => {
        $(#[doc = concat!("`", $text, "`.")] pub const $name: &str = $text;)*
    };
}

// The frame (2): confirmed.
names! {
    REVISION = "revision";
    HEAD = "HovedOplysninger";
    ANSWER_HEAD = "HovedOplysningerSvar";
    TRANSACTION_ID = "TransaktionsId";
    TRANSACTION_TIME = "TransaktionsTid";
    REQUEST_ID = "RequestId";
    AUTHORITY_CONTEXT = "AuthorityContext";
    MUNICIPALITY_CVR = "MunicipalityCVR";
    ROUTE = "Rute";
    SENDER_ORGANISATION = "AfsenderOrganisation";
    SENDER_IT_SYSTEM = "AfsenderItSystemInstans";
    RECEIVER_ORGANISATION = "ModtagerOrganisation";
    RECEIVER_IT_SYSTEM = "ModtagerItSystemInstans";
    REACTION = "SvarReaktion";
    NOTICE = "Advis";
    NOTICE_ID = "AdvisId";
    NOTICE_TEXT = "AdvisTekst";
    FAULT = "Fejl";
    FAULT_ID = "FejlId";
    FAULT_TEXT = "FejlTekst";
    SOURCE_ID = "KildeId";
    PLACE = "Identifikation";
}

// Elements and groups whose own names are confirmed, though not always that they stand here (3, 7).
names! {
    PROCESSED_AT = "BehandlingDatoTid";
    RESULT = "FinansKvitteringResultat";
    CAUSE = "FinansKvitteringÅrsag";
    EXPLANATION = "FinansKvitteringBegrundelse";
    ACCEPTANCE = "AcceptStruktur";
    ACCEPTED_PLAINLY = "AccepteretUdenBemærkninger";
    REFUSAL = "AfvisningStruktur";
    DETAIL = "ResultatÅrsagStruktur";
    DETAIL_CAUSE = "ÅrsagIdentifikation";
    DETAIL_ELEMENT = "ElementNavn";
    DETAIL_VALUE = "ElementVærdi";
    DETAIL_TEXT = "LokalÅrsagTekst";
    DETAIL_CODE = "LokalÅrsagKode";
    PRIMARY_DIMENSIONS = "PrimæreDimensioner";
    SECONDARY_DIMENSION = "SekundærDimensionVærdi";
    REFERENCE_KEY = "Referencenøgle";
    PARTY = "ØIRPartStruktur";
}

// ASSUMED: names made of the object's name and the type of the element (5, 7), and the roots.
names! {
    VOUCHER_FILE = "ModtagFinansbilag_I";
    ANSWER = "ModtagFinansbilag_O";
    DELIVERY = "FinansLeverancedata";
    DELIVERY_TRANSACTION_ID = "FinansLeverancedataTransaktionsId";
    DELIVERY_VOUCHERS = "FinansLeverancedataAntalFinansbilag";
    DELIVERY_DEBIT = "FinansLeverancedataSumDebet";
    DELIVERY_CREDIT = "FinansLeverancedataSumKredit";
    DELIVERY_SENDER = "FinansLeverancedataAfsenderMyndighed";
    DELIVERY_IT_SYSTEM = "FinansLeverancedataAfsenderItSystem";
    DELIVERY_TIME = "FinansLeverancedataDatoTid";
    DELIVERY_POSTINGS = "FinansLeverancedataAntalPosteringer";
    DELIVERY_RECEIVER = "FinansLeverancedataModtagerMyndighed";
    VOUCHERS = "FinansbilagListe";
    VOUCHER = "FinansbilagStruktur";
    VOUCHER_ID = "FinansbilagIdentifikation";
    VOUCHER_NUMBER = "FinansbilagBilagsnummer";
    VOUCHER_BOOKING_DAY = "FinansbilagBogføringsdato";
    VOUCHER_PERIOD = "FinansbilagRegnskabsperiode";
    VOUCHER_TYPE = "FinansbilagType";
    VOUCHER_TEXT = "FinansbilagTekst";
    VOUCHER_EXTERNAL_REFERENCE = "FinansbilagEksternReference";
    VOUCHER_DOCUMENT_DAY = "FinansbilagBilagsdato";
    VOUCHER_IS_REVERSAL = "FinansbilagTilbageførselIndikator";
    VOUCHER_REVERSES = "FinansbilagTilbageførtBilag";
    VOUCHER_ORG_UNIT = "ØIROrganisationsenhedIdentifikation";
    POSTINGS = "PosteringListe";
    POSTING = "PosteringStruktur";
    POSTING_ID = "PosteringsdataIdentifikation";
    POSTING_AMOUNT = "PosteringsdataBeløb";
    POSTING_SIDE = "PosteringsdataDebetKreditIndikator";
    POSTING_VALUE_DAY = "PosteringsdataDato";
    POSTING_TEXT = "PosteringsdataTekst";
    POSTING_REFERENCE = "PosteringsdataHenvisning";
    POSTING_PERIOD_FROM = "PosteringsdataPeriodeFra";
    POSTING_PERIOD_TO = "PosteringsdataPeriodeTil";
    REFERENCE_KEYS = "ReferencenøgleListe";
    REFERENCE_KEY_TYPE = "ReferencenøgleType";
    REFERENCE_KEY_VALUE = "ReferencenøgleVærdi";
    SECONDARY_DIMENSIONS = "SekundærDimensionListe";
    PARTY_ID = "ØIRPartIdentifikation";
    PARTY_TYPE = "ØIRPartIdentifikationType";
    RECEIPTS = "FinansKvitteringListe";
    RECEIPT = "FinansKvitteringStruktur";
    RECEIPT_ERP_NUMBER = "FinansbilagErpBilagsnummer";
}

/// The six dimensions in the order of the account string; names and order ASSUMED, count and type confirmed (4.2).
pub const DIMENSIONS: [&str; 6] = [
    "PrimæreDimensionerFunktion",
    "PrimæreDimensionerDranst",
    "PrimæreDimensionerEjerforhold",
    "PrimæreDimensionerOmkostningssted",
    "PrimæreDimensionerGruppering",
    "PrimæreDimensionerArt",
];

/// Which of the [`DIMENSIONS`] every posting has (4.2, ASSUMED).
pub const DIMENSION_IS_NEEDED: [bool; 6] = [true, true, false, false, false, true];

/// `Debet` (4.3, ASSUMED).
pub const DEBIT: &str = "Debet";
/// `Kredit` (4.3, ASSUMED).
pub const CREDIT: &str = "Kredit";

/// What stands before a person's number (5).
pub const CPR_URN_LEAD: &str = "urn:oio:cpr-nr:";

/// What a receipt's result means (7). The first two values are the message's own, the others those of receipts
/// elsewhere on Serviceplatformen; all ASSUMED. `MODTAGET` says that it came, not that it was booked.
pub const RESULTS: [(&str, super::VoucherResult); 6] = [
    ("Accepteret", super::VoucherResult::Accepted),
    ("Afvist", super::VoucherResult::Rejected),
    ("ACCEPTERET", super::VoucherResult::Accepted),
    ("AFVIST", super::VoucherResult::Rejected),
    ("FEJLET", super::VoucherResult::Rejected),
    ("MODTAGET", super::VoucherResult::Received),
];

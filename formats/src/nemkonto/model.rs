//! The messages as content models: what the schemas in `formats/schemas` say, for the reader.
//!
//! Lenient where nemkonto.md 3.11 asks for it: the reference may have 35 characters, a status may have any text, a
//! CPR number may stand under `PrtryId`, a time may have a fourth group.

use super::forms::*;
use super::names::{self, E, N, S};
use crate::xml::model::{Child, Expected};

/// What the walker meets, in all messages. The names are the elements'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing that anyone asks for.
    Frame,
    Root(super::Message),
    HeaderId,
    FromParty,
    ToParty,
    Action,
    MessageId,
    Timestamp,
    RefToMessageId,
    Description,
    GrpId,
    CreDtTm,
    CtrlSum,
    NbOfTxs,
    Authority,
    PmtInitnStsId,
    GrpSts,
    GroupReason,
    GroupText,
    /// Level B: one debit.
    Debit,
    ReqdExctnDt,
    BkPtyId,
    DebitAccount,
    DbtPurp,
    /// Level C: one payment.
    Payment,
    InstrId,
    EndToEndId,
    TxSts,
    StsRsn,
    AddtlInf,
    Benefit,
    Currency,
    InstdAmt,
    Indicator,
    Name,
    AdrLine,
    StrtNm,
    BldgNb,
    PstCd,
    TwnNm,
    Ctry,
    SclSctyNb,
    PartyId,
    Issuer,
    Bban,
    Iban,
    Ustrd,
}

use Label as L;
type C = Child<Label>;

const HEADER_ATTRIBUTES: &[Expected<Label>] = &[
    Expected { namespace: Some(E), local: names::HEADER_ID, text: &ANY35, label: L::HeaderId },
    Expected { namespace: Some(E), local: names::HEADER_VERSION_NAME, text: &VERSION, label: L::Frame },
];

static FROM: [C; 1] = [C::text(E, names::PARTY_ID, &ANY35, L::FromParty).times(2, 2)];
static TO: [C; 1] = [C::text(E, names::PARTY_ID, &ANY35, L::ToParty).times(2, 2)];
const MESSAGE_ID: C = C::text(E, names::MESSAGE_ID, &ANY35, L::MessageId);
const TIMESTAMP: C = C::text(E, names::TIMESTAMP, &TIME, L::Timestamp);
const REFERENCE: C = C::text(E, names::REF_TO_MESSAGE_ID, &ANY35, L::RefToMessageId);
const SENDER: C = C::parent(E, names::FROM, &FROM, L::Frame);
const RECEIVER: C = C::parent(E, names::TO, &TO, L::Frame);
const ACTION: C = C::text(E, names::ACTION, &ANY35, L::Action);
const DESCRIPTION: C = C::text(E, names::DESCRIPTION, &ANY500, L::Description).times(0, u32::MAX);

static DATA_PAYMENT: [C; 2] = [MESSAGE_ID, TIMESTAMP];
static DATA_ANSWER: [C; 3] = [MESSAGE_ID, TIMESTAMP, REFERENCE.optional()];
static DATA_RECEIPT1: [C; 3] = [MESSAGE_ID, TIMESTAMP, REFERENCE];

static HEADER_PAYMENT: [C; 4] =
    [SENDER, RECEIVER, ACTION.optional(), C::parent(E, names::MESSAGE_DATA, &DATA_PAYMENT, L::Frame)];
static HEADER_RECEIPT0: [C; 5] =
    [SENDER, RECEIVER, ACTION, C::parent(E, names::MESSAGE_DATA, &DATA_ANSWER, L::Frame), DESCRIPTION];
static HEADER_RECEIPT1: [C; 5] =
    [SENDER, RECEIVER, ACTION, C::parent(E, names::MESSAGE_DATA, &DATA_RECEIPT1, L::Frame), DESCRIPTION];
static HEADER_ANSWER: [C; 5] = [
    SENDER,
    RECEIVER,
    ACTION.optional(),
    C::parent(E, names::MESSAGE_DATA, &DATA_ANSWER, L::Frame),
    DESCRIPTION,
];

const fn header(content: &'static [C]) -> C {
    C::parent(N, names::MESSAGE_HEADER, content, L::Frame).with(HEADER_ATTRIBUTES)
}

static AUTHORITY_ID: [C; 2] =
    [C::text(S, names::ID, &ANY35, L::Authority), C::text(S, names::ISSR, &ADMID, L::Frame)];
static AUTHORITY_ORG: [C; 1] = [C::parent(S, names::PRTRY_ID, &AUTHORITY_ID, L::Frame)];
static AUTHORITY: [C; 1] = [C::parent(S, names::ORG_ID, &AUTHORITY_ORG, L::Frame)];
const INITIATOR: C = C::parent(S, names::INITG_PTY, &AUTHORITY, L::Frame);
const CREATED: C = C::text(S, names::CRE_DT_TM, &TIME, L::CreDtTm);

// Level B, in bundles and answers.
static AGREEMENT: [C; 1] = [C::text(S, names::BK_PTY_ID, &ANY35, L::BkPtyId)];
static DEBTOR: [C; 1] = [C::parent(S, names::ORG_ID, &AGREEMENT, L::Frame)];
static DEBIT_BBAN: [C; 1] = [C::text(S, names::BBAN, &BBAN, L::DebitAccount)];
static DEBIT_ID: [C; 1] = [C::parent(S, names::ID, &DEBIT_BBAN, L::Frame)];
const EXECUTION: C = C::text(S, names::REQD_EXCTN_DT, &DATE, L::ReqdExctnDt);
const DEBTOR_ELEMENT: C = C::parent(S, names::DBTR, &DEBTOR, L::Frame);
const DEBIT_ACCOUNT: C = C::parent(S, names::DBTR_ACCT, &DEBIT_ID, L::Frame);

// The bundle (nemkonto.md 2).
static GROUP_HEADER: [C; 5] = [
    C::text(S, names::GRP_ID, &LATIN35, L::GrpId),
    CREATED,
    C::text(S, names::CTRL_SUM, &TOTAL, L::CtrlSum),
    C::text(S, names::NB_OF_TXS, &COUNT, L::NbOfTxs),
    INITIATOR,
];
static PAYMENT_IDS: [C; 2] = [
    C::text(S, names::INSTR_ID, &LATIN35, L::InstrId),
    C::text(S, names::END_TO_END_ID, &LATIN27, L::EndToEndId),
];
static PURPOSE: [C; 1] = [C::text(S, names::PRTRY, &LATIN35, L::Benefit)];
static PAYMENT_AMOUNTS: [C; 1] = [C::text(S, names::INSTD_AMT, &PAYMENT_AMOUNT, L::InstdAmt)
    .with(&[Expected { namespace: None, local: names::CCY, text: &DKK, label: L::Currency }])];
static PAYMENT_ADDRESS: [C; 6] = [
    C::text(S, names::ADR_LINE, &LATIN70, L::AdrLine).times(0, 5),
    C::text(S, names::STRT_NM, &LATIN70, L::StrtNm).optional(),
    C::text(S, names::BLDG_NB, &LATIN16, L::BldgNb).optional(),
    C::text(S, names::PST_CD, &LATIN16, L::PstCd).optional(),
    C::text(S, names::TWN_NM, &LATIN35, L::TwnNm).optional(),
    C::text(S, names::CTRY, &COUNTRY, L::Ctry),
];
static COMPANY_ID: [C; 2] =
    [C::text(S, names::ID, &COMPANY, L::PartyId), C::text(S, names::ISSR, &ISSUER, L::Issuer)];
static COMPANY_ORG: [C; 1] = [C::parent(S, names::PRTRY_ID, &COMPANY_ID, L::Frame)];
static PERSON: [C; 1] = [C::text(S, names::SCL_SCTY_NB, &CPR, L::SclSctyNb)];
static PAYEE: [C; 4] = [
    C::text(S, names::NM, &LATIN70, L::Name).optional(),
    C::parent(S, names::PSTL_ADR, &PAYMENT_ADDRESS, L::Frame).optional(),
    C::parent(S, names::ORG_ID, &COMPANY_ORG, L::Frame).optional(),
    C::parent(S, names::PRVT_ID, &PERSON, L::Frame).or(),
];
static PAYEE_BBAN: [C; 1] = [C::text(S, names::BBAN, &BBAN, L::Bban)];
static PAYEE_ACCOUNT: [C; 1] = [C::parent(S, names::ID, &PAYEE_BBAN, L::Frame)];
static ADVICE: [C; 1] = [C::text(S, names::USTRD, &LATIN35, L::Ustrd)];
static TRANSACTION: [C; 8] = [
    C::parent(S, names::PMT_ID, &PAYMENT_IDS, L::Frame),
    C::parent(S, names::PURP, &PURPOSE, L::Frame).optional(),
    C::parent(S, names::AMT, &PAYMENT_AMOUNTS, L::Frame),
    C::text(S, names::INCOMPLETE_PAYMENT_INDICATOR, &INDICATOR, L::Indicator),
    C::parent(S, names::CDTR, &PAYEE, L::Frame),
    C::parent(S, names::CDTR_ACCT, &PAYEE_ACCOUNT, L::Frame).optional(),
    C::text(S, names::CHRG_BR, &CHARGES, L::Frame),
    C::parent(S, names::RMT_INF, &ADVICE, L::Frame).times(0, names::ADVICE_LINES as u32),
];
static PAYMENT_INFORMATION: [C; 6] = [
    EXECUTION,
    C::text(S, names::PMT_MTD_BY_FRST_AGT, &METHOD, L::Frame),
    DEBTOR_ELEMENT,
    DEBIT_ACCOUNT,
    C::text(S, names::DBT_PURP, &LATIN35, L::DbtPurp).optional(),
    C::parent(S, names::PMT_TX, &TRANSACTION, L::Payment).times(1, u32::MAX),
];
static PAYMENT_ROOT: [C; 3] = [
    header(&HEADER_PAYMENT),
    C::parent(N, names::GRP_HDR, &GROUP_HEADER, L::Frame),
    C::parent(N, names::PMT_INF, &PAYMENT_INFORMATION, L::Debit).times(1, u32::MAX),
];

// The answers (nemkonto.md 3).
static GENERAL: [C; 3] = [C::text(S, names::PMT_INITN_STS_ID, &ANY35, L::PmtInitnStsId), CREATED, INITIATOR];
const GROUP_ID: C = C::text(S, names::GRP_ID, &ANY35, L::GrpId);
const MESSAGE_TYPE: C = C::text(S, names::ORGNL_MSG_TP, &MESSAGE, L::Frame);
const GROUP_REASON: C = C::text(S, names::STS_RSN, &UPTO35, L::GroupReason).optional();
const GROUP_TEXT: C = C::text(S, names::ADDTL_INF, &UPTO105, L::GroupText).optional();
static GROUP: [C; 4] = [GROUP_ID, MESSAGE_TYPE, GROUP_REASON, GROUP_TEXT];
static GROUP_WITH_STATUS: [C; 5] =
    [GROUP_ID, MESSAGE_TYPE, C::text(S, names::GRP_STS, &ANY35, L::GrpSts), GROUP_REASON, GROUP_TEXT];

static ANSWERED_IDS: [C; 2] = [
    C::text(S, names::INSTR_ID, &UPTO35, L::InstrId).optional(),
    C::text(S, names::END_TO_END_ID, &ANY35, L::EndToEndId),
];
static ANSWERED_AMOUNTS: [C; 1] = [C::text(S, names::INSTD_AMT, &AMOUNT, L::InstdAmt).with(&[Expected {
    namespace: None,
    local: names::CCY,
    text: &CURRENCY3,
    label: L::Currency,
}])];
static ANSWERED_ADDRESS: [C; 6] = [
    C::text(S, names::ADR_LINE, &ANY70, L::Frame).times(0, 5),
    C::text(S, names::STRT_NM, &ANY70, L::Frame).optional(),
    C::text(S, names::BLDG_NB, &ANY16, L::Frame).optional(),
    C::text(S, names::PST_CD, &ANY16, L::Frame).optional(),
    C::text(S, names::TWN_NM, &ANY35, L::Frame).optional(),
    C::text(S, names::CTRY, &COUNTRY, L::Frame),
];
static ANSWERED_ID: [C; 3] = [
    C::text(S, names::ID, &ANY35, L::PartyId),
    C::text(S, names::SCL_SCTY_NB, &CPR, L::SclSctyNb).or(),
    C::text(S, names::ISSR, &ANY35, L::Issuer).optional(),
];
static ANSWERED_ORG: [C; 1] = [C::parent(S, names::PRTRY_ID, &ANSWERED_ID, L::Frame)];
static ANSWERED_PERSON: [C; 2] = [
    C::text(S, names::SCL_SCTY_NB, &CPR, L::SclSctyNb),
    C::parent(S, names::PRTRY_ID, &ANSWERED_ID, L::Frame).or(),
];
static ANSWERED_PAYEE: [C; 4] = [
    C::text(S, names::NM, &ANY70, L::Frame).optional(),
    C::parent(S, names::PSTL_ADR, &ANSWERED_ADDRESS, L::Frame).optional(),
    C::parent(S, names::ORG_ID, &ANSWERED_ORG, L::Frame).optional(),
    C::parent(S, names::PRVT_ID, &ANSWERED_PERSON, L::Frame).or(),
];
static USED_ACCOUNT: [C; 2] =
    [C::text(S, names::BBAN, &BBAN, L::Bban), C::text(S, names::IBAN, &IBAN, L::Iban).or()];
static USED_ACCOUNT_ID: [C; 1] = [C::parent(S, names::ID, &USED_ACCOUNT, L::Frame)];

const AMOUNT_ELEMENT: C = C::parent(S, names::AMT, &ANSWERED_AMOUNTS, L::Frame);
const INDICATOR_ELEMENT: C = C::text(S, names::INCOMPLETE_PAYMENT_INDICATOR, &INDICATOR, L::Indicator);
const PAYEE_ELEMENT: C = C::parent(S, names::CDTR, &ANSWERED_PAYEE, L::Frame);
static ORIGINAL: [C; 3] = [AMOUNT_ELEMENT, INDICATOR_ELEMENT, PAYEE_ELEMENT];
static ORIGINAL_WITH_ACCOUNT: [C; 4] = [
    AMOUNT_ELEMENT,
    INDICATOR_ELEMENT,
    PAYEE_ELEMENT,
    C::parent(S, names::CDTR_ACCT, &USED_ACCOUNT_ID, L::Frame),
];

const fn answered(original: &'static [C]) -> [C; 5] {
    [
        C::parent(S, names::PMT_ID, &ANSWERED_IDS, L::Frame),
        C::text(S, names::TX_STS, &ANY35, L::TxSts),
        C::text(S, names::STS_RSN, &UPTO35, L::StsRsn).optional(),
        C::text(S, names::ADDTL_INF, &UPTO105, L::AddtlInf).optional(),
        C::parent(S, names::ORGNL_TX_INF, original, L::Frame),
    ]
}
static ANSWERED: [C; 5] = answered(&ORIGINAL);
static ANSWERED_WITH_ACCOUNT: [C; 5] = answered(&ORIGINAL_WITH_ACCOUNT);

const DEBIT_TEXT: C = C::text(S, names::DBT_PURP, &UPTO35, L::DbtPurp).optional();
const fn listed(payment: &'static [C]) -> C {
    C::parent(S, names::ORGNL_TX_REF_INF_AND_STS, payment, L::Payment).times(1, u32::MAX)
}
static LIST: [C; 5] = [
    EXECUTION.optional(),
    DEBTOR_ELEMENT.optional(),
    DEBIT_ACCOUNT.optional(),
    DEBIT_TEXT,
    listed(&ANSWERED),
];
static LIST_OF_BANK: [C; 5] =
    [EXECUTION, DEBTOR_ELEMENT, DEBIT_ACCOUNT, DEBIT_TEXT, listed(&ANSWERED_WITH_ACCOUNT)];

const GENERAL_ELEMENT: C = C::parent(N, names::GNL_INF, &GENERAL, L::Frame);
const fn group(content: &'static [C]) -> C {
    C::parent(N, names::ORGNL_GRP_REF_INF_AND_STS, content, L::Frame)
}
const fn list(content: &'static [C], least: u32) -> C {
    C::parent(N, names::ORGNL_PMT_INF, content, L::Debit).times(least, u32::MAX)
}

static RECEIPT0: [C; 1] = [header(&HEADER_RECEIPT0)];
static RECEIPT1: [C; 1] = [header(&HEADER_RECEIPT1)];
static ANSWER_ON_BUNDLE: [C; 4] =
    [header(&HEADER_ANSWER), GENERAL_ELEMENT, group(&GROUP_WITH_STATUS), list(&LIST, 0)];
static ANSWER_ON_PAYMENTS: [C; 4] =
    [header(&HEADER_ANSWER).optional(), GENERAL_ELEMENT, group(&GROUP), list(&LIST, 1)];
static ANSWER_OF_BANK: [C; 4] =
    [header(&HEADER_ANSWER).optional(), GENERAL_ELEMENT, group(&GROUP), list(&LIST_OF_BANK, 1)];

const fn root(place: usize, content: &'static [C], kind: super::AnswerKind) -> C {
    C::parent(N, names::ANSWERS[place], content, L::Root(super::Message::Answer(kind)))
}

/// The roots of receipts and answers.
pub(super) static ANSWERS: [C; 7] = {
    use super::AnswerKind::*;
    [
        root(0, &RECEIPT0, Receipt0),
        root(1, &RECEIPT1, Receipt1).or(),
        root(2, &ANSWER_ON_BUNDLE, Answer2).or(),
        root(3, &ANSWER_ON_BUNDLE, Answer5).or(),
        root(4, &ANSWER_ON_PAYMENTS, Answer7).or(),
        root(5, &ANSWER_OF_BANK, Answer8).or(),
        root(6, &ANSWER_ON_PAYMENTS, Answer9).or(),
    ]
};

/// The root of a bundle.
pub(super) static PAYMENTS: [C; 1] =
    [C::parent(N, names::PAYMENT, &PAYMENT_ROOT, L::Root(super::Message::Payment))];

//! Both messages as content models: what the schemas in `formats/schemas` say, for the readers. The order within a
//! posting is that of KOMBIT's *FakturaInformationSvar* (3, 5); cardinalities are ASSUMED.
//!
//! The file's model is what we write, so it is narrow: no currency (kroner only), no test instructions. The answer's
//! is as wide as section 7, with both ways of saying accepted or refused. Numbers of causes are limited (ASSUMED),
//! so that a receipt is always small.

use super::forms::*;
use super::names::{self, K, M};
use crate::xml::model::{Child, Expected};

/// What the walker meets, in both messages. The names are the elements'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing that anyone asks for.
    Frame,
    TransactionId,
    TransactionTime,
    MunicipalityCvr,
    SenderOrganisation,
    SenderItSystem,
    ReceiverOrganisation,
    ReceiverItSystem,
    DeliveryTransactionId,
    DeliveryVouchers,
    DeliveryDebit,
    DeliveryCredit,
    DeliverySender,
    DeliveryItSystem,
    DeliveryTime,
    DeliveryPostings,
    DeliveryReceiver,
    Vouchers,
    Voucher,
    VoucherId,
    VoucherNumber,
    BookingDay,
    Period,
    VoucherType,
    VoucherText,
    ExternalReference,
    DocumentDay,
    IsReversal,
    Reverses,
    OrgUnit,
    Postings,
    Posting,
    PostingId,
    Amount,
    Side,
    ValueDay,
    PostingText,
    Reference,
    PeriodFrom,
    PeriodTo,
    KeyType,
    KeyValue,
    /// By its place in [`names::DIMENSIONS`].
    Dimension(u8),
    Secondary,
    Party,
    PartyType,
    Notice,
    Fault,
    ReactionId,
    ReactionText,
    ReactionSource,
    ReactionPlace,
    ProcessedAt,
    Receipts,
    Receipt,
    Result,
    Cause,
    Explanation,
    Acceptance,
    Refusal,
    Detail,
    DetailCause,
    DetailElement,
    DetailValue,
    DetailText,
    DetailCode,
    ErpNumber,
}

use Label as L;
type C = Child<Label>;

const MANY: u32 = u32::MAX;
/// Most notices and faults of a whole file, and most places in each (ASSUMED).
pub(super) const REACTIONS: u32 = 100;
/// Most causes of each kind in one receipt (ASSUMED).
pub(super) const CAUSES: u32 = 100;

const REVISIONS: &[Expected<Label>] =
    &[Expected { namespace: None, local: names::REVISION, text: &REVISION, label: L::Frame }];

const TRANSACTION_ID: C = C::text(K, names::TRANSACTION_ID, &ID255, L::TransactionId);
const TRANSACTION_TIME: C = C::text(K, names::TRANSACTION_TIME, &INSTANT, L::TransactionTime);
const REQUEST_ID: C = C::text(K, names::REQUEST_ID, &UUID, L::Frame).optional();

// The file (5).
static AUTHORITY: [C; 1] = [C::text(K, names::MUNICIPALITY_CVR, &CVR, L::MunicipalityCvr)];
static ROUTE: [C; 4] = [
    C::text(K, names::SENDER_ORGANISATION, &CVR, L::SenderOrganisation),
    C::text(K, names::SENDER_IT_SYSTEM, &UUID, L::SenderItSystem),
    C::text(K, names::RECEIVER_ORGANISATION, &CVR, L::ReceiverOrganisation),
    C::text(K, names::RECEIVER_IT_SYSTEM, &UUID, L::ReceiverItSystem).optional(),
];
static HEAD: [C; 5] = [
    TRANSACTION_ID,
    TRANSACTION_TIME,
    REQUEST_ID,
    C::parent(K, names::AUTHORITY_CONTEXT, &AUTHORITY, L::Frame),
    C::parent(K, names::ROUTE, &ROUTE, L::Frame),
];
static DELIVERY: [C; 9] = [
    C::text(M, names::DELIVERY_TRANSACTION_ID, &UUID, L::DeliveryTransactionId),
    C::text(M, names::DELIVERY_VOUCHERS, &COUNT, L::DeliveryVouchers),
    C::text(M, names::DELIVERY_DEBIT, &SUM, L::DeliveryDebit),
    C::text(M, names::DELIVERY_CREDIT, &SUM, L::DeliveryCredit),
    C::text(M, names::DELIVERY_SENDER, &CVR_URN, L::DeliverySender),
    C::text(M, names::DELIVERY_IT_SYSTEM, &UUID, L::DeliveryItSystem),
    C::text(M, names::DELIVERY_TIME, &INSTANT, L::DeliveryTime),
    C::text(M, names::DELIVERY_POSTINGS, &COUNT, L::DeliveryPostings),
    C::text(M, names::DELIVERY_RECEIVER, &CVR_URN, L::DeliveryReceiver),
];
static KEY: [C; 2] = [
    C::text(M, names::REFERENCE_KEY_TYPE, &UUID, L::KeyType),
    C::text(M, names::REFERENCE_KEY_VALUE, &TEXT255, L::KeyValue),
];
static KEYS: [C; 1] = [C::parent(M, names::REFERENCE_KEY, &KEY, L::Frame).times(1, MANY)];

const fn dimension(place: usize) -> C {
    let child = C::text(M, names::DIMENSIONS[place], &UUID, L::Dimension(place as u8));
    if names::DIMENSION_IS_NEEDED[place] { child } else { child.optional() }
}
static PRIMARY: [C; 6] = [dimension(0), dimension(1), dimension(2), dimension(3), dimension(4), dimension(5)];
static SECONDARY: [C; 1] = [C::text(M, names::SECONDARY_DIMENSION, &UUID, L::Secondary).times(1, MANY)];
static PARTY_CONTENT: [C; 2] =
    [C::text(M, names::PARTY_ID, &PARTY, L::Party), C::text(M, names::PARTY_TYPE, &UUID, L::PartyType)];
static POSTING: [C; 12] = [
    C::text(M, names::POSTING_ID, &UUID, L::PostingId),
    C::text(M, names::POSTING_AMOUNT, &AMOUNT, L::Amount),
    C::text(M, names::POSTING_SIDE, &SIDE, L::Side),
    C::text(M, names::POSTING_VALUE_DAY, &DATE, L::ValueDay).optional(),
    C::text(M, names::POSTING_TEXT, &TEXT255, L::PostingText),
    C::text(M, names::POSTING_REFERENCE, &TEXT255, L::Reference).optional(),
    C::text(M, names::POSTING_PERIOD_FROM, &DATE, L::PeriodFrom).optional(),
    C::text(M, names::POSTING_PERIOD_TO, &DATE, L::PeriodTo).optional(),
    C::parent(M, names::REFERENCE_KEYS, &KEYS, L::Frame).optional(),
    C::parent(M, names::PRIMARY_DIMENSIONS, &PRIMARY, L::Frame),
    C::parent(M, names::SECONDARY_DIMENSIONS, &SECONDARY, L::Frame).optional(),
    C::parent(M, names::PARTY, &PARTY_CONTENT, L::Frame).optional(),
];
static POSTINGS: [C; 1] = [C::parent(M, names::POSTING, &POSTING, L::Posting).times(2, MANY)];
static VOUCHER: [C; 12] = [
    C::text(M, names::VOUCHER_ID, &UUID, L::VoucherId),
    C::text(M, names::VOUCHER_NUMBER, &TEXT70, L::VoucherNumber),
    C::text(M, names::VOUCHER_BOOKING_DAY, &DATE, L::BookingDay),
    C::text(M, names::VOUCHER_PERIOD, &PERIOD, L::Period).optional(),
    C::text(M, names::VOUCHER_TYPE, &UUID, L::VoucherType),
    C::text(M, names::VOUCHER_TEXT, &TEXT40, L::VoucherText),
    C::text(M, names::VOUCHER_EXTERNAL_REFERENCE, &TEXT70, L::ExternalReference).optional(),
    C::text(M, names::VOUCHER_DOCUMENT_DAY, &DATE, L::DocumentDay).optional(),
    C::text(M, names::VOUCHER_IS_REVERSAL, &FLAG, L::IsReversal).optional(),
    C::text(M, names::VOUCHER_REVERSES, &UUID, L::Reverses).optional(),
    C::text(M, names::VOUCHER_ORG_UNIT, &UUID, L::OrgUnit).optional(),
    C::parent(M, names::POSTINGS, &POSTINGS, L::Postings),
];
static VOUCHERS: [C; 1] = [C::parent(M, names::VOUCHER, &VOUCHER, L::Voucher).times(1, MANY)];
static FILE: [C; 3] = [
    C::parent(K, names::HEAD, &HEAD, L::Frame),
    C::parent(M, names::DELIVERY, &DELIVERY, L::Frame),
    C::parent(M, names::VOUCHERS, &VOUCHERS, L::Vouchers),
];

// The answer (7).
const fn reaction(id: &'static str, text: &'static str) -> [C; 4] {
    [
        C::text(K, id, &ANY255, L::ReactionId),
        C::text(K, text, &ANY4000, L::ReactionText),
        C::text(K, names::SOURCE_ID, &ANY100, L::ReactionSource).optional(),
        C::text(K, names::PLACE, &ANY4000, L::ReactionPlace).times(0, REACTIONS),
    ]
}
static NOTICE: [C; 4] = reaction(names::NOTICE_ID, names::NOTICE_TEXT);
static FAULT: [C; 4] = reaction(names::FAULT_ID, names::FAULT_TEXT);
static REACTION: [C; 2] =
    [C::parent(K, names::NOTICE, &NOTICE, L::Notice), C::parent(K, names::FAULT, &FAULT, L::Fault).or()];
static ANSWER_HEAD: [C; 4] = [
    TRANSACTION_ID,
    TRANSACTION_TIME,
    REQUEST_ID,
    C::parent(K, names::REACTION, &REACTION, L::Frame).times(0, REACTIONS),
];
static DETAIL: [C; 5] = [
    C::text(M, names::DETAIL_CAUSE, &UUID, L::DetailCause).optional(),
    C::text(M, names::DETAIL_ELEMENT, &ANY100, L::DetailElement).optional(),
    C::text(M, names::DETAIL_VALUE, &ANY100, L::DetailValue).optional(),
    C::text(M, names::DETAIL_TEXT, &ANY500, L::DetailText).optional(),
    C::text(M, names::DETAIL_CODE, &ANY100, L::DetailCode).optional(),
];
const DETAIL_ELEMENT: C = C::parent(M, names::DETAIL, &DETAIL, L::Detail);
static ACCEPTANCE: [C; 2] =
    [C::text(M, names::ACCEPTED_PLAINLY, &ALWAYS, L::Frame).times(1, CAUSES), DETAIL_ELEMENT.or()];
static REFUSAL: [C; 1] = [DETAIL_ELEMENT.times(1, CAUSES)];
static RECEIPT: [C; 8] = [
    C::text(M, names::VOUCHER_ID, &UUID, L::VoucherId),
    C::text(M, names::RESULT, &RESULT, L::Result),
    C::parent(M, names::ACCEPTANCE, &ACCEPTANCE, L::Acceptance).or(),
    C::parent(M, names::REFUSAL, &REFUSAL, L::Refusal).or(),
    C::text(M, names::CAUSE, &UUID, L::Cause).times(0, CAUSES),
    C::text(M, names::EXPLANATION, &ANY255, L::Explanation).optional(),
    DETAIL_ELEMENT.times(0, CAUSES),
    C::text(M, names::RECEIPT_ERP_NUMBER, &ANY70, L::ErpNumber).optional(),
];
static RECEIPTS: [C; 1] = [C::parent(M, names::RECEIPT, &RECEIPT, L::Receipt).times(1, MANY)];
static ANSWER: [C; 3] = [
    C::parent(K, names::ANSWER_HEAD, &ANSWER_HEAD, L::Frame),
    C::text(M, names::PROCESSED_AT, &INSTANT, L::ProcessedAt),
    C::parent(M, names::RECEIPTS, &RECEIPTS, L::Receipts).optional(),
];

/// The root of a file.
pub(super) static FILES: [C; 1] =
    [C::parent(M, names::VOUCHER_FILE, &FILE, L::Frame).with_optional(REVISIONS)];
/// The root of an answer.
pub(super) static ANSWERS: [C; 1] = [C::parent(M, names::ANSWER, &ANSWER, L::Frame).with_optional(REVISIONS)];

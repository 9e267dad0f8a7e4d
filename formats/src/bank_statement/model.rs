//! camt.053 as content models: of each place what the standard allows there. What reconciliation asks for has a label and a
//! form; everything else is passed over ([`passed`]).

use super::DETAILS;
use crate::xml::forms::{form, is_digits, read_date, read_instant, text, trimmed};
use crate::xml::model::{Child, Content, Expected, Text};

pub(super) const NAMESPACES: [&str; 2] =
    ["urn:iso:std:iso:20022:tech:xsd:camt.053.001.02", "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"];

/// What the walker meets. The names are the elements'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing that anyone asks for.
    Frame,
    FileCreated,
    Statement,
    StatementId,
    Sequence,
    Created,
    Account,
    AccountCurrency,
    Balance,
    BalanceType,
    /// Of a balance, an entry or a detail: the element last opened says of which.
    Amount,
    Currency,
    Side,
    Day,
    Totals(Total),
    TotalCount,
    TotalSum,
    Entry,
    EntryReference,
    Reversal,
    Status,
    BookingDay,
    ValueDay,
    Batch,
    BatchReference,
    BatchCount,
    BatchAmount,
    Detail,
    DetailReference,
    EndToEndId,
    TransactionAmount,
    ReturnReason,
}

/// Which entries a total is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Total {
    All,
    Credit,
    Debit,
}

use Label as L;
type C = Child<Label>;

const MANY: u32 = u32::MAX;

static ID35: Text = text(1, 35, "of 1 to 35 characters");
static ANY35: Text = text(0, 35, "of at most 35 characters");
static IBAN: Text = form(5, 34, "an IBAN", is_iban);
static NUMBER: Text = trimmed(1, 18, "a number of at most 18 digits", is_digits);
static COUNT: Text = trimmed(1, 15, "a number of at most 15 digits", is_digits);
static AMOUNT: Text = trimmed(1, 19, "an amount of at most 18 digits, of whole øre", |text| {
    super::reader::amount(text).is_some()
});
static SIDE: Text = trimmed(4, 4, "`CRDT` or `DBIT`", |text| matches!(text, "CRDT" | "DBIT"));
static FLAG: Text =
    trimmed(1, 5, "`true`, `false`, `1` or `0`", |text| matches!(text, "true" | "false" | "1" | "0"));
static CODE: Text = trimmed(1, 35, "a code", |_| true);
static CURRENCY: Text =
    form(3, 3, "three capital letters", |text| text.bytes().all(|b| b.is_ascii_uppercase()));
static DATE: Text = trimmed(10, 16, "a date", |text| super::reader::day(text).is_some());
static INSTANT: Text = trimmed(19, 35, "a date and time", |text| read_instant(text).is_some());

fn is_iban(text: &str) -> bool {
    let (country, rest) = text.split_at_checked(2).unwrap_or_default();
    let (check, account) = rest.split_at_checked(2).unwrap_or_default();
    country.bytes().all(|b| b.is_ascii_uppercase())
        && is_digits(check)
        && account.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The day of a date, a time zone behind it passed over; that of a date and time as written.
pub(super) fn read_day(text: &str) -> Option<jiff::civil::Date> {
    read_date(text.get(..10)?)
}

const CCY: &[Expected<Label>] =
    &[Expected { namespace: None, local: "Ccy", text: &CURRENCY, label: L::Currency }];

/// The content models of one version. They differ in what may stand at a place, and in how a status is said.
macro_rules! version {
    ($module:ident, $namespace:literal) => {
        pub(super) mod $module {
            use super::*;

            const N: u8 = $namespace;
            /// How often what only the older, or only the newer version has may come.
            const OLD: u32 = 1 - N as u32;
            const NEW: u32 = N as u32;

            /// Something that nobody asks for, at most so many times.
            const fn passed(local: &'static str, most: u32) -> C {
                let child = C::text(N, local, &CODE, L::Frame);
                Child { times: (0, most), content: Content::Anything, ..child }
            }
            const fn leaf(local: &'static str, text: &'static Text, label: Label) -> C {
                C::text(N, local, text, label)
            }
            const fn parent(local: &'static str, children: &'static [C], label: Label) -> C {
                C::parent(N, local, children, label)
            }
            const AMT: C = leaf("Amt", &AMOUNT, L::Amount).with(CCY);
            const IND: C = leaf("CdtDbtInd", &SIDE, L::Side);

            static HEADER: [C; 6] = [
                leaf("MsgId", &ID35, L::Frame),
                leaf("CreDtTm", &INSTANT, L::FileCreated),
                passed("MsgRcpt", 1),
                passed("MsgPgntn", 1),
                passed("OrgnlBizQry", NEW),
                passed("AddtlInf", 1),
            ];

            static OTHER_ID: [C; 3] =
                [leaf("Id", &ID35, L::Account), passed("SchmeNm", 1), passed("Issr", 1)];
            static ACCOUNT_ID: [C; 2] =
                [leaf("IBAN", &IBAN, L::Account), parent("Othr", &OTHER_ID, L::Frame).or()];
            static ACCOUNT: [C; 7] = [
                parent("Id", &ACCOUNT_ID, L::Frame),
                passed("Tp", 1),
                leaf("Ccy", &CURRENCY, L::AccountCurrency).optional(),
                passed("Nm", 1),
                passed("Prxy", NEW),
                passed("Ownr", 1),
                passed("Svcr", 1),
            ];

            static BALANCE_CODE: [C; 2] =
                [leaf("Cd", &CODE, L::BalanceType), leaf("Prtry", &CODE, L::Frame).or()];
            static BALANCE_TYPE: [C; 2] = [parent("CdOrPrtry", &BALANCE_CODE, L::Frame), passed("SubTp", 1)];
            static A_DAY: [C; 2] = [leaf("Dt", &DATE, L::Day), leaf("DtTm", &INSTANT, L::Day).or()];
            static BALANCE: [C; 6] = [
                parent("Tp", &BALANCE_TYPE, L::Frame),
                passed("CdtLine", if N == 0 { 1 } else { MANY }),
                AMT,
                IND,
                parent("Dt", &A_DAY, L::Frame),
                passed("Avlbty", MANY),
            ];

            static TOTAL: [C; 5] = [
                leaf("NbOfNtries", &COUNT, L::TotalCount).optional(),
                leaf("Sum", &AMOUNT, L::TotalSum).optional(),
                passed("TtlNetNtryAmt", OLD),
                passed("CdtDbtInd", OLD),
                passed("TtlNetNtry", NEW),
            ];
            static SIDE_TOTAL: [C; 2] = [
                leaf("NbOfNtries", &COUNT, L::TotalCount).optional(),
                leaf("Sum", &AMOUNT, L::TotalSum).optional(),
            ];
            static SUMMARY: [C; 4] = [
                parent("TtlNtries", &TOTAL, L::Totals(Total::All)).optional(),
                parent("TtlCdtNtries", &SIDE_TOTAL, L::Totals(Total::Credit)).optional(),
                parent("TtlDbtNtries", &SIDE_TOTAL, L::Totals(Total::Debit)).optional(),
                passed("TtlNtriesPerBkTxCd", MANY),
            ];

            static BATCH: [C; 5] = [
                leaf("MsgId", &ANY35, L::BatchReference).optional(),
                leaf("PmtInfId", &ANY35, L::BatchReference).optional(),
                leaf("NbOfTxs", &COUNT, L::BatchCount).optional(),
                leaf("TtlAmt", &AMOUNT, L::BatchAmount).with(CCY).optional(),
                passed("CdtDbtInd", 1),
            ];
            static REFERENCES: [C; 15] = [
                leaf("MsgId", &ANY35, L::DetailReference).optional(),
                passed("AcctSvcrRef", 1),
                leaf("PmtInfId", &ANY35, L::DetailReference).optional(),
                passed("InstrId", 1),
                leaf("EndToEndId", &ANY35, L::EndToEndId).optional(),
                passed("UETR", NEW),
                passed("TxId", 1),
                passed("MndtId", 1),
                passed("ChqNb", 1),
                passed("ClrSysRef", 1),
                passed("AcctOwnrTxId", NEW),
                passed("AcctSvcrTxId", NEW),
                passed("MktInfrstrctrTxId", NEW),
                passed("PrcgId", NEW),
                passed("Prtry", if N == 0 { 1 } else { MANY }),
            ];
            static TRANSACTION: [C; 2] =
                [leaf("Amt", &AMOUNT, L::TransactionAmount).with(CCY), passed("CcyXchg", 1)];
            static AMOUNTS: [C; 5] = [
                passed("InstdAmt", 1),
                parent("TxAmt", &TRANSACTION, L::Frame).optional(),
                passed("CntrValAmt", 1),
                passed("AnncdPstngAmt", 1),
                passed("PrtryAmt", MANY),
            ];
            static REASON: [C; 2] =
                [leaf("Cd", &CODE, L::ReturnReason), leaf("Prtry", &CODE, L::ReturnReason).or()];
            static RETURN: [C; 4] = [
                passed("OrgnlBkTxCd", 1),
                passed("Orgtr", 1),
                parent("Rsn", &REASON, L::Frame).optional(),
                passed("AddtlInf", MANY),
            ];
            static DETAIL: [C; 26] = [
                parent("Refs", &REFERENCES, L::Frame).optional(),
                AMT.times(0, NEW),
                IND.times(0, NEW),
                parent("AmtDtls", &AMOUNTS, L::Frame).optional(),
                passed("Avlbty", MANY),
                passed("BkTxCd", 1),
                passed("Chrgs", if N == 0 { MANY } else { 1 }),
                passed("Intrst", if N == 0 { MANY } else { 1 }),
                passed("RltdPties", 1),
                passed("RltdAgts", 1),
                passed("LclInstrm", NEW),
                passed("Purp", 1),
                passed("RltdRmtInf", 10),
                passed("RmtInf", 1),
                passed("RltdDts", 1),
                passed("RltdPric", 1),
                passed("RltdQties", MANY),
                passed("FinInstrmId", 1),
                passed("Tax", 1),
                parent("RtrInf", &RETURN, L::Frame).optional(),
                passed("CorpActn", 1),
                passed("SfkpgAcct", 1),
                passed("CshDpst", if N == 0 { 0 } else { MANY }),
                passed("CardTx", NEW),
                passed("AddtlTxInf", 1),
                passed("SplmtryData", if N == 0 { 0 } else { MANY }),
            ];
            static DETAILS_OF_ENTRY: [C; 2] = [
                parent("Btch", &BATCH, L::Batch).optional(),
                parent("TxDtls", &DETAIL, L::Detail).times(0, DETAILS),
            ];
            static BOOKING: [C; 2] =
                [leaf("Dt", &DATE, L::BookingDay), leaf("DtTm", &INSTANT, L::BookingDay).or()];
            static VALUE: [C; 2] = [leaf("Dt", &DATE, L::ValueDay), leaf("DtTm", &INSTANT, L::ValueDay).or()];
            static STATUS: [C; 2] = [leaf("Cd", &CODE, L::Status), leaf("Prtry", &CODE, L::Status).or()];
            const STATUS_OF_ENTRY: C =
                if N == 0 { leaf("Sts", &CODE, L::Status) } else { parent("Sts", &STATUS, L::Frame) };
            static ENTRY: [C; 19] = [
                leaf("NtryRef", &ANY35, L::EntryReference).optional(),
                AMT,
                IND,
                leaf("RvslInd", &FLAG, L::Reversal).optional(),
                STATUS_OF_ENTRY,
                parent("BookgDt", &BOOKING, L::Frame).optional(),
                parent("ValDt", &VALUE, L::Frame).optional(),
                leaf("AcctSvcrRef", &ANY35, L::EntryReference).optional(),
                passed("Avlbty", MANY),
                passed("BkTxCd", 1).times(1, 1),
                passed("ComssnWvrInd", 1),
                passed("AddtlInfInd", 1),
                passed("AmtDtls", 1),
                passed("Chrgs", if N == 0 { MANY } else { 1 }),
                passed("TechInptChanl", 1),
                passed("Intrst", if N == 0 { MANY } else { 1 }),
                passed("CardTx", NEW),
                parent("NtryDtls", &DETAILS_OF_ENTRY, L::Frame).times(0, DETAILS),
                passed("AddtlNtryInf", 1),
            ];

            static STATEMENT: [C; 16] = [
                leaf("Id", &ID35, L::StatementId),
                passed("StmtPgntn", NEW),
                leaf("ElctrncSeqNb", &NUMBER, L::Sequence).optional(),
                passed("RptgSeq", NEW),
                passed("LglSeqNb", 1),
                leaf("CreDtTm", &INSTANT, L::Created).times(OLD, 1),
                passed("FrToDt", 1),
                passed("CpyDplctInd", 1),
                passed("RptgSrc", 1),
                parent("Acct", &ACCOUNT, L::Frame),
                passed("RltdAcct", 1),
                passed("Intrst", MANY),
                parent("Bal", &BALANCE, L::Balance).times(1, MANY),
                parent("TxsSummry", &SUMMARY, L::Frame).optional(),
                parent("Ntry", &ENTRY, L::Entry).times(0, MANY),
                passed("AddtlStmtInf", 1),
            ];
            static MESSAGE: [C; 3] = [
                parent("GrpHdr", &HEADER, L::Frame),
                parent("Stmt", &STATEMENT, L::Statement).times(1, MANY),
                passed("SplmtryData", if N == 0 { 0 } else { MANY }),
            ];
            static DOCUMENT: [C; 1] = [parent("BkToCstmrStmt", &MESSAGE, L::Frame)];
            pub(in super::super) const ROOT: C = parent("Document", &DOCUMENT, L::Frame);
        }
    };
}

version!(v2, 0);
version!(v8, 1);

pub(super) static ROOTS: [C; 2] = [v2::ROOT, v8::ROOT.or()];

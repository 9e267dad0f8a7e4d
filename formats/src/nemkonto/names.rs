//! Every namespace, element name and fixed value of the NemKonto messages, once.
//!
//! What is ASSUMED stands in a list of its own (nemkonto.md 2.2, 3.1, 6); all else was seen in samples. Also
//! ASSUMED: the root `NKSReceipt0`, the issuers `SE` and `P`, the group status `PART`.

/// Root element and its direct children (nemkonto.md 2.1).
pub const NKS: &str = "http://rep.oio.dk/oes.dk/nemkonto/xml/schemas/2006/05/01/";
/// All in `MessageHeader`, its attributes included.
pub const EBMS: &str = "http://rep.oio.dk/oes.dk/nemkonto.ebms/xml/schemas/2006/05/01/";
/// All in the other children of the root.
pub const SWIFT: &str = "http://rep.oio.dk/oes.dk/nemkonto.swift/xml/schemas/2006/05/01/";

/// The three, as the content models number them.
pub static NAMESPACES: [&str; 3] = [NKS, EBMS, SWIFT];

/// Place of [`NKS`].
pub const N: u8 = 0;
/// Place of [`EBMS`].
pub const E: u8 = 1;
/// Place of [`SWIFT`].
pub const S: u8 = 2;

/// The payment bundle's root.
pub const PAYMENT: &str = "NKSPayment";
/// The roots of receipts and answers, in the order of [`super::AnswerKind`].
pub const ANSWERS: [&str; 7] = [
    "NKSReceipt0",
    "NKSReceipt1",
    "NKSResponse2",
    "NKSResponse5",
    "NKSResponse7",
    "NKSResponse8",
    "NKSResponse9",
];

/// `ebms:version` (2.3).
pub const HEADER_VERSION: &str = "2.0";
/// `ebms:id` of a bundle; ASSUMED (2.3).
pub const PAYMENT_LABEL: &str = "NKSBetaling";
/// `OrgnlMsgTp` of every answer (3.1).
pub const ANSWERED_MESSAGE: &str = "NKSBetaling";
/// Issuer of the authority's number (2.4).
pub const AUTHORITY_ISSUER: &str = "ADMID";
/// The one currency (4.4).
pub const CURRENCY: &str = "DKK";
/// Transfer, the one method the hub asks for; ASSUMED (2.5).
pub const METHOD: &str = "TRF";
/// Shared charges, the one way the hub asks for; ASSUMED (2.6).
pub const CHARGES: &str = "SHA";

/// Lines of advice on one payment; ASSUMED (2.6, 4.3).
pub const ADVICE_LINES: usize = 41;
/// Characters in a line of advice; ASSUMED (4.3).
pub const ADVICE_WIDTH: usize = 35;
/// Payments in one bundle, a limit of the hub's own; ASSUMED (1.8). Whoever bundles keeps it, not the writer.
pub const BUNDLE_PAYMENTS: u32 = 10_000;

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: &str = $name;)*
    };
}

// Confirmed for the answers (source S1); for the bundle as far as nemkonto.md 2 says so.
names! {
    HEADER_ID = "id";
    HEADER_VERSION_NAME = "version";
    PARTY_ID = "PartyId";
    MESSAGE_ID = "MessageId";
    TIMESTAMP = "Timestamp";
    REF_TO_MESSAGE_ID = "RefToMessageId";
    FROM = "From";
    TO = "To";
    ACTION = "Action";
    MESSAGE_DATA = "MessageData";
    MESSAGE_HEADER = "MessageHeader";
    ID = "Id";
    ISSR = "Issr";
    PRTRY_ID = "PrtryId";
    ORG_ID = "OrgId";
    INITG_PTY = "InitgPty";
    CRE_DT_TM = "CreDtTm";
    BK_PTY_ID = "BkPtyId";
    BBAN = "BBAN";
    REQD_EXCTN_DT = "ReqdExctnDt";
    DBTR = "Dbtr";
    DBTR_ACCT = "DbtrAcct";
    GRP_ID = "GrpId";
    INSTR_ID = "InstrId";
    END_TO_END_ID = "EndToEndId";
    INSTD_AMT = "InstdAmt";
    CCY = "Ccy";
    SCL_SCTY_NB = "SclSctyNb";
    PRVT_ID = "PrvtId";
    PMT_ID = "PmtId";
    AMT = "Amt";
    INCOMPLETE_PAYMENT_INDICATOR = "IncompletePaymentIndicator";
    CDTR = "Cdtr";
    CDTR_ACCT = "CdtrAcct";
    DBT_PURP = "DbtPurp";
    PMT_INITN_STS_ID = "PmtInitnStsId";
    ORGNL_MSG_TP = "OrgnlMsgTp";
    STS_RSN = "StsRsn";
    ADDTL_INF = "AddtlInf";
    GRP_STS = "GrpSts";
    TX_STS = "TxSts";
    ORGNL_TX_INF = "OrgnlTxInf";
    ORGNL_TX_REF_INF_AND_STS = "OrgnlTxRefInfAndSts";
    GNL_INF = "GnlInf";
    ORGNL_GRP_REF_INF_AND_STS = "OrgnlGrpRefInfAndSts";
    ORGNL_PMT_INF = "OrgnlPmtInf";
}

// ASSUMED: elements of ISO's first messages that no NKS sample showed.
names! {
    DESCRIPTION = "Description";
    CTRL_SUM = "CtrlSum";
    NB_OF_TXS = "NbOfTxs";
    PRTRY = "Prtry";
    ADR_LINE = "AdrLine";
    STRT_NM = "StrtNm";
    BLDG_NB = "BldgNb";
    PST_CD = "PstCd";
    TWN_NM = "TwnNm";
    CTRY = "Ctry";
    NM = "Nm";
    PSTL_ADR = "PstlAdr";
    USTRD = "Ustrd";
    PURP = "Purp";
    CHRG_BR = "ChrgBr";
    RMT_INF = "RmtInf";
    PMT_MTD_BY_FRST_AGT = "PmtMtdByFrstAgt";
    PMT_TX = "PmtTx";
    GRP_HDR = "GrpHdr";
    PMT_INF = "PmtInf";
    IBAN = "IBAN";
}

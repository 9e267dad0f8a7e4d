//! Our reader and `xmllint` with our schemas say the same of every sample and of hundreds of mutated ones; see
//! [`judges`].
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod judges;

use judges::Format;
use toek_formats::nemkonto::{AnswerReader, BundleReader, Error, Limits, names};

static NEMKONTO: Format = Format {
    fixtures: "nemkonto",
    schemas: &[
        (names::PAYMENT, "NKS_NKSPayment.xsd"),
        (names::ANSWERS[0], "NKS_NKSReceipt0.xsd"),
        (names::ANSWERS[1], "NKS_NKSReceipt1.xsd"),
        (names::ANSWERS[2], "NKS_NKSResponse2.xsd"),
        (names::ANSWERS[3], "NKS_NKSResponse5.xsd"),
        (names::ANSWERS[4], "NKS_NKSResponse7.xsd"),
        (names::ANSWERS[5], "NKS_NKSResponse8.xsd"),
        (names::ANSWERS[6], "NKS_NKSResponse9.xsd"),
    ],
    read,
    strangers: &["Future", "Extra", "y", "Plain", "Grpld", "Sclsctynb", "TxQts", "Purp", "Prtry"],
    bases: &["5.", "address", "foreign-account", "answer5-with-payment", "cpr-under-prtryid"],
    texts: &[
        "",
        " ",
        "\n",
        "\t",
        "x",
        "0",
        "1",
        "2",
        "00",
        "1.00",
        "1.5",
        ".5",
        "5.",
        "1250.000",
        "-1.00",
        "+1",
        "1,5",
        "0.00",
        "123456789012345678",
        "1234567890123456789",
        "ACPT",
        "acpt",
        " ACPT",
        "RJCT",
        "PART",
        "CPR",
        "CVR",
        "SE",
        "P",
        "DKK",
        "1234567890",
        "12345678",
        "123456789",
        "00000000000000",
        "00010000000001",
        "00000000000001",
        "00010000000000",
        "2026-03-31",
        " 2026-03-31 ",
        "2026-02-29",
        "2024-02-29",
        "2900-02-29",
        "2400-02-29",
        "0999-01-01",
        "3000-01-01",
        "2026-03-31Z",
        "2026-13-01",
        "æøåÆØÅ",
        "日本語",
        "\u{80}",
        "\u{A0}",
        "SE1200AB",
    ],
    elements: &[
        "<swift:Future>x<a/></swift:Future>",
        "<nks:Extra/>",
        "<x:y xmlns:x=\"urn:x\"><swift:GrpId/></x:y>",
        "<Plain> </Plain>",
        "<swift:Purp><swift:Prtry>1</swift:Prtry></swift:Purp>",
        "<swift:StsRsn>0001</swift:StsRsn>",
        "<swift:AddtlInf>x</swift:AddtlInf>",
        "<swift:Nm>Eksempel</swift:Nm>",
        "<swift:PrvtId><swift:PrtryId><swift:Id>1</swift:Id></swift:PrtryId></swift:PrvtId>",
    ],
    renames: &[
        ("swift:", "nks:"),
        ("swift:", "ebms:"),
        ("swift:", ""),
        ("swift:", "none:"),
        ("swift:GrpId", "swift:Grpld"),
        ("swift:SclSctyNb", "swift:Sclsctynb"),
        ("swift:OrgId", "swift:PrvtId"),
        ("swift:Id", "swift:BBAN"),
        ("swift:StsRsn", "swift:AddtlInf"),
        ("nks:", "swift:"),
    ],
    swaps: &[
        ("2006/05/01", "2007/05/01"),
        ("nemkonto.swift", "nemkonto.sepa"),
        ("xmlns:swift", "xmlns:SWIFT"),
        (" ebms:version=\"2.0\"", ""),
        ("ebms:version=\"2.0\"", "ebms:version=\"2.1\""),
        ("ebms:id", "id"),
        ("Ccy=\"DKK\"", "Ccy='EUR'"),
        ("Ccy=\"DKK\"", "Ccy=\"dkk\""),
        (" Ccy=\"DKK\"", ""),
        ("Ccy=\"DKK\"", "Ccy=\"D&#75;K\""),
        ("NKSResponse9", "NKSResponse7"),
        ("NKSResponse7", "NKSResponse9"),
        ("NKSResponse8", "NKSResponse6"),
        ("NKSResponse2", "NKSResponse5"),
        ("NKSReceipt0", "NKSReceipt1"),
        ("NKSReceipt1", "NKSReceipt0"),
    ],
};

fn read(root: &str, document: &[u8]) -> Result<u64, Error> {
    if root == names::PAYMENT {
        return BundleReader::new(document, Limits::default()).finish().map(|_| 0);
    }
    AnswerReader::new(document, Limits::default()).finish().map(|end| end.unknown_elements)
}

#[test]
fn samples_are_judged_alike() {
    let counts = NEMKONTO.compare(NEMKONTO.samples());
    assert!(counts["both accept"] >= 24, "{counts:?}");
    assert!(counts["both refuse"] >= 40, "{counts:?}");
}

#[test]
fn mutations_are_judged_alike() {
    let counts = NEMKONTO.compare(NEMKONTO.mutations(0x6E6B_7331));
    assert!(counts["both accept"] >= 150, "{counts:?}");
    assert!(counts["both refuse"] >= 300, "{counts:?}");
    assert!(counts["both accept but for unknown elements"] >= 5, "{counts:?}");
}

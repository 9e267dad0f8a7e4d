//! What the tests of the partners share: a small writer of bundles, and a disk that dies.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::civil::{Date, DateTime};
use toek_adapters::disk::{DirEntry, Disk, DiskError, DiskFile, DiskLock, RealDisk};
use toek_formats::vocabulary::Ore;

/// A payment to put into a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Pay {
    pub(crate) id: String,
    pub(crate) ore: i64,
    /// Ten digits: a person; eight: a company.
    pub(crate) payee: String,
}

/// A bundle as the specification's example shows it, one level B per day.
pub(crate) fn bundle_xml(group: &str, created: DateTime, debits: &[(Date, Vec<Pay>)]) -> String {
    let payments = || debits.iter().flat_map(|(_, payments)| payments);
    let sum: i64 = payments().map(|pay| pay.ore).sum();
    let created = created.strftime("%Y-%m-%dT%H:%M:%S");
    let debits: String = debits.iter().map(|(day, payments)| debit_xml(group, *day, payments)).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<nks:NKSPayment xmlns:nks="http://rep.oio.dk/oes.dk/nemkonto/xml/schemas/2006/05/01/"
    xmlns:ebms="http://rep.oio.dk/oes.dk/nemkonto.ebms/xml/schemas/2006/05/01/"
    xmlns:swift="http://rep.oio.dk/oes.dk/nemkonto.swift/xml/schemas/2006/05/01/">
  <nks:MessageHeader ebms:id="NKSBetaling" ebms:version="2.0">
    <ebms:From><ebms:PartyId>HUBTEST</ebms:PartyId><ebms:PartyId>5798009999009</ebms:PartyId></ebms:From>
    <ebms:To><ebms:PartyId>NKSTEST</ebms:PartyId><ebms:PartyId>5798009999016</ebms:PartyId></ebms:To>
    <ebms:MessageData>
      <ebms:MessageId>{group}</ebms:MessageId>
      <ebms:Timestamp>{created}</ebms:Timestamp>
    </ebms:MessageData>
  </nks:MessageHeader>
  <nks:GrpHdr>
    <swift:GrpId>{group}</swift:GrpId>
    <swift:CreDtTm>{created}</swift:CreDtTm>
    <swift:CtrlSum>{}</swift:CtrlSum>
    <swift:NbOfTxs>{}</swift:NbOfTxs>
    <swift:InitgPty><swift:OrgId><swift:PrtryId>
      <swift:Id>900001</swift:Id><swift:Issr>ADMID</swift:Issr>
    </swift:PrtryId></swift:OrgId></swift:InitgPty>
  </nks:GrpHdr>
{debits}</nks:NKSPayment>
"#,
        Ore(sum).decimal2(),
        payments().count(),
    )
}

fn debit_xml(group: &str, day: Date, payments: &[Pay]) -> String {
    let payments: String = payments.iter().map(payment_xml).collect();
    format!(
        "<nks:PmtInf><swift:ReqdExctnDt>{day}</swift:ReqdExctnDt>\
         <swift:PmtMtdByFrstAgt>TRF</swift:PmtMtdByFrstAgt>\
         <swift:Dbtr><swift:OrgId><swift:BkPtyId>700001</swift:BkPtyId></swift:OrgId></swift:Dbtr>\
         <swift:DbtrAcct><swift:Id><swift:BBAN>99990000012345</swift:BBAN></swift:Id></swift:DbtrAcct>\
         <swift:DbtPurp>{group}</swift:DbtPurp>\n{payments}</nks:PmtInf>\n"
    )
}

fn payment_xml(pay: &Pay) -> String {
    let Pay { id, ore, payee } = pay;
    let creditor = match payee.len() {
        10 => format!("<swift:PrvtId><swift:SclSctyNb>{payee}</swift:SclSctyNb></swift:PrvtId>"),
        _ => format!(
            "<swift:OrgId><swift:PrtryId><swift:Id>{payee}</swift:Id><swift:Issr>CVR</swift:Issr>\
             </swift:PrtryId></swift:OrgId>"
        ),
    };
    format!(
        "<swift:PmtTx><swift:PmtId><swift:InstrId>{id}</swift:InstrId>\
         <swift:EndToEndId>{id}</swift:EndToEndId></swift:PmtId>\
         <swift:Purp><swift:Prtry>00101</swift:Prtry></swift:Purp>\
         <swift:Amt><swift:InstdAmt Ccy=\"DKK\">{}</swift:InstdAmt></swift:Amt>\
         <swift:IncompletePaymentIndicator>1</swift:IncompletePaymentIndicator>\
         <swift:Cdtr>{creditor}</swift:Cdtr><swift:ChrgBr>SHA</swift:ChrgBr>\
         <swift:RmtInf><swift:Ustrd>Sygedagpenge &amp; lign., Åse</swift:Ustrd></swift:RmtInf></swift:PmtTx>\n",
        Ore(*ore).decimal2()
    )
}

/// The operating system's disk until it has been asked so many times; then nothing works any more, as after a
/// kill.
pub(crate) struct DyingDisk {
    left: AtomicU64,
}

impl DyingDisk {
    pub(crate) fn after(operations: u64) -> DyingDisk {
        DyingDisk { left: AtomicU64::new(operations) }
    }

    fn alive(&self, path: &Path) -> Result<(), DiskError> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        before.map(|_| ()).map_err(|_| DiskError::new("reach", path, std::io::Error::other("dead")))
    }
}

impl Disk for DyingDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        self.alive(path)?;
        RealDisk.create(path)
    }
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        self.alive(path)?;
        RealDisk.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.alive(to)?;
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.alive(path)?;
        RealDisk.remove(path)
    }
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        self.alive(dir)?;
        RealDisk.list(dir)
    }
    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError> {
        self.alive(path)?;
        RealDisk.entry(path)
    }
    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError> {
        self.alive(dir)?;
        RealDisk.create_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.alive(dir)
    }
    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        self.alive(path)?;
        RealDisk.try_lock(path)
    }
}

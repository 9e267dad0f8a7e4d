//! Codes that name a municipality, a benefit, a sender, a subject.

use std::fmt;

/// A text that is no code of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code of this kind")]
pub struct NotACode;

fn digits4(text: &str) -> Result<u16, NotACode> {
    if text.len() != 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotACode);
    }
    text.parse().map_err(|_| NotACode)
}

/// A municipality (kommunekode): four digits, `0751`. Whether it exists is a table's business.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MunicipalityCode(pub u16);

impl MunicipalityCode {
    /// Four digits, leading zero included.
    pub fn parse(text: &str) -> Result<MunicipalityCode, NotACode> {
        digits4(text).map(MunicipalityCode)
    }
}

impl fmt::Display for MunicipalityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}
impl fmt::Debug for MunicipalityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A benefit type (ydelsesart): four digits, `0101` (g68.md 8.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BenefitCode(pub u16);

impl BenefitCode {
    /// Four digits, leading zero included.
    pub fn parse(text: &str) -> Result<BenefitCode, NotACode> {
        digits4(text).map(BenefitCode)
    }
}

impl fmt::Display for BenefitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}
impl fmt::Debug for BenefitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A data supplier's short id (dataleverandør, LEVID): four ISO-8859-1 characters, blank-filled.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SupplierId(pub [u8; 4]);

impl SupplierId {
    /// One to four characters; shorter ones are blank-filled.
    pub fn parse(text: &str) -> Result<SupplierId, NotACode> {
        let mut id = [b' '; 4];
        let mut used = 0;
        for character in text.trim_end().chars() {
            let byte = u8::try_from(u32::from(character)).map_err(|_| NotACode)?;
            *id.get_mut(used).ok_or(NotACode)? = byte;
            used += 1;
        }
        if used == 0 { Err(NotACode) } else { Ok(SupplierId(id)) }
    }
}

impl fmt::Display for SupplierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(|b| char::from(*b)).collect();
        f.write_str(text.trim_end())
    }
}
impl fmt::Debug for SupplierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether a text is a KLE subject number, `NN.NN.NN` with an optional handling facet (danish-identifiers.md 9).
pub fn kle_is_valid(text: &str) -> bool {
    let (subject, facet) = match text.split_once(' ') {
        Some((subject, facet)) => (subject, Some(facet)),
        None => (text, None),
    };
    let subject_fits = subject.len() == 8
        && subject
            .bytes()
            .enumerate()
            .all(|(i, b)| if i == 2 || i == 5 { b == b'.' } else { b.is_ascii_digit() });
    let facet_fits = facet.is_none_or(|facet| {
        let mut characters = facet.chars();
        characters.next().is_some_and(|c| c.is_ascii_uppercase() || "ÆØÅ".contains(c))
            && characters.clone().count() == 2
            && characters.all(|c| c.is_ascii_digit())
    });
    subject_fits && facet_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        for good in ["15.17.06", "15.17.06 G01", "27.69.00 Ø36"] {
            assert!(kle_is_valid(good), "{good}");
        }
        for bad in ["15.17", "15.17.6", "15-17-06", "15.17.06G01", "15.17.06 01", "", "15.17.06 "] {
            assert!(!kle_is_valid(bad), "{bad}");
        }
    }

    #[test]
    fn four_digit_codes() {
        assert_eq!(MunicipalityCode::parse("0751"), Ok(MunicipalityCode(751)));
        assert_eq!(MunicipalityCode::parse("751"), Err(NotACode));
        assert_eq!(MunicipalityCode::parse("+751"), Err(NotACode));
        assert_eq!(MunicipalityCode(101).to_string(), "0101");
        assert_eq!(SupplierId::parse("KSD").map(|s| s.to_string()), Ok("KSD".to_owned()));
        assert_eq!(SupplierId::parse("KSDXX"), Err(NotACode));
    }
}

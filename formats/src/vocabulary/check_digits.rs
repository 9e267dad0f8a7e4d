//! Check digits (danish-identifiers.md 1.3, 2, 8; g68.md 8.4).

/// The weighted sum of `digits` (ASCII) by `weights`; `None` when a byte is no digit.
fn weighted(digits: &[u8], weights: &[u32]) -> Option<u32> {
    let mut sum = 0;
    for (digit, weight) in digits.iter().zip(weights) {
        sum += u32::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * weight;
    }
    Some(sum)
}

/// Whether ten digits satisfy the old CPR check. Information only: newer numbers need not (cpr.dk).
pub fn modulus11_cpr(digits: &[u8; 10]) -> bool {
    weighted(digits, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_some_and(|sum| sum % 11 == 0)
}

/// Whether eight digits are a CVR number: the check digit fits and the first digit is not 0.
pub fn modulus11_cvr(digits: &[u8; 8]) -> bool {
    digits[0] != b'0' && weighted(digits, &[2, 7, 6, 5, 4, 3, 2, 1]).is_some_and(|sum| sum % 11 == 0)
}

/// Whether thirteen digits are a GLN (EAN location number).
pub fn gln_is_valid(digits: &str) -> bool {
    digits.len() == 13
        && weighted(digits.as_bytes(), &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1])
            .is_some_and(|sum| sum % 10 == 0)
}

/// Whether the id of a payment slip of type 71, 75 or 04 ends in its modulus-10 check digit.
pub fn slip_id_is_valid(digits: &[u8]) -> bool {
    let mut sum = 0;
    for (place, digit) in digits.iter().rev().enumerate() {
        if !digit.is_ascii_digit() {
            return false;
        }
        let product = u32::from(digit - b'0') * if place % 2 == 1 { 2 } else { 1 };
        sum += product / 10 + product % 10;
    }
    !digits.is_empty() && sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn company_numbers() {
        for good in ["13748136", "25992180", "10000009", "99000007", "99000058", "12345674"] {
            assert!(modulus11_cvr(good.as_bytes().try_into().unwrap()), "{good}");
        }
        for bad in ["13748137", "12345678", "35254119", "99000040", "99000049", "00000000"] {
            assert!(!modulus11_cvr(bad.as_bytes().try_into().unwrap()), "{bad}");
        }
    }

    #[test]
    fn location_numbers() {
        for good in ["5798000000001", "5798009900005", "5798001234566", "5790000000005"] {
            assert!(gln_is_valid(good), "{good}");
        }
        assert!(!gln_is_valid("5798000000002"));
        assert!(!gln_is_valid("579800000000"));
    }

    #[test]
    fn slip_ids() {
        assert!(slip_id_is_valid(b"000000000123455"));
        assert!(!slip_id_is_valid(b"000000000123456"));
        assert!(slip_id_is_valid(b"0000000001234566"));
    }
}

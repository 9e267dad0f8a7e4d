//! Where bytes come from and go to. Knows no format and no payment.

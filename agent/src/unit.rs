//! A number with a unit, as options and the configuration write it.

/// What `text` is worth: a plain number times the worth of the unit behind it. `None` where it is no such thing.
pub(crate) fn worth(text: &str, units: &[(&str, u64)]) -> Option<u128> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let (_, worth) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok().map(|count| u128::from(count) * u128::from(*worth))
}

#[cfg(test)]
mod tests {
    use super::worth;

    #[test]
    fn a_number_is_plain_and_its_unit_known() {
        let units = [("", 1), ("K", 1024)];
        assert_eq!((worth("7", &units), worth("2K", &units), worth("0", &units)), (Some(7), Some(2048), Some(0)));
        assert_eq!(worth(&format!("{}K", u64::MAX), &units), Some(u128::from(u64::MAX) * 1024));
        for wrong in ["", "K", "+1", "-1", "1.5K", "2k", "2 K", "2KK", "1e3", "18446744073709551616"] {
            assert_eq!(worth(wrong, &units), None, "{wrong}");
        }
    }
}

//! Chemical elements: atomic numbers and symbols.

use crate::error::{Error, Result};

const SYMBOLS: [&str; 118] = [
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "Ar", "K",
    "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
    "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe",
    "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
    "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra",
    "Ac", "Th", "Pa", "U", "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db",
    "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og",
];

/// Atomic number of an element symbol.
///
/// # Errors
/// [`Error::InvalidParameter`] for a text that is no element symbol.
pub fn atomic_number(symbol: &str) -> Result<u8> {
    SYMBOLS
        .iter()
        .position(|&s| s == symbol)
        .map(|index| (index + 1) as u8)
        .ok_or_else(|| Error::InvalidParameter(format!("unknown element symbol '{symbol}'")))
}

/// Symbol of an atomic number, `"X"` for 0 or numbers beyond 118.
pub fn symbol(number: u8) -> &'static str {
    SYMBOLS.get(usize::from(number).wrapping_sub(1)).copied().unwrap_or("X")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_and_numbers_are_inverse() {
        for number in 1..=118u8 {
            assert_eq!(atomic_number(symbol(number)).unwrap(), number);
        }
        assert_eq!(atomic_number("Ge").unwrap(), 32);
        assert_eq!(symbol(0), "X");
        assert!(atomic_number("Xx").is_err());
    }
}

//! Chemical elements: atomic numbers, symbols and covalent radii.

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

/// Covalent radii of the elements up to curium, Å; of Mn, Fe and Co those of low spin.
#[rustfmt::skip]
const COVALENT_RADII: [f64; 96] = [
    0.31, 0.28, 1.28, 0.96, 0.84, 0.76, 0.71, 0.66, 0.57, 0.58, 1.66, 1.41, 1.21, 1.11, 1.07, 1.05,
    1.02, 1.06, 2.03, 1.76, 1.70, 1.60, 1.53, 1.39, 1.39, 1.32, 1.26, 1.24, 1.32, 1.22, 1.22, 1.20,
    1.19, 1.20, 1.20, 1.16, 2.20, 1.95, 1.90, 1.75, 1.64, 1.54, 1.47, 1.46, 1.42, 1.39, 1.45, 1.44,
    1.42, 1.39, 1.39, 1.38, 1.39, 1.40, 2.44, 2.15, 2.07, 2.04, 2.03, 2.01, 1.99, 1.98, 1.98, 1.96,
    1.94, 1.92, 1.92, 1.89, 1.90, 1.87, 1.87, 1.75, 1.70, 1.62, 1.51, 1.44, 1.41, 1.36, 1.36, 1.32,
    1.45, 1.46, 1.48, 1.40, 1.50, 1.50, 2.60, 2.21, 2.15, 2.06, 2.00, 1.96, 1.90, 1.87, 1.80, 1.69,
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

/// Covalent radius of an atomic number, Å; beyond 96, where none is known, that of curium.
///
/// B. Cordero, V. Gómez, A. E. Platero-Prats, M. Revés, J. Echeverría, E. Cremades, F. Barragán and S. Alvarez, Dalton Trans. 2008,
/// 2832, doi 10.1039/b801115j, Table 2.
pub fn covalent_radius(number: u8) -> f64 {
    let last = COVALENT_RADII.len() - 1;
    COVALENT_RADII[usize::from(number).saturating_sub(1).min(last)]
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

    #[test]
    fn radii_belong_to_their_elements() {
        for (name, radius) in
            [("H", 0.31), ("Li", 1.28), ("Cl", 1.02), ("Fe", 1.32), ("La", 2.07), ("Cm", 1.69)]
        {
            assert_eq!(covalent_radius(atomic_number(name).unwrap()), radius, "{name}");
        }
        assert_eq!(covalent_radius(118), covalent_radius(96));
    }
}

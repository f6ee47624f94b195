//! What a potential says about its own reliability, atom by atom.

use crate::linalg::Vec3;

/// What a potential can say about its reliability.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assesses {
    /// The spread of a committee of at least two members.
    pub spread: bool,
    /// The distance to the training environments ([`super::TrainingRange`]).
    pub grade: bool,
}

/// Reliability of one evaluation; buffers are reused from call to call. What the potential does not know is empty.
///
/// The spread is the standard deviation over the `n` members, with `n - 1` in the denominator, times the factors of
/// [`super::SpreadScale`]; in Schran, Brezina, Marsalek, J. Chem. Phys. 153, 104105 (2020) the same quantity is the
/// committee disagreement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// Largest excess of every atom beyond a range of [`super::Scaling`], in units of its width; 0 inside.
    pub excess: Vec<f64>,
    /// The feature with that excess.
    pub feature: Vec<Option<u32>>,
    /// Extrapolation grade of every atom: 1 is as far out as the farthest training environment of the element.
    pub grade: Vec<f64>,
    /// Energy of every member, eV.
    pub member_energies: Vec<f64>,
    /// Forces of one member after the other, eV/Å.
    pub member_forces: Vec<Vec3>,
    /// Spread of the energy, eV.
    pub energy_std: f64,
    /// Spread of every force component, eV/Å.
    pub force_std: Vec<Vec3>,
}

impl Assessment {
    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.excess.clear();
        self.feature.clear();
        self.grade.clear();
        self.member_energies.clear();
        self.member_forces.clear();
        self.energy_std = 0.0;
        self.force_std.clear();
    }

    /// Force spread of atom `i`, eV/Å: root mean square over the three components, as a force RMSE.
    pub fn atom_force_std(&self, i: usize) -> f64 {
        let [x, y, z] = self.force_std[i];
        ((x * x + y * y + z * z) / 3.0).sqrt()
    }

    /// The numbers of the whole structure.
    pub fn summary(&self) -> AssessmentSummary {
        let spread = (!self.force_std.is_empty()).then(|| {
            let n = self.force_std.len();
            let (max_force, atom) = largest((0..n).map(|i| self.atom_force_std(i)));
            let mean_force = (0..n).map(|i| self.atom_force_std(i)).sum::<f64>() / n as f64;
            SpreadSummary { energy: self.energy_std, mean_force, max_force, atom }
        });
        let grade = (!self.grade.is_empty()).then(|| {
            let (max, atom) = largest(self.grade.iter().copied());
            GradeSummary { mean: self.grade.iter().sum::<f64>() / self.grade.len() as f64, max, atom }
        });
        AssessmentSummary { spread, grade }
    }

    /// Spreads from energies and forces of the members; nothing for fewer than two.
    pub(super) fn fill_spread(&mut self, n_atoms: usize, energy_scale: f64, force_scale: f64) {
        let n_members = self.member_energies.len();
        if n_members < 2 {
            self.member_energies.clear();
            self.member_forces.clear();
            return;
        }
        let energies = &self.member_energies;
        self.energy_std = energy_scale * deviation(n_members, |m| energies[m]);
        let forces = &self.member_forces;
        self.force_std.extend(
            (0..n_atoms).map(|i| {
                [0, 1, 2].map(|a| force_scale * deviation(n_members, |m| forces[m * n_atoms + i][a]))
            }),
        );
    }
}

/// Standard deviation of `n` values, `n - 1` in the denominator.
fn deviation(n: usize, value: impl Fn(usize) -> f64) -> f64 {
    let mean = (0..n).map(&value).sum::<f64>() / n as f64;
    let squares = (0..n).map(|m| (value(m) - mean).powi(2)).sum::<f64>();
    (squares / (n as f64 - 1.0)).sqrt()
}

/// The largest value and where it stands; a NaN counts as larger than any number, so that it is not overlooked.
fn largest(values: impl Iterator<Item = f64>) -> (f64, usize) {
    let mut best = (f64::NEG_INFINITY, 0);
    for (i, value) in values.enumerate() {
        if value > best.0 || (value.is_nan() && !best.0.is_nan()) {
            best = (value, i);
        }
    }
    best
}

/// An [`Assessment`] in a few numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AssessmentSummary {
    /// The spread of a committee.
    pub spread: Option<SpreadSummary>,
    /// The extrapolation grade.
    pub grade: Option<GradeSummary>,
}

/// Spread over the members of a committee.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpreadSummary {
    /// Spread of the energy of the structure, eV.
    pub energy: f64,
    /// Mean over atoms of [`Assessment::atom_force_std`], eV/Å.
    pub mean_force: f64,
    /// Largest of them, eV/Å.
    pub max_force: f64,
    /// The atom that has it.
    pub atom: usize,
}

/// Extrapolation grades of a structure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradeSummary {
    /// Mean over atoms.
    pub mean: f64,
    /// Largest.
    pub max: f64,
    /// The atom that has it.
    pub atom: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_the_sample_standard_deviation() {
        let mut assessment = Assessment {
            member_energies: vec![1.0, 2.0, 6.0],
            member_forces: vec![[0.0, 1.0, 5.0], [0.0, 3.0, 5.0], [3.0, 2.0, 5.0]],
            ..Assessment::default()
        };
        assessment.fill_spread(1, 1.0, 2.0);
        // Mean 3, squares 4 + 1 + 9 = 14, over n - 1 = 2.
        assert!((assessment.energy_std - 7f64.sqrt()).abs() < 1e-15);
        let [x, y, z] = assessment.force_std[0];
        assert!((x - 2.0 * 3f64.sqrt()).abs() < 1e-15 && (y - 2.0).abs() < 1e-15 && z == 0.0);
        assert!((assessment.atom_force_std(0) - (16.0f64 / 3.0).sqrt()).abs() < 1e-15);
        let summary = assessment.summary();
        assert_eq!(summary.spread.unwrap().max_force, assessment.atom_force_std(0));
        assert_eq!(summary.grade, None);
    }

    #[test]
    fn one_member_has_no_spread_and_nan_is_the_largest() {
        let mut assessment = Assessment {
            member_energies: vec![1.0],
            member_forces: vec![[0.0; 3]],
            grade: vec![0.3, f64::NAN, 7.0],
            ..Assessment::default()
        };
        assessment.fill_spread(1, 1.0, 1.0);
        assert!(assessment.force_std.is_empty() && assessment.member_forces.is_empty());
        assert_eq!(assessment.summary().spread, None);
        assert_eq!(assessment.summary().grade.unwrap().atom, 1);
    }
}

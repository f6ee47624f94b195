//! The cell list against the brute-force search.

use lionn_core::neighbors::{NeighborList, VerletList, brute_force};
use lionn_core::{Cell, System};
use proptest::prelude::*;

fn sorted(list: &NeighborList) -> Vec<(usize, lionn_core::neighbors::Pair)> {
    let mut all: Vec<_> = (0..list.n_atoms()).flat_map(|i| list.of(i).iter().map(move |&p| (i, p))).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn cell_list_equals_brute_force(
        n in 1usize..25,
        entries in prop::array::uniform9(-2.0f64..2.0),
        periodic in prop::array::uniform3(any::<bool>()),
        cutoff in 2.0f64..9.0,
        coordinates in prop::collection::vec(prop::array::uniform3(-1.5f64..2.5), 25),
    ) {
        let mut vectors = [[9.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 6.5]];
        for (k, e) in entries.iter().enumerate() {
            vectors[k / 3][k % 3] += e;
        }
        let cell = Cell::new(vectors, periodic).unwrap();
        let positions = coordinates[..n].iter().map(|&f| lionn_core::linalg::row_times(f, &vectors)).collect();
        let system = System::new(cell, vec![3; n], positions).unwrap();
        if let Ok(list) = NeighborList::build(&system, cutoff) {
            prop_assert_eq!(sorted(&list), brute_force(&system, cutoff));
        }
    }
}

#[test]
fn large_system_uses_many_bins_and_stays_exact() {
    let system = crate::common::random_crystal(5, 120);
    let n = 10; // replicate to pass the limit of the parallel path
    let mut positions = Vec::new();
    let v = *system.cell.vectors();
    for k in 0..n {
        for x in &system.positions {
            positions.push(std::array::from_fn(|a| x[a] + k as f64 * v[0][a]));
        }
    }
    let long = std::array::from_fn(|a| n as f64 * v[0][a]);
    let cell = Cell::new([long, v[1], v[2]], [true; 3]).unwrap();
    let big = System::new(cell, vec![3; positions.len()], positions).unwrap();
    let list = NeighborList::build(&big, 6.5).unwrap();
    assert_eq!(list.n_pairs(), n * NeighborList::build(&system, 6.5).unwrap().n_pairs());
    assert_eq!(sorted(&list), brute_force(&big, 6.5));
}

#[test]
fn far_apart_cluster_needs_no_huge_grid() {
    let positions = vec![[0.0; 3], [1e6, 0.0, 0.0], [1e6, 1.0, 0.0]];
    let system = System::new(Cell::open(), vec![1; 3], positions).unwrap();
    assert_eq!(NeighborList::build(&system, 5.0).unwrap().n_pairs(), 2);
}

#[test]
fn verlet_list_is_rebuilt_when_needed_and_only_then() {
    let mut system = crate::common::random_crystal(7, 20);
    let mut list = VerletList::new(&system, 5.0, 1.0).unwrap();
    system.positions[3][0] += 0.49;
    assert!(!list.update(&system).unwrap());
    system.positions[3][0] += 0.02;
    assert!(list.update(&system).unwrap());
    assert_eq!(list.n_rebuilds(), 1);
    system.positions[0][1] = f64::NAN;
    assert!(list.update(&system).unwrap_err().to_string().contains("position of atom 0 is not finite"));
}

#[test]
fn coinciding_atoms_are_named() {
    let system = System::new(Cell::open(), vec![1, 1, 1], vec![[0.0; 3], [3.0; 3], [3.0; 3]]).unwrap();
    let message = NeighborList::build(&system, 5.0).unwrap_err().to_string();
    assert!(message.contains("atoms 1 and 2") || message.contains("atoms 2 and 1"), "{message}");
    assert!(NeighborList::build(&system, -1.0).is_err());
}

//! The cell list against the brute-force search.

use lionn_core::neighbors::{NeighborList, VerletList, brute_force};
use lionn_core::{Cell, System};
use proptest::prelude::*;

fn sorted(list: &NeighborList) -> Vec<(usize, lionn_core::neighbors::Pair)> {
    let mut all: Vec<_> = (0..list.n_atoms()).flat_map(|i| list.of(i).iter().map(move |p| (i, p))).collect();
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

/// One atom may use the whole skin as long as all others rest; two atoms share it.
#[test]
fn verlet_list_is_rebuilt_when_needed_and_only_then() {
    let mut system = crate::common::random_crystal(7, 20);
    let mut list = VerletList::new(&system, 5.0, 1.0).unwrap();
    system.positions[3][0] += 0.6;
    assert!(!list.update(&system).unwrap());
    system.positions[9][1] -= 0.39;
    assert!(!list.update(&system).unwrap());
    system.positions[9][1] -= 0.02;
    assert!(list.update(&system).unwrap());
    assert_eq!(list.n_rebuilds(), 1);
    assert_eq!(list.reference(), system.positions);
    system.positions[3][0] += 1.01;
    assert!(list.update(&system).unwrap());
    system.positions[0][1] = f64::NAN;
    assert!(list.update(&system).unwrap_err().to_string().contains("position of atom 0 is not finite"));
    system.positions[0][1] = 0.0;
    assert!(list.update(&system).unwrap(), "a list that could not be built is built at the next update");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// After any displacements that leave the list standing, it still holds every pair within the cutoff.
    #[test]
    fn verlet_list_is_complete_until_it_is_rebuilt(
        seed in 0u64..1000,
        moves in prop::collection::vec(prop::array::uniform3(-0.2f64..0.2), 24),
        n_steps in 1usize..6,
    ) {
        let mut system = crate::common::random_crystal(seed, 24);
        let mut list = VerletList::new(&system, 4.0, 0.9).unwrap();
        for step in 0..n_steps {
            for (i, x) in system.positions.iter_mut().enumerate() {
                let by = moves[(i + step) % moves.len()];
                (0..3).for_each(|a| x[a] += by[a]);
            }
            list.update(&system).unwrap();
            let known = sorted(list.list());
            for pair in brute_force(&system, 4.0) {
                prop_assert!(known.binary_search(&pair).is_ok());
            }
        }
    }
}

/// A list is kept while the cell changes a little, with the vectors of the new cell, and rebuilt when it changes more.
#[test]
fn verlet_list_follows_the_cell() {
    let mut system = crate::common::random_crystal(7, 20);
    let mut list = VerletList::new(&system, 5.0, 0.8).unwrap();
    system = system.deformed(&[[0.01, 0.0, 0.0], [0.0, -0.02, 0.0], [0.0, 0.0, 0.03]]).unwrap();
    assert!(!list.update(&system).unwrap());
    let mut n_images = 0;
    for i in 0..system.n_atoms() {
        for (pair, (j, vector)) in list.list().of(i).iter().zip(list.list().of(i).images()) {
            assert_eq!((pair.j, system.cell.shift_vector(pair.shift)), (j, vector));
            n_images += usize::from(pair.shift != [0; 3]);
        }
    }
    assert!(n_images > 100);
    system = system.deformed(&[[0.2, 0.0, 0.0], [0.0; 3], [0.0; 3]]).unwrap();
    assert!(list.update(&system).unwrap());
    assert_eq!(list.reference_cell(), &system.cell);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// As long as the list stands, it holds every pair within the cutoff, while cell and atoms change at random.
    #[test]
    fn verlet_list_is_complete_while_the_cell_changes(
        seed in 0u64..1000,
        strain in prop::array::uniform3(prop::array::uniform3(-0.03f64..0.03)),
        moves in prop::collection::vec(prop::array::uniform3(-0.1f64..0.1), 24),
        n_steps in 1usize..5,
    ) {
        let mut system = crate::common::random_crystal(seed, 24);
        let mut list = VerletList::new(&system, 4.0, 0.9).unwrap();
        for step in 0..n_steps {
            system = system.deformed(&strain).unwrap();
            for (i, x) in system.positions.iter_mut().enumerate() {
                let by = moves[(i + step) % moves.len()];
                (0..3).for_each(|a| x[a] += by[a]);
            }
            list.update(&system).unwrap();
            let known = sorted(list.list());
            for pair in brute_force(&system, 4.0) {
                prop_assert!(known.binary_search(&pair).is_ok());
            }
        }
    }
}

/// Unwrapped positions drift through many cells; near ones get numbered shifts, far ones counted shifts.
#[test]
fn atoms_that_drifted_far_keep_their_neighbors() {
    let system = crate::common::random_crystal(11, 150);
    let near = NeighborList::build(&system, 6.5).unwrap();
    for distance in [1, 3, 40, 100_000] {
        let mut drifted = system.clone();
        for (i, x) in drifted.positions.iter_mut().enumerate() {
            let cells = [i % 3, i % 5, i % 2].map(|k| (k as i32 - 1) * distance);
            let by = system.cell.shift_vector(cells);
            (0..3).for_each(|a| x[a] += by[a]);
        }
        let list = NeighborList::build(&drifted, 6.5).unwrap();
        assert_eq!(list.n_pairs(), near.n_pairs());
        for i in 0..system.n_atoms() {
            for (one, two) in near.of(i).iter().zip(list.of(i)) {
                let (r, s) = (NeighborList::vector(&system, i, one), NeighborList::vector(&drifted, i, two));
                // Positions of 1e6 Å have a resolution of 1e-10 Å.
                assert!(one.j == two.j && (0..3).all(|a| (r[a] - s[a]).abs() < 1e-8), "{r:?} {s:?}");
            }
        }
    }
    let mut lost = system.clone();
    lost.positions[4][0] += 1e12;
    let message = NeighborList::build(&lost, 6.5).unwrap_err().to_string();
    assert!(message.contains("atom 4 is") && message.contains("cells away"), "{message}");
}

/// A list built in the memory of another one is the same as a new one, in order too, for any number of threads.
#[test]
fn rebuilt_lists_and_threads_give_the_same_order() {
    let mut list = NeighborList::default();
    for (seed, n, cutoff) in [(1, 300, 6.5), (2, 40, 9.0), (3, 200, 3.0), (4, 1, 8.0)] {
        let system = crate::common::random_crystal(seed, n);
        list.rebuild(&system, cutoff).unwrap();
        for n_threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let new = pool.install(|| NeighborList::build(&system, cutoff)).unwrap();
            assert_eq!((list.n_atoms(), list.n_pairs(), list.cutoff()), (n, new.n_pairs(), cutoff));
            assert!((0..n).all(|i| list.of(i).iter().eq(new.of(i))));
        }
    }
}

#[test]
fn coinciding_atoms_are_named() {
    let system = System::new(Cell::open(), vec![1, 1, 1], vec![[0.0; 3], [3.0; 3], [3.0; 3]]).unwrap();
    let message = NeighborList::build(&system, 5.0).unwrap_err().to_string();
    assert!(message.contains("atoms 1 and 2") || message.contains("atoms 2 and 1"), "{message}");
    assert!(NeighborList::build(&system, -1.0).is_err());
}

//! The potential beside the object.

use lionn_core::model_file::ModelFile;
use lionn_core::potential::CommitteePotential;
use std::path::Path;

/// Name of the potential file in the folder of the object.
pub const FILE_NAME: &str = "potential.json";

/// Reads the potential or committee in the folder of the object.
///
/// # Errors
/// One line that names the file.
pub fn load(object: &Path) -> Result<CommitteePotential, String> {
    let path = object.with_file_name(FILE_NAME);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("{}: {error}; make the folder of the model with 'lionn lammps export'", path.display())
    })?;
    parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(text: &str) -> Result<CommitteePotential, String> {
    let mut value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("not a potential file, or damaged ({error})"))?;
    if let Some(document) = value.as_object_mut() {
        // The sum of the file, which `lionn lammps export` has checked; it is no part of the model.
        document.remove("sha256");
    }
    ModelFile::from_value(value)
        .and_then(|file| file.build())
        .and_then(|model| model.into_committee())
        .map_err(|error| error.to_string())
}

/// Element symbols in the order of the species codes.
pub fn symbols(potential: &CommitteePotential) -> Vec<&'static str> {
    potential.descriptor().elements().iter().map(|&number| lionn_core::species::symbol(number)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/potentials/");

    /// A potential of the Python tests with repulsion between close lithium and sulfur.
    pub fn repulsive(file: &str) -> CommitteePotential {
        let text = std::fs::read_to_string(format!("{REFERENCE}{file}")).unwrap();
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let pair = serde_json::json!({"elements": ["Li", "S"], "inner": 1.0, "outer": 2.5});
        document["repulsion"] = serde_json::Value::Array(vec![pair]);
        parse(&document.to_string()).unwrap()
    }

    #[test]
    fn potentials_and_committees_are_read() {
        for (file, n_members) in [("potential_v1.json", 1), ("committee_v2.json", 3)] {
            let potential = repulsive(file);
            assert_eq!(potential.members().len(), n_members);
            assert_eq!(symbols(&potential), ["Li", "S"]);
        }
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        let error = load(Path::new("/nowhere/libkim-api-portable-model.so")).err().unwrap();
        assert!(error.starts_with("/nowhere/potential.json: "), "{error}");
        assert!(error.contains("lionn lammps export"), "{error}");
        assert!(parse("{\"format\": ").err().unwrap().contains("not a potential file, or damaged"));
        assert!(parse("{}").err().unwrap().contains("not a lionn potential file"));
    }
}

//! Snapshots of a run between the core and Python.

use lionn_core::Error;
use lionn_core::linalg::Mat3;
use lionn_core::md::{AssessmentCount, ExtrapolationCount, Snapshot};
use numpy::{PyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::{rows3, to_array3};
use crate::error::to_py;

/// A snapshot as a dict of arrays.
pub fn to_dict<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let count = &snapshot.extrapolation;
    let dict = PyDict::new(py);
    dict.set_item("step", snapshot.step)?;
    dict.set_item("positions", to_array3(py, &snapshot.positions)?)?;
    dict.set_item("velocities", to_array3(py, &snapshot.velocities)?)?;
    dict.set_item("list_positions", to_array3(py, &snapshot.list_positions)?)?;
    dict.set_item("cell", to_array3(py, &snapshot.cell)?)?;
    dict.set_item("list_cell", to_array3(py, &snapshot.list_cell)?)?;
    dict.set_item("thermostat", PyArray1::from_slice(py, &snapshot.thermostat))?;
    dict.set_item("barostat", PyArray1::from_slice(py, &snapshot.barostat))?;
    dict.set_item("exchanged", snapshot.exchanged)?;
    let counts = [count.n_steps, count.n_environments, count.worst_step];
    dict.set_item("extrapolation_counts", PyArray1::from_slice(py, &counts))?;
    dict.set_item("extrapolation_worst", count.worst)?;
    let count = &snapshot.assessments;
    let counts = [
        count.n_assessed,
        count.n_uncertain,
        count.max_force_std_step,
        count.max_grade_step,
        count.n_dumped,
        count.last_dump_step,
    ];
    dict.set_item("assessment_counts", PyArray1::from_slice(py, &counts))?;
    let largest = [count.max_force_std, count.sum_mean_force_std, count.max_grade];
    dict.set_item("assessment_values", PyArray1::from_slice(py, &largest))?;
    Ok(dict)
}

/// Counts of a snapshot; those written before there were assessments have none.
fn assessments(dict: &Bound<'_, PyDict>) -> PyResult<AssessmentCount> {
    let (Some(counts), Some(values)) =
        (dict.get_item("assessment_counts")?, dict.get_item("assessment_values")?)
    else {
        return Ok(AssessmentCount::default());
    };
    let [n_assessed, n_uncertain, max_force_std_step, max_grade_step, n_dumped, last_dump_step]: [u64; 6] =
        counts.extract()?;
    let [max_force_std, sum_mean_force_std, max_grade]: [f64; 3] = values.extract()?;
    Ok(AssessmentCount {
        n_assessed,
        n_uncertain,
        max_force_std,
        max_force_std_step,
        sum_mean_force_std,
        max_grade,
        max_grade_step,
        n_dumped,
        last_dump_step,
    })
}

/// A snapshot from such a dict; the cell of those written before it could change is `start_cell`.
pub fn from_dict(dict: &Bound<'_, PyDict>, start_cell: &Mat3) -> PyResult<Snapshot> {
    let item = |key: &str| {
        dict.get_item(key)?
            .ok_or_else(|| to_py(Error::InvalidParameter(format!("the snapshot has no entry '{key}'"))))
    };
    let frame = |key: &str| rows3(key, &item(key)?.extract::<PyReadonlyArray2<'_, f64>>()?);
    let cell = |key: &str| match dict.get_item(key)? {
        Some(vectors) => {
            let rows = rows3(key, &vectors.extract::<PyReadonlyArray2<'_, f64>>()?)?;
            let n_rows = rows.len();
            rows.try_into().map_err(|_| to_py(Error::shape(key, "(3, 3)", format!("({n_rows}, 3)"))))
        }
        None => Ok(*start_cell),
    };
    let [n_steps, n_environments, worst_step]: [u64; 3] = item("extrapolation_counts")?.extract()?;
    Ok(Snapshot {
        step: item("step")?.extract()?,
        positions: frame("positions")?,
        velocities: frame("velocities")?,
        list_positions: frame("list_positions")?,
        cell: cell("cell")?,
        list_cell: cell("list_cell")?,
        thermostat: item("thermostat")?.extract()?,
        barostat: match dict.get_item("barostat")? {
            Some(variables) => variables.extract()?,
            None => Vec::new(),
        },
        exchanged: item("exchanged")?.extract()?,
        extrapolation: ExtrapolationCount {
            n_steps,
            n_environments,
            worst: item("extrapolation_worst")?.extract()?,
            worst_step,
        },
        assessments: assessments(dict)?,
    })
}

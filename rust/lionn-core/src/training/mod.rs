//! Training: images prepared once ([`TrainingSet`]), their loss and its exact parameter gradient.

mod contact;
mod double_backward;
mod factorized;
mod gradient;
mod image;
mod inverse_hessian;
mod jacobian;
mod loss;
mod memory;
mod normal;
mod prepare;
mod products;
mod residual_rows;
mod set;
mod work;

pub use gradient::Prediction;
pub use image::Image;
pub use inverse_hessian::InverseHessian;
pub use jacobian::Precision;
pub use loss::{LossReport, LossWeights};
pub use memory::{MemoryEstimate, Storage};
pub use normal::{GaussNewton, gauss_newton_bytes};
pub use set::TrainingSet;

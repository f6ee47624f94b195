//! Training: images prepared once ([`TrainingSet`]), their loss and its exact parameter gradient.

mod double_backward;
mod gradient;
mod inverse_hessian;
mod jacobian;
mod loss;
mod set;

pub use gradient::Prediction;
pub use inverse_hessian::InverseHessian;
pub use jacobian::Precision;
pub use loss::{LossReport, LossWeights};
pub use set::{Image, MemoryEstimate, Storage, TrainingSet};

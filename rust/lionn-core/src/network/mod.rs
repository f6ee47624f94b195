//! Element networks: topology, activations and the flat parameter vector.

mod activation;
mod dense;
mod feed_forward;
mod parameters;

pub use activation::Activation;
pub use feed_forward::{FeedForward, NetworkWork};
pub use parameters::ParameterLayout;

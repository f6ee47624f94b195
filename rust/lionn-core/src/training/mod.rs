//! Training: prepared images, loss and gradient.

"""From unwrapped positions to diffusivity and conductivity, with their errors."""

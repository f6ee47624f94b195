"""From diffusivities to activation energy and the value at room temperature."""

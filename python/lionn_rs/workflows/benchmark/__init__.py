"""Speed of this machine, measured in processes of its own."""

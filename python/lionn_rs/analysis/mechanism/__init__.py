"""Where ions are, how they jump, and how they vibrate."""

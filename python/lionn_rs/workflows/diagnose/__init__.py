"""Where a trained potential errs: from a folder to a report."""

"""What long work shares: claims, processes, executors, stop files, the journal."""

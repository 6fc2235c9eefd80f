"""The command line: set-up, batches of notebooks, the list of what is known. ``./run_all.sh`` starts it."""

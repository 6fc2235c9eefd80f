"""Studies: what one notebook alone needs, a package per notebook. They never import one another."""

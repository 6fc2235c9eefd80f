"""What notebook 02_isotropic_curvature alone needs: the isotropic curvature model (arXiv 2511.00674)."""

"""What notebook 05_projected_sgd_clt alone needs: the central limit theorem of averaged projected SGD."""

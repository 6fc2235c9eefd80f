"""What notebook 01_broximal_point alone needs: the ball-proximal point method (arXiv 2502.02002)."""

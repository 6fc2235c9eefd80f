"""What notebook 03_specgd_random_features alone needs: spectral gradient steps on random features."""

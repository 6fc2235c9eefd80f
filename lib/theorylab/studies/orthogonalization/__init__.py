"""What notebook 06_orthogonalization alone needs: what the methods of orthogonalization compute, and how well."""

"""What notebook 04_saddle_escape alone needs: escape from a saddle against dimension."""

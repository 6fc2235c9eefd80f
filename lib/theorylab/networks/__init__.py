"""Small networks: tensors in, losses and gradients out."""

"""One training step and what it needs: batches, players, losses, gradients, optimizers, averages, histories."""

"""What users pass in: numbers, weights, indices and outputs, checked."""

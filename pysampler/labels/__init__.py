"""Labels in any container or dataset, and the weights that follow from them."""

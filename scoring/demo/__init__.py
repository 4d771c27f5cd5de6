"""Two simulated districts with known truth, and the whole job run on them."""

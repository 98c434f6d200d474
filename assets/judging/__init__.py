"""The judge: six dimensions of quality of one answer, asked by `preference_pairs` and `benchmark_scores`."""

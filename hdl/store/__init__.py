"""The memories: weights, hidden weights and samples, and who may use them."""

"""The XNOR-popcount array: neurons stream past inputs that stand still."""

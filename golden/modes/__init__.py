"""The modes: what can be trained by which rule, each as one object."""

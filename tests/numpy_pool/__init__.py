"""The thread pool of csrc/numpy on its own."""

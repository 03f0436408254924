"""The threads of csrc/pool.cpp on their own."""

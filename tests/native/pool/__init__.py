"""The threads of csrc/runtime/thread_pool.cpp on their own."""

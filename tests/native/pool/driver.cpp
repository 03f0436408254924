// Exercises csrc/runtime/thread_pool.cpp under a sanitizer: many jobs, many callers, bodies that throw, and
// with `fork` a child.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>

#include "runtime/thread_pool.h"

namespace {

// Every task ran exactly once.
bool job(int64_t tasks) {
  std::vector<int64_t> times(static_cast<size_t>(tasks), 0);
  ptdet::pool::run(4, tasks, [](void* argument, int64_t i) { ++static_cast<int64_t*>(argument)[i]; }, times.data());
  for (const int64_t count : times)
    if (count != 1) return false;
  return true;
}

bool many_jobs() {
  for (int64_t round = 0; round < 300; ++round)
    if (!job(round % 50)) return false;
  return true;
}

bool many_callers() {
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 5; ++c)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) wrong += !job(64);
    });
  for (std::thread& caller : callers) caller.join();
  return wrong == 0;
}

bool bodies_that_throw() {
  for (int round = 0; round < 50; ++round) {
    try {
      ptdet::pool::run(
          4, 8,
          [](void*, int64_t i) {
            if (i == 5) throw std::runtime_error("five");
          },
          nullptr);
      return false;
    } catch (const std::runtime_error&) {
      if (!job(8)) return false;
    }
  }
  return true;
}

bool a_child() {
  const pid_t child = fork();
  if (child == 0) _exit(job(100) ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  return status == 0;
}

}  // namespace

int main(int count, char**) {
  const bool right = many_jobs() && many_callers() && bodies_that_throw() && (count == 1 || a_child()) && many_jobs();
  std::puts(right ? "right" : "wrong");
  return right ? 0 : 1;
}

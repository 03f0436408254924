#include "runtime/thread_pool.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace ptdet::pool {
namespace {

class Job {
 public:
  Job(int64_t tasks, void (*body)(void*, int64_t), void* argument) : tasks_(tasks), body_(body), argument_(argument) {}

  void work() {
    try {
      for (int64_t i = next_++; i < tasks_; i = next_++) body_(argument_, i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
      next_ = tasks_;
    }
  }

  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  const int64_t tasks_;
  void (*const body_)(void*, int64_t);
  void* const argument_;
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

// Never destroyed: its threads wait in it until the process ends.
class ThreadPool {
 public:
  // False if it works for another caller.
  bool work_on(Job& job, int helpers) {
    const std::unique_lock<std::mutex> mine(busy_, std::try_to_lock);
    if (!mine) return false;
    start(helpers);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = &job;
      places_ = helpers;
    }
    for (int i = 0; i < helpers; ++i) wake_.notify_one();
    job.work();
    std::unique_lock<std::mutex> lock(mutex_);
    job_ = nullptr;
    done_.wait(lock, [&] { return working_ == 0; });
    return true;
  }

 private:
  void start(int helpers) {
    if (started_ >= helpers) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals belong to the interpreter's threads
    try {
      for (; started_ < helpers; ++started_) std::thread([this] { wait_for_jobs(); }).detach();
    } catch (const std::system_error&) {
      // The system gives no more threads: those that are there do the work.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void wait_for_jobs() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return job_ != nullptr && places_ > 0; });
      Job* job = job_;
      --places_;
      ++working_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--working_ == 0) done_.notify_one();
    }
  }

  std::mutex busy_;
  int started_ = 0;  // of busy_
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int places_ = 0;
  int working_ = 0;
};

std::atomic<ThreadPool*> shared_pool{nullptr};

ThreadPool& present_pool() {
  ThreadPool* present = shared_pool.load();
  if (present) return *present;
  // A child has none of its parent's threads, and the locks as they stood: it begins anew.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { shared_pool.store(nullptr); });
  static_cast<void>(registered);
  ThreadPool* made = new ThreadPool;
  if (shared_pool.compare_exchange_strong(present, made)) return *made;
  delete made;  // another thread was first
  return *present;
}

}  // namespace

void run(int threads, int64_t tasks, void (*body)(void*, int64_t), void* argument) {
  Job job(tasks, body, argument);
  const int helpers = tasks < threads ? static_cast<int>(tasks) - 1 : threads - 1;
  if (helpers <= 0 || !present_pool().work_on(job, helpers)) job.work();
  job.rethrow();
}

}  // namespace ptdet::pool

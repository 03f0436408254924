// Lets other threads of the interpreter run while a kernel works.
#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

namespace ptdet {

// py::gil_scoped_release but for a daemon thread that is still at work when the interpreter ends: there, taking the
// lock back ends the thread by unwinding (CPython before 3.14), which aborts the process where it meets a destructor,
// and would let go of objects without the lock. As in CPython 3.14 such a thread waits for the end of the process.
class Unlocked {
 public:
  Unlocked() : thread_(PyEval_SaveThread()) {}
  ~Unlocked() {
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {
      for (;;) pause();
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* const thread_;
};

}  // namespace ptdet

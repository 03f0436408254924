// The threads that kernels work on. None starts at import, the first large call starts them, and a forked child starts
// its own. torch's are not taken: a call waits until each of OpenMP's has been on a core, and where the cores are busy
// that takes longer than the work.
#pragma once

#include <cstdint>

namespace ptdet::pool {

// Calls body(argument, i) once for each i in [0, tasks), on at most so many threads. The caller works too, waits for no
// thread that has not begun, and works alone while the threads serve another caller. Throws what a body threw first.
void run(int threads, int64_t tasks, void (*body)(void* argument, int64_t i), void* argument);

}  // namespace ptdet::pool

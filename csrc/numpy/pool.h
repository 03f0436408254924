// Threads of our own, because NumPy has none to lend: none starts at import, the first large call starts them, and a
// forked child starts its own.
#pragma once

#include <cstdint>

namespace ptdet::pool {

int threads();
void set_threads(int count);  // count >= 1

// Calls body(argument, i) once for each i in [0, tasks); the caller works too, and works alone while the threads serve
// another caller. Throws what a body threw first.
void run(int64_t tasks, void (*body)(void* argument, int64_t i), void* argument);

}  // namespace ptdet::pool

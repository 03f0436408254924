// What _numpy offers to ptdet/numpy, nothing else.
#include "kernels.h"
#include "numpy/nms.h"
#include "numpy/pool.h"

namespace py = pybind11;

PYBIND11_MODULE(_numpy, m, py::mod_gil_not_used()) {
  m.def("instruction_set", &ptdet::cpu::instruction_set);
  m.def("get_num_threads", &ptdet::pool::threads);
  m.def("set_num_threads", &ptdet::pool::set_threads);
  m.def("nms", &ptdet::nms_of_arrays);
}

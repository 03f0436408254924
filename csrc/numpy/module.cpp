// What _numpy offers to ptdet/numpy: nms by place, what its files register, and the settings of the kernels.
#include "api/api.h"
#include "numpy/host.h"
#include "numpy/quick.h"
#include "numpy/registration.h"

namespace py = pybind11;

namespace {

PyMethodDef by_place[] = {
    {"nms", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&ptdet::nms_by_place)), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

PYBIND11_MODULE(_numpy, m, py::mod_gil_not_used()) {
  if (PyModule_AddFunctions(m.ptr(), by_place) != 0) throw py::error_already_set();
  m.def("instruction_set", &ptdet::cpu::instruction_set);
  m.def("possible_instruction_set", &ptdet::cpu::possible_instruction_set);
  m.def("get_num_threads", [] { return ptdet::thread_count.load(); });
  m.def("set_num_threads", [](int count) { ptdet::thread_count = count; });
  ptdet::Registration::add_all(m);
}

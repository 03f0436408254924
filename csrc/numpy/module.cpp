// What _numpy offers to ptdet/numpy, nothing else.
#include "api/api.h"
#include "numpy/heads.h"
#include "numpy/host.h"
#include "numpy/quick.h"
#include "numpy/suppression.h"

namespace py = pybind11;

namespace {

PyMethodDef by_place[] = {{"nms", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&ptdet::nms_by_place)),
                           METH_FASTCALL, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

}  // namespace

PYBIND11_MODULE(_numpy, m, py::mod_gil_not_used()) {
  if (PyModule_AddFunctions(m.ptr(), by_place) != 0) throw py::error_already_set();
  m.def("instruction_set", &ptdet::cpu::instruction_set);
  m.def("possible_instruction_set", &ptdet::cpu::possible_instruction_set);
  m.def("get_num_threads", [] { return ptdet::thread_count.load(); });
  m.def("set_num_threads", [](int count) { ptdet::thread_count = count; });
  m.def("and_nms", &ptdet::and_nms_of_arrays);
  m.def("fast_nms", &ptdet::fast_nms_of_arrays);
  m.def("matrix_nms", &ptdet::matrix_nms_of_arrays);
  m.def("merging", &ptdet::merging_of_arrays);
  m.def("merge_nms", &ptdet::merge_nms_of_arrays);
  m.def("soft_nms", &ptdet::soft_nms_of_arrays);
  m.def("wbf", &ptdet::wbf_of_arrays);
  m.def("pairwise_overlap", &ptdet::pairwise_overlap_of_arrays);
  m.def("yolo_postprocess", &ptdet::yolo_postprocess_of_arrays);
  m.def("yolo_pipeline", &ptdet::yolo_pipeline_of_arrays);
}

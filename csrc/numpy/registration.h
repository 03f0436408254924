// Each file of this room names what it offers to Python; module.cpp has no list.
#pragma once

#include <pybind11/pybind11.h>

namespace ptdet {

namespace py = pybind11;

class Registration {
 public:
  explicit Registration(void (*add)(py::module_&)) : add_(add), next_(latest()) { latest() = this; }

  static void add_all(py::module_& m) {
    for (const Registration* each = latest(); each; each = each->next_) each->add_(m);
  }

 private:
  static const Registration*& latest() {
    static const Registration* registration = nullptr;
    return registration;
  }

  void (*const add_)(py::module_&);
  const Registration* const next_;
};

}  // namespace ptdet

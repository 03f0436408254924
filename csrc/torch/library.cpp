// The schemas of all operators (ptdet/schemas.txt, compiled in by setup.py) and the facts of the build. Each operator
// registers its kernel in its own file.
#include <torch/csrc/stable/library.h>

#include "api/api.h"

#if defined(__clang__)
#define PTDET_COMPILER "clang " __clang_version__
#else
#define PTDET_COMPILER "gcc " __VERSION__
#endif

#define PTDET_QUOTED(x) #x
#define PTDET_TEXT(x) PTDET_QUOTED(x)

namespace {

std::string build_info() {
  std::string possible;
  for (int i = 0; const char* name = ptdet::cpu::possible_instruction_set(i); ++i) {
    possible += (i == 0 ? "" : ", ") + std::string(name);
  }
  return std::string("instruction_set=") + ptdet::cpu::instruction_set() + ";instruction_sets=" + possible +
         ";compiler=" PTDET_COMPILER ";built_with_torch=" PTDET_TEXT(PTDET_BUILT_WITH_TORCH);
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(ptdet, m) {
#define PTDET_SCHEMA(schema) m.def(schema);
#include "schemas.inc"
#undef PTDET_SCHEMA
  m.def("_build_info() -> str");
}

STABLE_TORCH_LIBRARY_IMPL(ptdet, CompositeExplicitAutograd, m) { m.impl("_build_info", TORCH_BOX(&build_info)); }

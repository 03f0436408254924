// Runs an AOTInductor package that calls ptdet: libtorch and ptdet's _C.so, no Python in the process.
// usage: run_head _C.so head.pt2 boxes.bin scores.bin    (float32; prints the kept indices)
#include <dlfcn.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

static at::Tensor read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const int64_t count = static_cast<int64_t>(bytes.size() / sizeof(float));
  return at::from_blob(const_cast<char*>(bytes.data()), {count}, at::kFloat).clone();
}

int main(int count, char** arguments) {
  if (count != 5) return std::fprintf(stderr, "usage: run_head _C.so head.pt2 boxes.bin scores.bin\n"), 2;
  if (!dlopen(arguments[1], RTLD_NOW)) return std::fprintf(stderr, "%s\n", dlerror()), 1;
  torch::inductor::AOTIModelPackageLoader head(arguments[2]);
  const at::Tensor kept = head.run({read(arguments[3]).view({-1, 4}), read(arguments[4])})[0];
  for (int64_t i = 0; i < kept.numel(); ++i) std::printf("%ld\n", kept[i].item<int64_t>());
  return 0;
}

// As driver.cpp, for the other methods: after a case's header the operator's name, int64[6] (its own names and flags,
// what it has of models and of each box) and double[2] (its own numbers), after its groups the models, their weights
// and the numbers of the boxes. The answer: kept, keep[count], owner[count], and what the method writes besides, in its
// own types.
#include <iterator>
#include <string>

#include "cases.h"

namespace {

const char* const kMethods[] = {"and_nms_walk",  "merge_nms_walk",  "soft_nms_walk", "diou_nms_walk",    "wbf_walk",
                                "fast_nms_walk", "matrix_nms_walk", "nmm_walk",      "adaptive_nms_walk"};

struct Options {
  char name[32];
  int64_t first, second, has_models, model_count, weights_type, numbers_type;  // -1: absent
  double overlap_threshold_or_sigma, min_score;

  int method() const {
    const auto found = std::find(std::begin(kMethods), std::end(kMethods), std::string(name));
    return static_cast<int>(found - std::begin(kMethods));
  }
};

struct PassMemory {
  Array<int64_t> keep, owner, kept;
  explicit PassMemory(int64_t n) : keep(n), owner(n), kept(1) { *kept.data = 0; }
  ptdet::NmsOutput output() const { return {keep.data, owner.data, kept.data}; }
};

void hard(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const Sorting& sorting,
          const PassMemory& pass) {
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::nms_scratch_bytes(input)));
  ptdet::cuda::nms(input, params, sorting.sorted, pass.output(), scratch.data, nullptr);
}

void and_nms(const ptdet::NmsInput& input, ptdet::NmsParams params, const Options& o, const PassMemory& pass) {
  const ptdet::AndParams chosen{params, o.overlap_threshold_or_sigma};
  params.max_output = input.count;
  const Sorting sorting(input, params, pass.kept.data);
  hard(input, params, sorting, pass);
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::and_scratch_bytes(input.count)));
  ptdet::cuda::and_nms(input, chosen, pass.output(), scratch.data, nullptr);
}

void adaptive_nms(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const ptdet::Column& densities,
                  const PassMemory& pass) {
  const Sorting sorting(input, params, pass.kept.data);
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::adaptive_scratch_bytes(input.count)));
  ptdet::cuda::adaptive_nms({input, densities}, params, sorting.sorted, pass.output(), scratch.data, nullptr);
}

struct Clusters {
  Array<char> scratch;
  Array<int64_t> keys, ranks;

  Clusters(const ptdet::NmsInput& input, const ptdet::MergeParams& params, const Sorting& sorting,
           const PassMemory& pass)
      : scratch(static_cast<int64_t>(ptdet::cuda::merge_scratch_bytes(input.count))),
        keys(input.count),
        ranks(input.count) {
    const Array<int64_t> given(input.count);
    ptdet::cuda::merge_clusters(input, params, sorting.sorted, pass.output(), given.data, scratch.data, nullptr);
    stable_order(given.data, input.count, ranks.data);
    for (int64_t i = 0; i < input.count; ++i) keys.data[i] = given.data[ranks.data[i]];
  }
};

void merge_nms(const ptdet::NmsInput& input, ptdet::NmsParams params, const Options& o, const PassMemory& pass,
               char* merged) {
  const ptdet::MergeParams chosen{params, static_cast<ptdet::Members>(o.first), o.second != 0};
  if (chosen.members == ptdet::Members::kBest) params.max_output = input.count;
  const Sorting sorting(input, params, pass.kept.data);
  hard(input, params, sorting, pass);
  const Clusters clusters(input, chosen, sorting, pass);
  ptdet::cuda::merge_means(input, chosen, sorting.sorted, clusters.keys.data, clusters.ranks.data,
                           {pass.output(), merged}, clusters.scratch.data, nullptr);
}

void nmm(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const Options& o, const PassMemory& pass,
         char* grown, int64_t* sides) {
  const Sorting sorting(input, params, pass.kept.data);
  if (o.first != 0) {
    Array<char> scratch(static_cast<int64_t>(ptdet::cuda::nmm_scratch_bytes(input.count)));
    ptdet::cuda::nmm_pass(input, params, sorting.sorted, pass.output(), scratch.data, nullptr);
  } else {
    hard(input, params, sorting, pass);
  }
  const Clusters clusters(input, {params}, sorting, pass);
  ptdet::cuda::nmm_grow(input, params, sorting.sorted, clusters.keys.data, clusters.ranks.data,
                        {pass.output(), grown, sides}, nullptr);
}

void soft_nms(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const Options& o, const PassMemory& pass,
              char* decayed) {
  const ptdet::SoftParams chosen{params, o.overlap_threshold_or_sigma, o.min_score, static_cast<ptdet::Decay>(o.first),
                                 o.second != 0};
  const Sorting sorting(input, params, pass.kept.data);
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::soft_scratch_bytes(input.count)));
  Array<char> keys(input.count * key_bytes(input.scores.type));
  Array<int64_t> order(input.count);
  ptdet::cuda::soft_nms(input, chosen, sorting.sorted, pass.kept.data, keys.data, scratch.data, nullptr);
  order_of_keys(input.scores.type, input.count, keys.data, order.data);
  ptdet::cuda::soft_result(input, chosen, sorting.sorted, order.data, {pass.output(), decayed}, scratch.data, nullptr);
}

void wbf(const ptdet::WbfInput& input, const ptdet::NmsParams& params, const Options& o, const PassMemory& pass,
         char* fused, char* confidences) {
  const ptdet::WbfParams chosen{params, static_cast<ptdet::Confidence>(o.first), o.second != 0};
  const Type type = input.pass.boxes.type;
  const int64_t count = input.pass.count;
  const Sorting sorting(input.pass, type, pass.kept.data,
                        [&](void* keys) { ptdet::cuda::wbf_keys(input, chosen, keys, pass.kept.data, nullptr); });
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::wbf_scratch_bytes(count)));
  Array<char> keys(count * key_bytes(type));
  Array<int64_t> order(count);
  ptdet::cuda::wbf(input, chosen, sorting.sorted, keys.data, scratch.data, nullptr);
  order_of_keys(type, count, keys.data, order.data);
  ptdet::cuda::wbf_result(input, chosen, sorting.sorted, order.data, {pass.output(), fused, confidences}, scratch.data,
                          nullptr);
}

void fast_nms(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const PassMemory& pass) {
  const Sorting sorting(input, params, pass.kept.data);
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::fast_scratch_bytes(input)));
  ptdet::cuda::fast_nms(input, params, sorting.sorted, pass.output(), scratch.data, nullptr);
}

void matrix_nms(const ptdet::NmsInput& input, const ptdet::NmsParams& params, const Options& o, const PassMemory& pass,
                char* decayed) {
  const ptdet::MatrixParams chosen{params, o.overlap_threshold_or_sigma, o.min_score,
                                   static_cast<ptdet::Decay>(o.first)};
  const Sorting sorting(input, params, pass.kept.data);
  Array<char> scratch(static_cast<int64_t>(ptdet::cuda::matrix_scratch_bytes(input.count)));
  Array<char> keys(input.count * key_bytes(input.scores.type));
  Array<int64_t> order(input.count);
  ptdet::cuda::matrix_nms(input, chosen, sorting.sorted, pass.owner.data, keys.data, scratch.data, nullptr);
  order_of_keys(input.scores.type, input.count, keys.data, order.data);
  ptdet::cuda::matrix_result(input, chosen, keys.data, order.data, {pass.output(), decayed}, scratch.data, nullptr);
}

void run(const Header& h, const Options& o, const void* boxes, const void* scores, const void* groups,
         const void* models, const void* weights, const void* numbers) {
  const ptdet::NmsInput input = input_of(h, boxes, scores, groups);
  ptdet::NmsParams params = params_of(h);
  const int method = o.method();
  if (method == 3) params.beta = o.overlap_threshold_or_sigma;
  const PassMemory pass(h.count);
  const int64_t box_bytes = method == 1 || method == 4 || method == 7 ? h.count * 4 * bytes_of(input.boxes.type) : 0;
  const int64_t score_bytes = method == 2 || method == 4 || method == 6 ? h.count * bytes_of(input.scores.type) : 0;
  const int64_t side_count = method == 7 ? h.count * 4 : 0;
  Array<char> new_boxes(box_bytes), new_scores(score_bytes);
  Array<int64_t> sides(side_count);
  if (method == 0) and_nms(input, params, o, pass);
  if (method == 1) merge_nms(input, params, o, pass, new_boxes.data);
  if (method == 2) soft_nms(input, params, o, pass, new_scores.data);
  if (method == 3) hard(input, params, Sorting(input, params, pass.kept.data), pass);
  if (method == 4) {
    ptdet::WbfInput ensemble;
    ensemble.pass = input;
    if (o.has_models) ensemble.models = {models, 1, Type::kInt64};
    if (o.model_count >= 0) {
      ensemble.weights = {weights, 1, static_cast<Type>(o.weights_type)};
      ensemble.model_count = o.model_count;
    }
    wbf(ensemble, params, o, pass, new_boxes.data, new_scores.data);
  }
  if (method == 5) fast_nms(input, params, pass);
  if (method == 6) matrix_nms(input, params, o, pass, new_scores.data);
  if (method == 7) nmm(input, params, o, pass, new_boxes.data, sides.data);
  if (method == 8) adaptive_nms(input, params, {numbers, 1, static_cast<Type>(o.numbers_type)}, pass);
  write(pass.kept.data, 1);
  write(pass.keep.data, h.count);
  write(pass.owner.data, h.count);
  std::fwrite(new_boxes.data, 1, static_cast<size_t>(box_bytes), stdout);
  write(sides.data, side_count);
  std::fwrite(new_scores.data, 1, static_cast<size_t>(score_bytes), stdout);
}

}  // namespace

int main() {
  Header h;
  Options o;
  while (read(&h, sizeof(h))) {
    Array<char> boxes(h.boxes_bytes), scores(h.scores_bytes), groups(h.groups_bytes);
    const bool begins = read(&o, sizeof(o)) && read(boxes.data, h.boxes_bytes) && read(scores.data, h.scores_bytes) &&
                        read(groups.data, h.groups_bytes);
    const int64_t weights_bytes = begins && o.model_count > 0 ? o.model_count * bytes_of(Type(o.weights_type)) : 0;
    Array<int64_t> models(begins && o.has_models ? h.count : 0);
    const int64_t numbers_bytes = begins && o.numbers_type >= 0 ? h.count * bytes_of(Type(o.numbers_type)) : 0;
    Array<char> weights(weights_bytes), numbers(numbers_bytes);
    if (!begins || !read(models.data, o.has_models ? 8 * h.count : 0) || !read(weights.data, weights_bytes) ||
        !read(numbers.data, numbers_bytes)) {
      std::fprintf(stderr, "methods_driver: a case ends early\n");
      return 1;
    }
    run(h, o, boxes.data, scores.data, groups.data, models.data, weights.data, numbers.data);
  }
  return 0;
}

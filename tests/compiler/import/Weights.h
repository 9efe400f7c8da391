//===- Weights.h - All weights of a description ----------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_IMPORT_WEIGHTS_H
#define ASHLAR_TESTS_COMPILER_IMPORT_WEIGHTS_H

#include "compiler/Spec/Fields.h"

#include <type_traits>

namespace ashlar::test {

/// One tensor of a weight of one layer and expert; -1 outside of blocks and
/// experts.
struct NamedWeight {
  Weight weight;
  int64_t layer = -1;
  int64_t expert = -1;
  int64_t part = 0;
  /// The weight's tensor with {layer}, {expert} and {part} replaced.
  std::string tensor() const {
    std::string name = weight.tensor;
    for (auto [mark, index] :
         {std::pair<std::string, int64_t>("{layer}", layer),
          std::pair<std::string, int64_t>("{expert}", expert),
          std::pair<std::string, int64_t>("{part}", part)})
      if (size_t at = name.find(mark); at != std::string::npos)
        name.replace(at, mark.size(), std::to_string(index));
    return name;
  }
};

/// An Io of Fields.h that gathers weights, those of blocks once per layer,
/// those of experts once per expert, each part by itself.
class WeightCollector {
public:
  explicit WeightCollector(std::vector<NamedWeight> &out, int64_t layer = -1,
                           int64_t expert = -1)
      : out(out), layer(layer), expert(expert) {}

  template <typename T> void required(const char *, T &value) { visit(value); }
  template <typename T> void optional(const char *, T &value) { visit(value); }
  template <typename T> void optional(const char *, std::optional<T> &value) {
    if (value)
      visit(*value);
  }
  template <typename T> void optional(const char *, T &value, const T &) {
    visit(value);
  }
  template <typename T> void part(const char *, T &value) {
    if (value.exists())
      visit(value);
  }
  void weight(const char *, Weight &value, const Shape &) {
    for (int64_t part = 0; part < value.parts; ++part)
      out.push_back({value, layer, expert, part});
  }
  void weight(const char *key, std::optional<Weight> &value,
              const Shape &shape) {
    if (value)
      weight(key, *value, shape);
  }
  int64_t hidden = 0;
  int64_t heads = 0;

private:
  void visit(std::string &) {}
  void visit(Weight &value) { out.push_back({value, layer}); }
  void visit(std::pair<std::string, std::string> &) {}
  template <typename T> void visit(std::vector<T> &list) {
    for (T &element : list)
      visit(element);
  }
  void visit(BlockGroup &group) {
    for (int64_t i = 0; i < group.count; ++i) {
      WeightCollector nested(out, group.first + i);
      fields(nested, group);
    }
  }
  void visit(FeedForward &feedForward) {
    if (!feedForward.experts)
      return fields(*this, feedForward);
    Experts experts = *feedForward.experts;
    FeedForward one = feedForward;
    one.experts.reset();
    fields(*this, experts);
    for (int64_t i = 0; i < experts.count; ++i) {
      WeightCollector nested(out, layer, i);
      fields(nested, one);
    }
  }
  void visit(Mask &) {}
  template <typename T> void visit(T &value) {
    if constexpr (std::is_class_v<T>)
      fields(*this, value);
  }

  std::vector<NamedWeight> &out;
  int64_t layer, expert;
};

inline std::vector<NamedWeight> weightsOf(const ModelSpec &spec) {
  std::vector<NamedWeight> result;
  WeightCollector collector(result);
  YamlModel model{spec, {}};
  fields(collector, model);
  return result;
}

} // namespace ashlar::test

#endif // ASHLAR_TESTS_COMPILER_IMPORT_WEIGHTS_H

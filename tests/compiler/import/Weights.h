//===- Weights.h - All weights of a description ----------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_IMPORT_WEIGHTS_H
#define ASHLAR_TESTS_COMPILER_IMPORT_WEIGHTS_H

#include "compiler/Spec/Fields.h"

#include <type_traits>

namespace ashlar::test {

/// One weight of one layer; layer -1 outside of blocks.
struct NamedWeight {
  Weight weight;
  int64_t layer = -1;
  /// The weight's tensor with {layer} replaced.
  std::string tensor() const {
    std::string name = weight.tensor;
    size_t at = name.find("{layer}");
    if (at != std::string::npos)
      name.replace(at, 7, std::to_string(layer));
    return name;
  }
};

/// An Io of Fields.h that gathers weights, those of blocks once per layer.
class WeightCollector {
public:
  explicit WeightCollector(std::vector<NamedWeight> &out, int64_t layer = -1)
      : out(out), layer(layer) {}

  template <typename T> void required(const char *, T &value) { visit(value); }
  template <typename T> void optional(const char *, T &value) { visit(value); }
  template <typename T> void optional(const char *, std::optional<T> &value) {
    if (value)
      visit(*value);
  }
  template <typename T> void optional(const char *, T &value, const T &) {
    visit(value);
  }
  void weight(const char *, Weight &value, const Shape &) {
    out.push_back({value, layer});
  }
  void weight(const char *, std::optional<Weight> &value, const Shape &) {
    if (value)
      out.push_back({*value, layer});
  }
  int64_t hidden = 0;

private:
  void visit(std::string &) {}
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
  template <typename T> void visit(T &value) {
    if constexpr (std::is_class_v<T>)
      fields(*this, value);
  }

  std::vector<NamedWeight> &out;
  int64_t layer;
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

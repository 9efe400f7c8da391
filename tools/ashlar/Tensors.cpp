//===- Tensors.cpp - What became of a checkpoint's matrices --------------===//

#include "tools/ashlar/Tensors.h"

#include "compiler/Codegen/ImageReader.h"
#include "compiler/Support/Errors.h"
#include "tools/ashlar/Texts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::ArrayRef;
using llvm::StringRef;

llvm::Expected<std::vector<float>>
ashlar::tool::readErrors(StringRef path, const ManifestView &manifest) {
  std::vector<float> errors(manifest.tensors.size());
  if (manifest.errorsOffset < 0)
    return errors;
  ImageDescription image;
  image.inside = manifest.weightsInside;
  image.bytes = manifest.weightsBytes;
  if (StringRef(manifest.buildId).getAsInteger(0, image.buildId))
    return userError(path, "\"build_id\" of its manifest is no number",
                     "compile the model again");
  std::vector<float> table(
      llvm::count_if(manifest.tensors, [](const ManifestTensor &tensor) {
        return tensor.precision != "f32";
      }));
  if (llvm::Error error = readImage(path, image, manifest.errorsOffset,
                                    {reinterpret_cast<char *>(table.data()),
                                     table.size() * sizeof(float)}))
    return std::move(error);
  auto next = table.begin();
  for (auto [tensor, error] : llvm::zip(manifest.tensors, errors))
    if (tensor.precision != "f32")
      error = *next++;
  return errors;
}

//===----------------------------------------------------------------------===//
// As text
//===----------------------------------------------------------------------===//

namespace {
/// Successive layers of a tensor.
struct Group {
  std::vector<const ManifestTensor *> members;
  std::vector<float> errors; // of each, or none
};
} // namespace

/// In the order in which they come first.
static llvm::SmallVector<Group> groupsOf(const ManifestView &manifest,
                                         ArrayRef<float> errors) {
  // Layers that take turns in a loop do not follow each other in the image.
  std::map<std::string, std::vector<size_t>> tensors;
  for (const auto &[index, tensor] : llvm::enumerate(manifest.tensors)) {
    std::string key = tensor.precision;
    for (const std::string &name : tensor.names)
      key += '\0' + name; // no name has it
    tensors[key].push_back(index);
  }
  std::map<size_t, Group> groups; // by their first member
  for (auto &[key, indices] : tensors) {
    llvm::sort(indices, [&](size_t a, size_t b) {
      return std::pair(manifest.tensors[a].layer, a) <
             std::pair(manifest.tensors[b].layer, b);
    });
    Group *group = nullptr;
    for (size_t index : indices) {
      const ManifestTensor &tensor = manifest.tensors[index];
      if (!group || group->members.back()->layer + 1 != tensor.layer)
        group = &groups[index];
      group->members.push_back(&tensor);
      if (!errors.empty())
        group->errors.push_back(errors[index]);
    }
  }
  return llvm::to_vector(llvm::make_second_range(groups));
}

static std::string layersOf(int64_t first, int64_t last) {
  if (first < 0)
    return "";
  return std::to_string(first) +
         (last == first ? "" : "-" + std::to_string(last));
}

namespace {
class Table {
public:
  Table(const ManifestView &manifest, bool hasErrors) : hasErrors(hasErrors) {
    for (const ManifestTensor &tensor : manifest.tensors)
      for (size_t i = 0; i < tensor.names.size(); ++i)
        width = std::max(width, nameOf(tensor, i).size());
    width = std::min<size_t>(width, 60);
  }

  void row(StringRef name, StringRef layer, StringRef precision,
           StringRef bytes, StringRef error) const {
    std::string line;
    llvm::raw_string_ostream(line)
        << "  " << llvm::left_justify(name, width)
        << llvm::right_justify(layer, 7) << "  "
        << llvm::left_justify(precision, 9) << llvm::right_justify(bytes, 15)
        << llvm::right_justify(hasErrors ? error : "", 11);
    llvm::outs() << StringRef(line).rtrim() << "\n";
  }

  /// A line for each layer if it has an error of its own, and for each name.
  void rows(const Group &group) const {
    const ManifestTensor &tensor = *group.members.front();
    size_t used = 0;
    auto nextName = [&] {
      return used < tensor.names.size() ? nameOf(tensor, used++) : "";
    };
    if (hasErrors && tensor.precision != "f32")
      for (auto [member, error] : llvm::zip(group.members, group.errors))
        row(nextName(), layersOf(member->layer, member->layer),
            tensor.precision, grouped(member->bytes),
            llvm::formatv("{0:f6}", error).str());
    else
      row(nextName(), layersOf(tensor.layer, group.members.back()->layer),
          tensor.precision, grouped(bytesOf(group)), "");
    while (used < tensor.names.size())
      row(nextName(), "", "", "", "");
  }

private:
  /// A weight may be made of several tensors.
  static std::string nameOf(const ManifestTensor &tensor, size_t index) {
    return (index ? "+ " : "") + escapeForDisplay(tensor.names[index]);
  }
  static int64_t bytesOf(const Group &group) {
    int64_t bytes = 0;
    for (const ManifestTensor *member : group.members)
      bytes += member->bytes;
    return bytes;
  }

  bool hasErrors;
  size_t width = 8;
};
} // namespace

void ashlar::tool::printTensors(const ManifestView &manifest,
                                ArrayRef<float> errors) {
  if (manifest.tensors.empty())
    return;
  Table table(manifest, !errors.empty() && manifest.errorsOffset >= 0);
  llvm::outs() << "tensors\n";
  table.row("", "layer", "precision", "bytes", "error");
  for (const Group &group : groupsOf(manifest, errors))
    table.rows(group);
}

//===----------------------------------------------------------------------===//
// As JSON
//===----------------------------------------------------------------------===//

/// What the compiler wrote once for a loop over layers, for each of them.
static llvm::json::Array eachLayer(const llvm::json::Array &tensors) {
  llvm::json::Array all;
  for (const llvm::json::Value &element : tensors) {
    const llvm::json::Object *group = element.getAsObject();
    const llvm::json::Array *inner =
        group ? group->getArray("tensors") : nullptr;
    if (!inner) {
      all.push_back(element);
      continue;
    }
    int64_t first = group->getInteger("first").value_or(0);
    int64_t layers = group->getInteger("layers").value_or(0);
    int64_t step = group->getInteger("step").value_or(1);
    for (int64_t i = 0; i < layers; ++i)
      for (const llvm::json::Value &tensor : *inner) {
        all.push_back(tensor);
        if (llvm::json::Object *entry = all.back().getAsObject())
          (*entry)["layer"] = first + i * step;
      }
  }
  return all;
}

llvm::Expected<std::string>
ashlar::tool::tensorsAsJson(StringRef manifest, ArrayRef<float> errors) {
  llvm::Expected<llvm::json::Value> root = llvm::json::parse(manifest);
  if (!root)
    return root.takeError();
  llvm::json::Object *object = root->getAsObject();
  llvm::json::Array *listed = object ? object->getArray("tensors") : nullptr;
  if (!listed)
    return manifest.str();
  llvm::json::Array tensors = eachLayer(*listed);
  if (!errors.empty() && tensors.size() != errors.size())
    return llvm::createStringError("the manifest has other tensors");
  for (auto [tensor, error] : llvm::zip(tensors, errors))
    if (llvm::json::Object *entry = tensor.getAsObject())
      (*entry)["error"] = std::isfinite(error) ? llvm::json::Value(error)
                                               : llvm::json::Value(nullptr);
  (*object)["tensors"] = std::move(tensors);
  return llvm::formatv("{0:2}", *root).str();
}

//===- SafetensorsFile.h - Files that a test makes -------------*- C++ -*-===//

#ifndef ASHLAR_TESTS_COMPILER_WEIGHTS_SAFETENSORSFILE_H
#define ASHLAR_TESTS_COMPILER_WEIGHTS_SAFETENSORSFILE_H

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar {

/// Length, header and data as they lie in a file.
inline std::string safetensorsFile(const std::string &header,
                                   const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), 8) + header +
         data;
}

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

/// Collects tensors, then makes the file of them.
class SafetensorsBuilder {
public:
  SafetensorsBuilder &add(const std::string &name, const std::string &dtype,
                          const std::string &shape, const std::string &bytes) {
    header += (header.empty() ? "\"" : ",\"") + name + "\":{\"dtype\":\"" +
              dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
              std::to_string(data.size()) + "," +
              std::to_string(data.size() + bytes.size()) + "]}";
    data += bytes;
    return *this;
  }
  std::string file(const std::string &padding = "") const {
    return safetensorsFile("{" + header + "}" + padding, data);
  }

private:
  std::string header, data;
};

} // namespace ashlar

#endif // ASHLAR_TESTS_COMPILER_WEIGHTS_SAFETENSORSFILE_H

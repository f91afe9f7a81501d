// NumPy's .npy files, versions 1 and 2, little-endian, C order.
#ifndef LATHE_TOOLS_NPY_H
#define LATHE_TOOLS_NPY_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

struct NpyArray {
  std::string Type; ///< NumPy's letter and the bytes of one element: "f4", "i8", "u1", "b1".
  std::vector<int64_t> Shape;
  std::vector<uint8_t> Bytes;
};

/// Reads a file. On failure returns nothing and sets `error` to a message that starts with the path.
std::optional<NpyArray> readNpy(const std::string &path, std::string &error);

/// Writes a file (version 1). On failure returns false and sets `error`.
bool writeNpy(const std::string &path, const NpyArray &array, std::string &error);

} // namespace lathe

#endif // LATHE_TOOLS_NPY_H

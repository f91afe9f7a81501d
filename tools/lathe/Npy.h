#ifndef LATHE_TOOLS_LATHE_NPY_H
#define LATHE_TOOLS_LATHE_NPY_H

#include "runtime/include/lathe.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lathe::tools {

/// A dense row-major array.
struct Array {
  lathe_type type;
  std::vector<int64_t> shape;
  std::vector<char> bytes;
};

/// Reads a NumPy file of version 1 to 3: little-endian numbers or booleans in row-major order. bf16, which NumPy does
/// not have, is read from and written as u16. Throws CommandFailure.
Array readNpy(const std::string &path);
void writeNpy(const std::string &path, const Array &array);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_NPY_H

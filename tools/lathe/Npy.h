#ifndef LATHE_TOOLS_LATHE_NPY_H
#define LATHE_TOOLS_LATHE_NPY_H

#include "tools/lathe/Arrays.h"

namespace lathe::tools {

/// Reads a NumPy file of version 1 to 3: little-endian numbers or booleans in row-major order. bf16, which NumPy does
/// not have, is written as u16. Throws CommandFailure.
Array readNpy(const std::string &path);
void writeNpy(const std::string &path, const Array &array);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_NPY_H

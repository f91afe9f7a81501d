#ifndef LATHE_TOOLS_LATHE_TENSORPROTO_H
#define LATHE_TOOLS_LATHE_TENSORPROTO_H

#include "tools/lathe/Arrays.h"

namespace lathe::tools {

/// Reads a file that holds one TensorProto of ONNX (as the inputs and outputs of its test cases do), data in raw_data
/// or in the typed fields. Throws CommandFailure. The few fields are read by hand: protobuf would be as large as the
/// runtime.
Array readTensorProto(const std::string &path);
/// Writes one with its data in raw_data.
void writeTensorProto(const std::string &path, const Array &array, const std::string &name);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_TENSORPROTO_H

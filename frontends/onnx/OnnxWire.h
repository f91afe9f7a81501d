// The raw_data of a model's tensors, found before protobuf sees the file.
//
// A protobuf message is a list of fields: a varint key (field number << 3 | wire type), then the value. Wire types: 0
// varint, 1 eight bytes, 2 varint length + bytes, 5 four bytes. A message inside of a message is a value of wire
// type 2.
#ifndef LATHE_FRONTENDS_ONNX_ONNXWIRE_H
#define LATHE_FRONTENDS_ONNX_ONNXWIRE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe::onnx {

/// Where the bytes of a tensor are in the file that was scanned.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// Returns a copy of the serialized model in which each TensorProto.raw_data holds a ByteRange instead of the bytes it
/// stood for, so that protobuf neither copies them nor meets its limit of 2 GiB. Errors name the byte they are at.
llvm::Expected<std::string> replaceRawData(llvm::StringRef model);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ONNXWIRE_H

// Reads an ONNX model (https://onnx.ai) into plain structs: neither protobuf nor MLIR shows here.
//
// A model is one protobuf ModelProto. Tensor data stands in one of three places:
//   1. `raw_data`, inside of the model file: little-endian, row-major; only its place in the file is noted
//   2. another file in the model's folder (`external_data`: location, offset, length): noted likewise
//   3. typed fields (`float_data`, `int64_data`, ...): decoded into the bytes that raw_data would hold
// Files are mapped. Every length is checked against what the file holds, so that a malformed file gives an error that
// says where, what was found and what is needed.
#ifndef LATHE_FRONTENDS_ONNX_ONNXREADER_H
#define LATHE_FRONTENDS_ONNX_ONNXREADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe::onnx {

/// TensorProto.DataType, with its numbers.
enum class DataType {
  Undefined = 0,
  Float = 1,
  Uint8 = 2,
  Int8 = 3,
  Uint16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  Uint32 = 12,
  Uint64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  Bfloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  Uint4 = 21,
  Int4 = 22,
  Float4E2M1 = 23,
  Float8E8M0 = 24,
  Uint2 = 25,
  Int2 = 26,
  Float6E2M3 = 27,
  Float6E3M2 = 28,
};

/// "float16", ...; "unknown" for a number that names no type.
llvm::StringRef dataTypeName(DataType type);
/// Bits of one element; 0 for strings and for types that are not known.
unsigned dataTypeBits(DataType type);

struct Tensor {
  std::string name;
  DataType type = DataType::Undefined;
  std::vector<int64_t> dims;
  /// Index into Model::files, or -1: the bytes are in `data`.
  int file = -1;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  std::string data;
};

enum class AttributeKind {
  Float,
  Int,
  String,
  Tensor,
  Graph,
  Floats,
  Ints,
  Strings,
  Type,
  Other, ///< sparse tensors and lists of tensors, graphs or types: known by name only
};

struct Graph;

/// The type of a value: a tensor, or what holds tensors.
struct ValueType {
  enum Kind { Unknown, TensorKind, SparseTensor, Sequence, Optional, Map };
  Kind kind = Unknown;
  DataType element = DataType::Undefined; ///< of a tensor, or of the tensors in a sequence or optional

  /// "float tensor", "sequence", ...
  std::string describe() const;
};

struct NodeAttribute {
  std::string name;
  AttributeKind kind = AttributeKind::Other;
  float floatValue = 0;
  int64_t intValue = 0;
  std::string string;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  Tensor tensor;
  std::shared_ptr<const Graph> graph;
  ValueType type;
  /// The attribute of the function around the node that has the value; otherwise empty.
  std::string reference;
};

struct Node {
  std::string name, opType, domain, overload;
  std::vector<std::string> inputs, outputs; ///< an empty name is an input or output left out
  std::vector<NodeAttribute> attributes;
};

/// A size, a name for one, or neither.
struct Dim {
  std::optional<int64_t> size;
  std::string name;
};

/// An input or output of the graph.
struct ValueInfo {
  std::string name;
  ValueType type;
  std::optional<std::vector<Dim>> dims; ///< nothing where the model does not say
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<std::string> sparseInitializers;
  std::vector<ValueInfo> inputs, outputs;
};

/// Version by domain; ONNX's own domain is "".
using OpsetVersions = std::map<std::string, int64_t>;

/// A function of the model, which its nodes call by domain, name and overload.
struct Function {
  std::string name, domain, overload;
  std::vector<std::string> inputs, outputs, attributes; ///< attributes without a default value
  std::vector<NodeAttribute> defaults;
  OpsetVersions opsets;
  Graph body; ///< nodes alone
};

struct Model {
  int64_t irVersion = 0;
  OpsetVersions opsets;
  Graph graph;
  std::vector<Function> functions;
  /// The model file, then the files of external data.
  std::vector<std::string> paths;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> files;

  /// The bytes of a tensor, wherever they are.
  llvm::ArrayRef<uint8_t> bytes(const Tensor &tensor) const;
};

/// Errors say where in the file, but not its path, which the caller knows.
llvm::Expected<Model> readModel(llvm::StringRef path);
/// The same for bytes that stand for a file at `path`.
llvm::Expected<Model> readModel(std::unique_ptr<llvm::MemoryBuffer> bytes, llvm::StringRef path);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_ONNXREADER_H

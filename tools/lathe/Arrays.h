#ifndef LATHE_TOOLS_LATHE_ARRAYS_H
#define LATHE_TOOLS_LATHE_ARRAYS_H

#include "runtime/include/lathe.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace lathe::tools {

/// A dense row-major array.
struct Array {
  lathe_type type;
  std::vector<int64_t> shape;
  std::vector<char> bytes;

  size_t count() const;
};

/// How a type is called in the manifest, in NumPy files and in ONNX's TensorProto.
struct TypeNames {
  lathe_type type;
  const char *name;
  const char *npy;
  int onnx;
  size_t bytes; ///< of one element
};
const TypeNames &typeNames(lathe_type type);
/// "f32".
const char *typeName(lathe_type type);
/// Null for what no model takes. bf16, which NumPy does not have, is written as u16: a u16 array serves both.
const TypeNames *findNpyType(const std::string &descr);
const TypeNames *findOnnxType(int type);

/// The number that an element stands for.
double elementValue(const Array &array, size_t index);
/// As text, with every digit of an integer.
std::string elementText(const Array &array, size_t index);

/// Reads a NumPy file or, when the name ends in .pb, an ONNX TensorProto. Throws CommandFailure.
Array readArray(const std::string &path);
/// The same the other way round; `name` is written where the format has room for one.
void writeArray(const std::string &path, const Array &array, const std::string &name);

/// Floats from -1 to 1, booleans, integers from `low` to `high`.
Array randomArray(lathe_type type, std::vector<int64_t> shape, std::mt19937_64 &engine, int64_t low = 0,
                  int64_t high = 1);

/// Replaces a file as a whole, so that nobody sees half of it. Throws CommandFailure.
void writeFile(const std::string &path, const std::string &bytes);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_ARRAYS_H

#include "tools/lathe/Npy.h"

#include "tools/lathe/CommandFailure.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

namespace lathe::tools {

namespace {

[[noreturn]] void refuse(const std::string &path, const std::string &problem) {
  throw CommandFailure(LATHE_INVALID_ARGUMENT, path + ": " + problem);
}

/// The text behind `'key':` in the header's dictionary.
std::string field(const std::string &path, const std::string &header, const std::string &key) {
  size_t at = header.find("'" + key + "'");
  at = at == std::string::npos ? at : header.find(':', at);
  if (at == std::string::npos)
    refuse(path, "the header has no '" + key + "'");
  at = header.find_first_not_of(' ', at + 1);
  return at == std::string::npos ? "" : header.substr(at);
}

std::vector<int64_t> readShape(const std::string &path, const std::string &text) {
  std::vector<int64_t> shape;
  std::istringstream stream(text);
  char mark = 0;
  if (!(stream >> mark) || mark != '(')
    refuse(path, "'shape' is not a tuple");
  while (stream >> std::ws && stream.peek() != ')') {
    int64_t size = -1;
    if (!(stream >> size) || size < 0)
      refuse(path, "'shape' has a size that is not a number");
    shape.push_back(size);
    if (stream >> std::ws && stream.peek() == ',')
      stream.get();
  }
  return shape;
}

/// The header's dictionary; leaves `file` at the data.
std::string readHeader(const std::string &path, std::ifstream &file) {
  unsigned char prefix[8], length[4] = {};
  if (!file.read(reinterpret_cast<char *>(prefix), 8) || std::memcmp(prefix, "\x93NUMPY", 6) != 0)
    refuse(path, "not a NumPy file");
  if (prefix[6] < 1 || prefix[6] > 3)
    refuse(path, "the file has version " + std::to_string(prefix[6]) + " but versions 1 to 3 are read");
  file.read(reinterpret_cast<char *>(length), prefix[6] == 1 ? 2 : 4);
  std::string header(size_t(length[0] | length[1] << 8 | length[2] << 16) | size_t(length[3]) << 24, ' ');
  if (header.size() > (1 << 20) || !file.read(header.data(), std::streamsize(header.size())))
    refuse(path, "the header is cut short");
  return header;
}

} // namespace

Array readNpy(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw CommandFailure(LATHE_NOT_FOUND, path + ": cannot open: " + std::strerror(errno));
  std::string header = readHeader(path, file), descr = field(path, header, "descr").substr(0, 5);
  if (field(path, header, "fortran_order").rfind("False", 0) != 0)
    refuse(path, "the array is in column-major order; save numpy.ascontiguousarray of it");
  Array array;
  array.shape = readShape(path, field(path, header, "shape"));
  const TypeNames *known = descr.size() == 5 && descr[4] == '\'' ? findNpyType(descr.substr(1, 3)) : nullptr;
  if (!known)
    refuse(path, "the elements are " + descr + ", which no model takes; convert them");
  array.type = known->type;
  uint64_t bytes = known->bytes;
  for (int64_t size : array.shape)
    if (__builtin_mul_overflow(bytes, uint64_t(size), &bytes) || bytes > uint64_t(std::numeric_limits<int64_t>::max()))
      refuse(path, "the shape has more elements than any file");
  // The file's size first: a damaged shape must not make us ask for its memory.
  auto start = file.tellg();
  uint64_t present = uint64_t(file.seekg(0, std::ios::end).tellg() - start);
  if (present != bytes)
    refuse(path, "the shape needs " + std::to_string(bytes) + " bytes but the file has " + std::to_string(present));
  array.bytes.resize(bytes);
  file.seekg(start);
  if (!file.read(array.bytes.data(), std::streamsize(bytes)))
    refuse(path, "cannot read its " + std::to_string(bytes) + " bytes");
  return array;
}

void writeNpy(const std::string &path, const Array &array) {
  std::string shape;
  for (int64_t size : array.shape)
    shape += std::to_string(size) + ",";
  if (array.shape.size() > 1)
    shape.pop_back();
  std::string header =
      std::string("{'descr': '") + typeNames(array.type).npy + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The data begins at a multiple of 64; the header ends with a newline.
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += char(header.size() & 255);
  text += char(header.size() >> 8);
  text += header;
  text.append(array.bytes.data(), array.bytes.size());
  writeFile(path, text);
}

} // namespace lathe::tools

#include "tools/Npy.h"
#include <charconv>
#include <fstream>
#include <iterator>

using namespace lathe;

static constexpr std::string_view Magic = "\x93NUMPY";

/// The text after `key` and its colon in the header's dictionary, or empty.
static std::string_view findEntry(std::string_view header, std::string_view key) {
  size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos || (at = header.find(':', at)) == std::string_view::npos)
    return {};
  at = header.find_first_not_of(' ', at + 1);
  return at == std::string_view::npos ? std::string_view() : header.substr(at);
}

/// Parses `(2, 3)`; false when it is something else.
static bool parseShape(std::string_view text, std::vector<int64_t> &shape) {
  size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos)
    return false;
  const char *next = text.data() + 1, *last = text.data() + end;
  while (next < last) {
    if (*next == ' ' || *next == ',') {
      ++next;
      continue;
    }
    int64_t size;
    auto [after, status] = std::from_chars(next, last, size);
    if (status != std::errc() || size < 0)
      return false;
    shape.push_back(size);
    next = after;
  }
  return true;
}

static size_t elementBytes(const std::string &type) { return type[1] - '0'; }

/// Elements times element size, or nothing on overflow.
static std::optional<size_t> countBytes(const NpyArray &array) {
  size_t bytes = elementBytes(array.Type);
  for (int64_t size : array.Shape)
    if (__builtin_mul_overflow(bytes, size_t(size), &bytes))
      return std::nullopt;
  return bytes;
}

/// Parses the dictionary; returns what is wrong, or an empty text.
static std::string parseHeader(std::string_view header, NpyArray &array) {
  std::string_view type = findEntry(header, "descr");
  std::string_view known = "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1";
  if (type.size() < 5 || (type[1] != '<' && type[1] != '|') ||
      known.find(type.substr(2, 2)) == std::string_view::npos || type[4] != '\'')
    return "type is " + std::string(type.substr(0, type.find(','))) + ", needed one of " + std::string(known) +
           ", little-endian";
  array.Type = type.substr(2, 2);
  if (findEntry(header, "fortran_order").substr(0, 5) != "False")
    return "elements are in Fortran order, needed C order; save numpy.ascontiguousarray(x)";
  if (!parseShape(findEntry(header, "shape"), array.Shape))
    return "header has no shape";
  return "";
}

std::optional<NpyArray> lathe::readNpy(const std::string &path, std::string &error) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    error = path + ": cannot be opened";
    return std::nullopt;
  }
  std::string file((std::istreambuf_iterator<char>(stream)), {});
  auto byte = [&](size_t i) { return size_t(uint8_t(file[i])); };
  if (file.size() < 12 || std::string_view(file).substr(0, 6) != Magic || byte(6) < 1 || byte(6) > 2) {
    error = path + ": is not an .npy file of version 1 or 2";
    return std::nullopt;
  }
  size_t start = byte(6) == 1 ? 10 : 12, length = byte(8) | byte(9) << 8;
  if (start == 12)
    length |= byte(10) << 16 | byte(11) << 24;
  if (length > file.size() - start) {
    error = path + ": header has " + std::to_string(length) + " bytes but the file only " + std::to_string(file.size());
    return std::nullopt;
  }
  NpyArray array;
  if (std::string wrong = parseHeader(std::string_view(file).substr(start, length), array); !wrong.empty()) {
    error = path + ": " + wrong;
    return std::nullopt;
  }
  size_t found = file.size() - start - length;
  std::optional<size_t> bytes = countBytes(array);
  if (!bytes || *bytes != found) {
    error = path + ": has " + std::to_string(found) + " bytes of data, which its shape and type do not take";
    return std::nullopt;
  }
  array.Bytes.assign(file.begin() + start + length, file.end());
  return array;
}

bool lathe::writeNpy(const std::string &path, const NpyArray &array, std::string &error) {
  std::string header = "{'descr': '" + std::string(elementBytes(array.Type) == 1 ? "|" : "<") + array.Type +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t size : array.Shape)
    header += std::to_string(size) + ",";
  header += "), }";
  // Data starts at a multiple of 64 bytes; the header ends in a line feed.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::ofstream stream(path, std::ios::binary);
  stream << Magic << '\1' << '\0' << char(header.size() & 255) << char(header.size() >> 8) << header;
  stream.write(reinterpret_cast<const char *>(array.Bytes.data()), std::streamsize(array.Bytes.size()));
  stream.flush();
  if (!stream) {
    error = path + ": cannot be written";
    return false;
  }
  return true;
}

#ifndef LATHE_RUNTIME_ARTIFACT_JSONFIELD_H
#define LATHE_RUNTIME_ARTIFACT_JSONFIELD_H

#include "runtime/Failure.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe::runtime {

/// A JSON value and the path that leads to it, so that a message can name both. Every accessor throws LATHE_CORRUPT
/// with what was found and what is needed.
class JsonField {
public:
  JsonField(const nlohmann::json &value, std::string path) : value(value), path(std::move(path)) {}

  const std::string &where() const { return path; }
  bool has(const char *key) const { return value.is_object() && value.contains(key); }
  bool isText() const { return value.is_string(); }

  JsonField operator[](const char *key) const {
    if (!value.is_object())
      wrong("an object");
    auto found = value.find(key);
    if (found == value.end())
      throw Failure(LATHE_CORRUPT, path, " has no '", key, "'");
    return {*found, path + "." + key};
  }

  std::vector<JsonField> items() const {
    if (!value.is_array())
      wrong("an array");
    std::vector<JsonField> fields;
    for (size_t i = 0; i != value.size(); ++i)
      fields.emplace_back(value[i], path + "[" + std::to_string(i) + "]");
    return fields;
  }

  std::vector<std::pair<std::string, JsonField>> members() const {
    if (!value.is_object())
      wrong("an object");
    std::vector<std::pair<std::string, JsonField>> fields;
    for (auto &[key, member] : value.items())
      fields.emplace_back(key, JsonField(member, path + "." + key));
    return fields;
  }

  /// A string that is not empty.
  std::string text() const {
    if (!value.is_string() || value.get_ref<const std::string &>().empty())
      wrong("a string that is not empty");
    return value.get<std::string>();
  }

  bool boolean() const {
    if (!value.is_boolean())
      wrong("true or false");
    return value.get<bool>();
  }

  int64_t integer(int64_t min, int64_t max = std::numeric_limits<int64_t>::max()) const {
    bool fits = value.is_number_integer() &&
                !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()));
    if (!fits || value.get<int64_t>() < min || value.get<int64_t>() > max)
      wrong(max == std::numeric_limits<int64_t>::max()
                ? "an integer of at least " + std::to_string(min)
                : "an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return value.get<int64_t>();
  }

  [[noreturn]] void wrong(const std::string &needed) const {
    // `replace`: a damaged file may hold bytes that are not UTF-8.
    std::string found = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (found.size() > 60)
      found = found.substr(0, 60) + "...";
    throw Failure(LATHE_CORRUPT, path, " is ", found, " but must be ", needed);
  }

private:
  const nlohmann::json &value;
  std::string path;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_JSONFIELD_H

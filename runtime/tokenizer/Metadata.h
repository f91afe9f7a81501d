#ifndef LATHE_RUNTIME_TOKENIZER_METADATA_H
#define LATHE_RUNTIME_TOKENIZER_METADATA_H

#include "runtime/artifact/Artifact.h"
#include "runtime/gguf/GgufFile.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// The `tokenizer.*` entries of a model, from a GGUF file or from the tokenizer section of an artifact, which is one.
/// Strings are views into the mapped file, which this keeps mapped.
///
/// The getters return nothing, or `absent`, where the key is absent; an entry of another type is LATHE_CORRUPT with
/// file, key, what was found and what is needed.
class Metadata {
public:
  using Entries = std::vector<std::pair<std::string, gguf::Value>>;

  /// A GGUF file or an artifact. LATHE_NOT_FOUND: it cannot be opened. LATHE_CORRUPT: it is neither, or damaged.
  /// LATHE_UNSUPPORTED: an artifact without a tokenizer.
  static std::shared_ptr<const Metadata> open(const std::string &path);
  /// The tokenizer section of `artifact`, which `owner` keeps alive. LATHE_UNSUPPORTED: there is none.
  static std::shared_ptr<const Metadata> fromArtifact(const Artifact &artifact, std::shared_ptr<const void> owner);
  /// A GGUF file in memory that outlives this.
  static std::shared_ptr<const Metadata> fromBytes(std::string where, std::span<const unsigned char> bytes,
                                                   std::shared_ptr<const void> owner);

  /// How messages name the file.
  const std::string &where() const { return place; }
  const gguf::Value *find(std::string_view key) const;

  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<uint64_t> number(std::string_view key) const;
  /// The strings of an array; `required`: an absent key is LATHE_CORRUPT too.
  std::span<const std::string_view> texts(std::string_view key, bool required) const;
  /// An array of numbers that has `count` elements, or null.
  const gguf::Value *numbers(std::string_view key, uint64_t count) const;
  /// The bytes of an array of u8 or i8; empty where the key is absent.
  std::string_view bytes(std::string_view key) const;

  /// Throws LATHE_CORRUPT with "file: 'key' text".
  [[noreturn]] void wrong(std::string_view key, const std::string &text) const;

private:
  Metadata() = default;
  [[noreturn]] void wrongType(std::string_view key, const gguf::Value &value, const char *needed) const;

  std::string place;
  std::shared_ptr<const void> storage; ///< what `entries` points into
  Entries ownEntries;
  const Entries *entries = &ownEntries;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_METADATA_H

#ifndef LATHE_RUNTIME_API_STATUS_H
#define LATHE_RUNTIME_API_STATUS_H

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace lathe::runtime {

/// A status with the message "function: text". Never fails: without memory it is a constant one.
lathe_status makeStatus(lathe_code code, const char *function, const char *text) noexcept;

/// Runs `body` for the C function of this name and turns whatever it throws into a status.
template <typename Body> lathe_status guarded(const char *function, Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Failure &failure) {
    return makeStatus(failure.code(), function, failure.what());
  } catch (const std::bad_alloc &) {
    return makeStatus(LATHE_OUT_OF_MEMORY, function, "the system gives no more memory");
  } catch (const std::exception &error) {
    return makeStatus(LATHE_DEVICE_ERROR, function, error.what());
  }
}

/// The caller's options in this version's layout: fields that an older caller lacks are zero.
template <typename Options> Options readOptions(const Options *given, bool required) {
  Options options{};
  if (!given) {
    if (required)
      throw Failure(LATHE_INVALID_ARGUMENT, "the options are NULL");
    options.struct_size = sizeof(Options);
    return options;
  }
  size_t size = given->struct_size;
  if (size < sizeof(size_t))
    throw Failure(LATHE_INVALID_ARGUMENT, "struct_size is ", size, " but this version's struct has ", sizeof(Options),
                  "; set it to sizeof the struct");
  // A newer caller's extra fields must be off: this version does not know what they ask for.
  const auto *bytes = reinterpret_cast<const unsigned char *>(given);
  for (size_t i = sizeof(Options); i < size; ++i)
    if (bytes[i] != 0)
      throw Failure(LATHE_UNSUPPORTED, "struct_size is ", size, " and a field behind this version's ", sizeof(Options),
                    " bytes is set; use a newer runtime");
  std::memcpy(&options, given, std::min(size, sizeof(Options)));
  return options;
}

/// Writes as much of `found` as a caller has room for, whose `struct_size` stays.
template <typename Struct> void giveStruct(Struct found, Struct *given) {
  found.struct_size = given->struct_size;
  std::memcpy(given, &found, std::min(given->struct_size, sizeof(found)));
}

/// For pointers that a function cannot do without.
inline void require(const void *pointer, const char *name) {
  if (!pointer)
    throw Failure(LATHE_INVALID_ARGUMENT, name, " is NULL");
}

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_API_STATUS_H

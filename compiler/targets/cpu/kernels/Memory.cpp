// The three functions that LLVM may call where no source does. They are compiled as freestanding code, so that their
// own loops are not turned into calls of themselves.
#include <cstddef>

extern "C" void *memcpy(void *__restrict target, const void *__restrict source, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    static_cast<char *>(target)[i] = static_cast<const char *>(source)[i];
  return target;
}

extern "C" void *memmove(void *target, const void *source, size_t bytes) {
  auto *to = static_cast<char *>(target);
  auto *from = static_cast<const char *>(source);
  if (to < from)
    for (size_t i = 0; i < bytes; ++i)
      to[i] = from[i];
  else
    for (size_t i = bytes; i > 0; --i)
      to[i - 1] = from[i - 1];
  return target;
}

extern "C" void *memset(void *target, int value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    static_cast<char *>(target)[i] = static_cast<char>(value);
  return target;
}

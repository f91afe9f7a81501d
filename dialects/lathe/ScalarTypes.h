// The element types that scalar functions compute in, in classes, for macros that make one function a type.
//
// LATHE_EACH_<CLASS>(M, ...) expands M(name, T, W, ...) for each type of the class. `name` is MLIR's for the element
// type, T the C type and W the type that arithmetic wraps around in: T itself for floats, an unsigned type of at least
// 32 bits for integers.
#ifndef LATHE_DIALECTS_LATHE_SCALARTYPES_H
#define LATHE_DIALECTS_LATHE_SCALARTYPES_H

#include "dialects/lathe/PowInteger.h"

#include <cstdint>

// f16 and bf16 values are f32 until they are stored.
#define LATHE_EACH_FLOAT(M, ...)                                                                                       \
  M(f32, float, float __VA_OPT__(, ) __VA_ARGS__) M(f64, double, double __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_SIGNED_INTEGER(M, ...)                                                                              \
  M(i8, int8_t, uint32_t __VA_OPT__(, ) __VA_ARGS__)                                                                   \
  M(i16, int16_t, uint32_t __VA_OPT__(, ) __VA_ARGS__)                                                                 \
  M(i32, int32_t, uint32_t __VA_OPT__(, ) __VA_ARGS__) M(i64, int64_t, uint64_t __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_UNSIGNED_INTEGER(M, ...)                                                                            \
  M(ui8, uint8_t, uint32_t __VA_OPT__(, ) __VA_ARGS__)                                                                 \
  M(ui16, uint16_t, uint32_t __VA_OPT__(, ) __VA_ARGS__)                                                               \
  M(ui32, uint32_t, uint32_t __VA_OPT__(, ) __VA_ARGS__) M(ui64, uint64_t, uint64_t __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_BOOL(M, ...) M(i1, bool, uint32_t __VA_OPT__(, ) __VA_ARGS__)

#define LATHE_EACH_INTEGER(M, ...)                                                                                     \
  LATHE_EACH_SIGNED_INTEGER(M __VA_OPT__(, ) __VA_ARGS__) LATHE_EACH_UNSIGNED_INTEGER(M __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_SIGNED(M, ...)                                                                                      \
  LATHE_EACH_FLOAT(M __VA_OPT__(, ) __VA_ARGS__) LATHE_EACH_SIGNED_INTEGER(M __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_NUMBER(M, ...)                                                                                      \
  LATHE_EACH_FLOAT(M __VA_OPT__(, ) __VA_ARGS__) LATHE_EACH_INTEGER(M __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_BITS(M, ...)                                                                                        \
  LATHE_EACH_INTEGER(M __VA_OPT__(, ) __VA_ARGS__) LATHE_EACH_BOOL(M __VA_OPT__(, ) __VA_ARGS__)
#define LATHE_EACH_ANY(M, ...)                                                                                         \
  LATHE_EACH_NUMBER(M __VA_OPT__(, ) __VA_ARGS__) LATHE_EACH_BOOL(M __VA_OPT__(, ) __VA_ARGS__)

#endif // LATHE_DIALECTS_LATHE_SCALARTYPES_H

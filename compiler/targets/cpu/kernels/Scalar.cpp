// The elementwise operations as functions `lathe_scalar_<mnemonic>_<type>`: one for each type of each line of
// ScalarOps.def.
#include "compiler/targets/cpu/kernels/Math.h"

using namespace lathe::cpu;

#define LATHE_DEFINE(name, Type, Wide, Result, mnemonic, expression, ...)                                              \
  LATHE_TEMPLATE Result lathe_scalar_##mnemonic##_##name(const Launch *launch, __VA_ARGS__) {                          \
    using T [[maybe_unused]] = Type;                                                                                   \
    using W [[maybe_unused]] = Wide;                                                                                   \
    [[maybe_unused]] const Math math{launch};                                                                          \
    return Result(expression);                                                                                         \
  }
#define LATHE_DEFINE_UNARY(name, Type, Wide, mnemonic, expression)                                                     \
  LATHE_DEFINE(name, Type, Wide, Type, mnemonic, expression, Type x)
#define LATHE_DEFINE_PREDICATE(name, Type, Wide, mnemonic, expression)                                                 \
  LATHE_DEFINE(name, Type, Wide, bool, mnemonic, expression, Type x)
#define LATHE_DEFINE_BINARY(name, Type, Wide, mnemonic, expression)                                                    \
  LATHE_DEFINE(name, Type, Wide, Type, mnemonic, expression, Type x, Type y)
#define LATHE_DEFINE_COMPARISON(name, Type, Wide, mnemonic, expression)                                                \
  LATHE_DEFINE(name, Type, Wide, bool, mnemonic, expression, Type x, Type y)

#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_DEFINE_UNARY, mnemonic, expression)
#define LATHE_UNARY_ALSO LATHE_UNARY
#define LATHE_PREDICATE(Op, mnemonic, types, expression)                                                               \
  LATHE_EACH_##types(LATHE_DEFINE_PREDICATE, mnemonic, expression)
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_DEFINE_BINARY, mnemonic, expression)
#define LATHE_BINARY_ALSO LATHE_BINARY
#define LATHE_COMPARISON(Op, mnemonic, types, expression)                                                              \
  LATHE_EACH_##types(LATHE_DEFINE_COMPARISON, mnemonic, expression)
#include "dialects/lathe/ScalarOps.def"

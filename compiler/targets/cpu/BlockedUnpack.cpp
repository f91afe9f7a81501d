// The unpack function of a blocked type: a call of the one template with all of its layout constant.
#include "compiler/targets/cpu/KernelEmitter.h"
#include "dialects/lathe/BlockedNumbers.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

/// The arguments of `lathe_unpack_blocked` behind the row length; none where it does not know a number.
static SmallVector<int64_t> describeLayout(BlockedType type, int64_t length) {
  auto shared = dyn_cast<BlockedType>(type.getScale());
  Type scale = shared ? shared.getCode() : type.getScale();
  Type sharedScale = shared ? shared.getScale() : NoneType::get(type.getContext());
  Number code = getCodeNumber(type.getCode());
  int64_t bits = type.getCodeBits(), columns = type.getColumns();
  bool known = code != Number::None && (bits <= 4 || bits == 8);
  for (Type part : {scale, type.getZero(), type.getOuterScale(), sharedScale})
    known &= isa<NoneType>(part) || getPartNumber(part) != Number::None;
  if (!known)
    return {};
  // Bytes without a scale lie side by side whatever the block.
  if (bits == 8 && type.getRows() == 1 && isa<NoneType>(scale) && isa<NoneType>(type.getZero()))
    columns = length;
  auto [cellRows, cellColumns] = type.getScaleBlock();
  return {int64_t(code),
          bits,
          type.getRows(),
          columns,
          int64_t(getPartNumber(scale)),
          int64_t(getPartNumber(type.getZero())),
          int64_t(getPartNumber(type.getOuterScale())),
          cellRows,
          cellColumns,
          int64_t(getPartNumber(sharedScale))};
}

llvm::Function *cpu::getBlockedUnpack(TemplateLibrary &library, BlockedType type, int64_t columns) {
  SmallVector<int64_t> layout = describeLayout(type, columns);
  if (layout.empty())
    return nullptr;
  llvm::Function *unpack = library.get("lathe_unpack_blocked");
  assert(unpack && unpack->arg_size() == layout.size() + 5 && "as kernels/Blocked.cpp has it");
  std::string name = "lathe_unpack_blocked_" + std::to_string(columns);
  for (int64_t number : layout)
    name += "_" + std::to_string(number);
  llvm::Module &module = library.getModule();
  if (llvm::Function *known = module.getFunction(name))
    return known;
  llvm::FunctionType *own = library.get("lathe_unpack_f32")->getFunctionType();
  llvm::Function *function = createInternalFunction(module, own->getReturnType(), own->params(), name);
  llvm::IRBuilder<> builder(&function->getEntryBlock());
  SmallVector<llvm::Value *> arguments;
  for (llvm::Argument &argument : function->args())
    arguments.push_back(&argument);
  layout.insert(layout.begin(), columns);
  for (int64_t number : layout)
    arguments.push_back(llvm::ConstantInt::get(unpack->getArg(arguments.size())->getType(), number));
  builder.CreateCall(unpack, arguments);
  builder.CreateRetVoid();
  return function;
}

// Generated code: the elementwise part of a fusion, as loops that LLVM turns into vector code.
//
// A store function gets a run of elements. Where a body broadcasts or transposes, the run is cut into segments in which
// every operand lies at constant steps: `granule` elements, or less where the run begins or ends in between. Places are
// worked out once a segment; the inner loop only adds.
#include "compiler/targets/cpu/KernelEmitter.h"
#include "llvm/IR/MDBuilder.h"
#include <numeric>

using namespace mlir;
using namespace lathe;
using namespace lathe::cpu;

namespace {

/// Elements of an operand for the elements of a result: its place is the sum of coordinate * stride.
struct Access {
  SmallVector<AffineExpr> Sizes;   ///< of the result
  SmallVector<AffineExpr> Strides; ///< in the operand, 0 where it repeats
  AffineExpr Granule;              ///< result elements, from a multiple of this on, that lie at steps of InnerStride
  AffineExpr InnerStride;
};

/// Where the elements of a run are: element j at Base + j * Stride. `Each` instead gives the place of element j alone.
struct Place {
  llvm::Value *Base = nullptr, *Stride = nullptr;
  llvm::Value *Each = nullptr;
};

class StoreEmitter {
public:
  StoreEmitter(const KernelBody &body, const KernelPart &part, Operation *root, ArrayRef<unsigned> outputs,
               TemplateLibrary &library, StringRef name)
      : Body(body), Part(part), Root(root), Outputs(outputs), Library(library),
        Context(library.getModule().getContext()), Outer(Context), Inner(Context), Name(name) {}

  FailureOr<llvm::Function *> emit();

private:
  void createFunction();
  void createScopes();
  LogicalResult collectAccesses();
  void createLoops();
  void closeLoops();

  std::optional<Access> getAccess(OpOperand &operand);
  Access makeAccess(ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> strides);
  Place apply(const Access &access, const Place &place);
  llvm::Value *locate(llvm::IRBuilderBase &builder, const Access &access, llvm::Value *element);
  llvm::Value *getElement(const Place &place);

  llvm::Type *getValueType(Value value);
  FailureOr<llvm::Value *> evaluate(Value value, unsigned place);
  llvm::Value *loadRoot(Value value);
  FailureOr<llvm::Value *> evaluateOperation(Operation *op, unsigned place);
  FailureOr<llvm::Value *> load(Value argument, const Place &place);
  llvm::Value *convert(llvm::Value *value, Type from, Type to);
  LogicalResult store(unsigned output, llvm::Value *value);

  const KernelBody &Body;
  const KernelPart &Part;
  Operation *Root; // whose elements come in
  ArrayRef<unsigned> Outputs;
  TemplateLibrary &Library;
  llvm::LLVMContext &Context;
  llvm::IRBuilder<> Outer, Inner; // code of a segment; code of an element
  std::string Name;

  llvm::Function *Function = nullptr;
  std::optional<KernelFrame> Frame;
  llvm::Value *Values, *First, *Count;
  llvm::DenseMap<OpOperand *, Access> Accesses;
  AffineExpr Granule; // null: the whole run is one segment
  llvm::Value *Position = nullptr, *Length = nullptr, *Index = nullptr;
  llvm::BasicBlock *Header = nullptr, *Exit = nullptr;
  SmallVector<Place> Places; // number 0: the run's own elements
  llvm::DenseMap<std::pair<Value, unsigned>, llvm::Value *> Known;
  SmallVector<llvm::MDNode *> Scopes; // one alias scope for each output
};

} // namespace

void StoreEmitter::createFunction() {
  llvm::Type *pointer = Outer.getPtrTy(), *i64 = Outer.getInt64Ty();
  auto *type = llvm::FunctionType::get(Outer.getVoidTy(), {pointer, pointer, i64, i64}, false);
  Function = llvm::Function::Create(type, llvm::Function::InternalLinkage, Name, Library.getModule());
  Function->setDoesNotThrow();
  Outer.SetInsertPoint(llvm::BasicBlock::Create(Context, "entry", Function));
  auto loadField = [&](unsigned field) {
    llvm::Value *address = Outer.CreateConstInBoundsGEP1_64(pointer, Function->getArg(0), field);
    return Outer.CreateLoad(pointer, address);
  };
  llvm::Value *buffers = loadField(1), *dims = loadField(2);
  Frame.emplace(Outer, Body, buffers, dims);
  Values = Function->getArg(1);
  First = Function->getArg(2);
  Count = Function->getArg(3);
}

/// Buffers in use at the same time do not overlap (plan.clone C2), so what is stored to one is not loaded from another.
void StoreEmitter::createScopes() {
  llvm::MDBuilder builder(Context);
  llvm::MDNode *domain = builder.createAnonymousAliasScopeDomain(Name);
  for (unsigned i = 0; i < Outputs.size(); ++i)
    Scopes.push_back(builder.createAnonymousAliasScope(domain));
}

//===- Places -----------------------------------------------------------------------------------------------------===//

static bool isOne(AffineExpr expression) {
  auto constant = dyn_cast<AffineConstantExpr>(expression);
  return constant && constant.getValue() == 1;
}

Access StoreEmitter::makeAccess(ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> strides) {
  MLIRContext *context = Body.getLaunch()->getContext();
  Access access{SmallVector<AffineExpr>(sizes), SmallVector<AffineExpr>(strides), getAffineConstantExpr(1, context),
                getAffineConstantExpr(0, context)};
  // The last dimensions in which the operand either repeats, or advances as one.
  bool started = false;
  for (unsigned d = sizes.size(); d-- > 0;) {
    if (isOne(sizes[d]))
      continue;
    if (!started)
      access.InnerStride = strides[d];
    else if (strides[d] != access.InnerStride * access.Granule)
      break;
    started = true;
    access.Granule = access.Granule * sizes[d];
  }
  return access;
}

/// How `operand` is read where its place is not simply that of the result.
std::optional<Access> StoreEmitter::getAccess(OpOperand &operand) {
  Operation *op = operand.getOwner();
  MLIRContext *context = op->getContext();
  ArrayRef<AffineExpr> sizes = Body.getDims(op->getResult(0)), from = Body.getDims(operand.get());
  SmallVector<AffineExpr> strides(sizes.size(), getAffineConstantExpr(0, context));
  AffineExpr stride = getAffineConstantExpr(1, context);
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    SmallVector<AffineExpr> own(from.size());
    for (unsigned d = from.size(); d-- > 0; stride = stride * from[d])
      own[d] = stride;
    for (auto [d, source] : llvm::enumerate(transpose.getPermutation()))
      strides[d] = own[source];
    return makeAccess(sizes, strides);
  }
  if (isa<ReshapeOp>(op))
    return std::nullopt;
  bool repeats = false;
  for (unsigned d = sizes.size(); d-- > 0;) {
    int64_t source = int64_t(d) - int64_t(sizes.size() - from.size());
    bool absent = source < 0 || (isOne(from[source]) && !isOne(sizes[d]));
    repeats |= absent && !isOne(sizes[d]);
    if (absent)
      continue;
    strides[d] = stride;
    stride = stride * from[source];
  }
  if (!repeats)
    return std::nullopt;
  return makeAccess(sizes, strides);
}

/// Finds the accesses of the body and the granule that suits all of them: runs of that many elements from a multiple of
/// it on cross the end of no operand's run.
LogicalResult StoreEmitter::collectAccesses() {
  for (Operation *op : Part.Ops) {
    if (llvm::is_contained(Part.Roots, op))
      continue;
    for (OpOperand &operand : op->getOpOperands()) {
      std::optional<Access> access = getAccess(operand);
      if (!access)
        continue;
      Accesses[&operand] = *access;
      if (!Granule || Granule == access->Granule) {
        Granule = access->Granule;
        continue;
      }
      auto a = dyn_cast<AffineConstantExpr>(Granule), b = dyn_cast<AffineConstantExpr>(access->Granule);
      Granule = getAffineConstantExpr(a && b ? std::gcd(a.getValue(), b.getValue()) : 1, op->getContext());
    }
  }
  return success();
}

/// The operand's place of element `element` of the result.
llvm::Value *StoreEmitter::locate(llvm::IRBuilderBase &builder, const Access &access, llvm::Value *element) {
  llvm::Value *place = builder.getInt64(0);
  for (unsigned d = access.Sizes.size(); d-- > 0;) {
    if (isOne(access.Sizes[d]))
      continue;
    llvm::Value *size = Frame->emit(builder, access.Sizes[d]), *stride = Frame->emit(builder, access.Strides[d]);
    // The outermost coordinate is what is left.
    bool last = llvm::all_of(ArrayRef(access.Sizes).take_front(d), isOne);
    llvm::Value *coordinate = last ? element : builder.CreateURem(element, size);
    place = builder.CreateAdd(place, builder.CreateMul(coordinate, stride));
    if (!last)
      element = builder.CreateUDiv(element, size);
  }
  return place;
}

llvm::Value *StoreEmitter::getElement(const Place &place) {
  if (place.Each)
    return place.Each;
  return Inner.CreateAdd(place.Base, Inner.CreateMul(Index, place.Stride));
}

Place StoreEmitter::apply(const Access &access, const Place &place) {
  auto *stride = place.Stride ? dyn_cast<llvm::ConstantInt>(place.Stride) : nullptr;
  if (stride && stride->isZero())
    return {locate(Outer, access, place.Base), place.Stride, nullptr};
  if (stride && stride->isOne())
    return {locate(Outer, access, place.Base), Frame->emit(Outer, access.InnerStride), nullptr};
  return {nullptr, nullptr, locate(Inner, access, getElement(place))};
}

//===- Loops ------------------------------------------------------------------------------------------------------===//

/// for (position = first; position < first + count; position += length) for (index = 0; index < length; ++index)
void StoreEmitter::createLoops() {
  llvm::BasicBlock *entry = Outer.GetInsertBlock();
  Header = llvm::BasicBlock::Create(Context, "segment", Function);
  auto *segment = llvm::BasicBlock::Create(Context, "segment.body", Function);
  auto *element = llvm::BasicBlock::Create(Context, "element", Function);
  Exit = llvm::BasicBlock::Create(Context, "exit", Function);
  llvm::Value *granule = Granule ? Frame->emit(Outer, Granule) : nullptr;
  llvm::Value *end = Outer.CreateAdd(First, Count);
  Outer.CreateBr(Header);

  Outer.SetInsertPoint(Header);
  llvm::PHINode *position = Outer.CreatePHI(Outer.getInt64Ty(), 2, "position");
  position->addIncoming(First, entry);
  Outer.CreateCondBr(Outer.CreateICmpSLT(position, end), segment, Exit);

  Outer.SetInsertPoint(segment);
  Length = Outer.CreateSub(end, position);
  if (granule) {
    llvm::Value *left = Outer.CreateSub(granule, Outer.CreateURem(position, granule));
    Length = Outer.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, Length);
  }
  Position = position;
  // Code of the segment goes in front of this branch.
  Outer.SetInsertPoint(Outer.CreateBr(element));

  Inner.SetInsertPoint(element);
  llvm::PHINode *index = Inner.CreatePHI(Inner.getInt64Ty(), 2, "index");
  index->addIncoming(Inner.getInt64(0), segment);
  Index = index;
  Places.push_back({Position, Inner.getInt64(1), nullptr});
}

void StoreEmitter::closeLoops() {
  auto *index = cast<llvm::PHINode>(Index);
  auto *position = cast<llvm::PHINode>(Position);
  auto *next = llvm::BasicBlock::Create(Context, "segment.next", Function, Exit);
  llvm::Value *following = Inner.CreateAdd(index, Inner.getInt64(1), "", true, true);
  index->addIncoming(following, Inner.GetInsertBlock());
  Inner.CreateCondBr(Inner.CreateICmpSLT(following, Length), index->getParent(), next);
  Inner.SetInsertPoint(next);
  position->addIncoming(Inner.CreateAdd(position, Length), next);
  Inner.CreateBr(Header);
  Inner.SetInsertPoint(Exit);
  Inner.CreateRetVoid();
}

//===- Elements ---------------------------------------------------------------------------------------------------===//

static Type getElementType(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

std::string cpu::getScalarName(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return (integer.isUnsigned() ? "ui" : "i") + std::to_string(integer.getWidth());
  return element.isF64() ? "f64" : "f32";
}

/// f16 and bf16 values are f32 until they are stored; all others have their own type.
llvm::Type *StoreEmitter::getValueType(Value value) {
  Type element = getElementType(value);
  if (element.isF16() || element.isBF16() || element.isF32())
    return Inner.getFloatTy();
  if (element.isF64())
    return Inner.getDoubleTy();
  return Inner.getIntNTy(element.getIntOrFloatBitWidth());
}

FailureOr<llvm::Value *> StoreEmitter::load(Value argument, const Place &place) {
  Type element = getElementType(argument);
  llvm::Value *base = Frame->Buffers[cast<BlockArgument>(argument).getArgNumber()];
  llvm::Value *at = getElement(place);
  auto read = [&](llvm::Type *type) {
    llvm::LoadInst *value = Inner.CreateLoad(type, Inner.CreateInBoundsGEP(type, base, at));
    SmallVector<llvm::Metadata *> scopes(Scopes.begin(), Scopes.end());
    value->setMetadata(llvm::LLVMContext::MD_noalias, llvm::MDNode::get(Context, scopes));
    return value;
  };
  if (element.isF32())
    return read(Inner.getFloatTy());
  if (element.isF16())
    return Inner.CreateFPExt(read(Inner.getHalfTy()), Inner.getFloatTy());
  if (element.isBF16()) {
    llvm::Value *bits = Inner.CreateZExt(read(Inner.getInt16Ty()), Inner.getInt32Ty());
    return Inner.CreateBitCast(Inner.CreateShl(bits, 16), Inner.getFloatTy());
  }
  if (element.isInteger(1))
    return Inner.CreateIsNotNull(read(Inner.getInt8Ty()));
  if (element.isIntOrFloat())
    return read(getValueType(argument));
  return Body.getLaunch()->emitOpError() << "moves elements of type " << element << ", which the CPU cannot load";
}

/// The element of a root's result: from what comes in, or from where an earlier root of the part left it.
llvm::Value *StoreEmitter::loadRoot(Value value) {
  llvm::Type *type = getValueType(value);
  if (value.getDefiningOp() != Root) {
    llvm::Value *memory = Frame->Buffers[Body.getBlock().getNumArguments() + Part.Outputs[0]];
    return Inner.CreateLoad(type, Inner.CreateInBoundsGEP(type, memory, getElement(Places[0])));
  }
  // The root's values are those of the whole run, of which this segment is a part.
  llvm::Value *offset = Inner.CreateAdd(Outer.CreateSub(Position, First), Index);
  return Inner.CreateLoad(type, Inner.CreateInBoundsGEP(type, Values, offset));
}

FailureOr<llvm::Value *> StoreEmitter::evaluate(Value value, unsigned place) {
  if (Operation *producer = value.getDefiningOp(); producer && llvm::is_contained(Part.Roots, producer)) {
    if (place != 0)
      return producer->emitOpError() << "has a result that the same launch reads at another place than it is computed; "
                                        "end the fusion behind this operation";
    return loadRoot(value);
  }
  auto known = Known.find({value, place});
  if (known != Known.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  FailureOr<llvm::Value *> result = op ? evaluateOperation(op, place) : load(value, Place(Places[place]));
  if (succeeded(result))
    Known[{value, place}] = *result;
  return result;
}

FailureOr<llvm::Value *> StoreEmitter::evaluateOperation(Operation *op, unsigned place) {
  SmallVector<llvm::Value *> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    unsigned from = place;
    if (auto access = Accesses.find(&operand); access != Accesses.end()) {
      from = Places.size();
      Places.push_back(apply(access->second, Place(Places[place])));
    }
    FailureOr<llvm::Value *> value = evaluate(operand.get(), from);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  if (isa<ReshapeOp, TransposeOp>(op))
    return operands[0];
  if (isa<SelectOp>(op))
    return Inner.CreateSelect(operands[0], operands[1], operands[2]);
  if (isa<CastOp>(op))
    return convert(operands[0], getElementType(op->getOperand(0)), getElementType(op->getResult(0)));
  llvm::Function *scalar = Library.get(
      ("lathe_scalar_" + op->getName().stripDialect() + "_" + getScalarName(getElementType(op->getOperand(0)))).str());
  assert(scalar && "ScalarOps.def has a line for each type that a generated operation computes in");
  operands.insert(operands.begin(), Function->getArg(0));
  return Inner.CreateCall(scalar, operands);
}

/// The value of `lathe.cast`.
llvm::Value *StoreEmitter::convert(llvm::Value *value, Type from, Type to) {
  llvm::Type *type = isa<FloatType>(to) ? (to.isF64() ? Inner.getDoubleTy() : Inner.getFloatTy())
                                        : Inner.getIntNTy(to.getIntOrFloatBitWidth());
  bool fromSigned = !from.isUnsignedInteger() && !from.isInteger(1);
  if (to.isInteger(1))
    return isa<FloatType>(from) ? Inner.CreateFCmpUNE(value, llvm::ConstantFP::getZero(value->getType()))
                                : Inner.CreateIsNotNull(value);
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return Inner.CreateFPCast(value, type);
  if (isa<FloatType>(from))
    return Inner.CreateIntrinsic(to.isUnsignedInteger() ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat,
                                 {type, value->getType()}, {value});
  if (isa<FloatType>(to))
    return fromSigned ? Inner.CreateSIToFP(value, type) : Inner.CreateUIToFP(value, type);
  return Inner.CreateIntCast(value, type, fromSigned);
}

LogicalResult StoreEmitter::store(unsigned output, llvm::Value *value) {
  unsigned number = Outputs[output];
  Type element = getElementType(Body.getYield()->getOperand(number));
  if (element.isInteger(1))
    value = Inner.CreateZExt(value, Inner.getInt8Ty());
  else if (element.isF16())
    value = Inner.CreateFPTrunc(value, Inner.getHalfTy());
  else if (element.isBF16())
    value = Inner.CreateCall(Library.get("lathe_round_bf16"), {value});
  llvm::Value *base = Frame->Buffers[Body.getBlock().getNumArguments() + number];
  llvm::Value *address = Inner.CreateInBoundsGEP(value->getType(), base, getElement(Places[0]));
  llvm::StoreInst *instruction = Inner.CreateStore(value, address);
  instruction->setMetadata(llvm::LLVMContext::MD_alias_scope, llvm::MDNode::get(Context, {Scopes[output]}));
  return success();
}

FailureOr<llvm::Function *> StoreEmitter::emit() {
  if (failed(collectAccesses()))
    return failure();
  createFunction();
  createScopes();
  createLoops();
  SmallVector<llvm::Value *> results;
  for (unsigned output : Outputs) {
    bool whole = !Root || Root == Part.getRoot(); // else the element itself, for the part's last root
    FailureOr<llvm::Value *> value = evaluate(whole ? Body.getOutput(output) : Value(Root->getResult(0)), 0);
    if (failed(value))
      return failure();
    results.push_back(*value);
  }
  for (auto [i, value] : llvm::enumerate(results))
    if (failed(store(i, value)))
      return failure();
  closeLoops();
  return Function;
}

FailureOr<llvm::Function *> cpu::emitStoreFunction(const KernelBody &body, const KernelPart &part, Operation *root,
                                                   ArrayRef<unsigned> outputs, TemplateLibrary &library,
                                                   StringRef name) {
  return StoreEmitter(body, part, root, outputs, library, name).emit();
}

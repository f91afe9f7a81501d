#ifndef LATHE_DIALECTS_LATHE_LATHEDIALECT_TD
#define LATHE_DIALECTS_LATHE_LATHEDIALECT_TD

include "mlir/IR/OpBase.td"

def Lathe_Dialect : Dialect {
  let name = "lathe";
  let cppNamespace = "::lathe";
  let summary = "What a model computes: named operations on tensors, with value semantics";
  let description = [{
    The importers build this dialect directly and every pass before planning works on it. A module carries

    * `lathe.files`, an array of paths: the model files that `lathe.weight` refers to;
    * `lathe.encoder`, of models with an entry of that kind: the `pooling` it was trained with, and `max_tokens` of a text;
    * one function for each entry point, with the attributes below.

    | attribute | on | meaning |
    |---|---|---|
    | `lathe.entry` | function | `"tensor"`, `"language_model"`, or `"encoder"`: texts in, hidden states out, nothing kept |
    | `lathe.symbols` | function | array of `#lathe.symbol`: names and bounds of the dynamic sizes |
    | `lathe.range`, `lathe.clone_of` | function | a clone for a range of one symbol: the range, and the entry point |
    | `lathe.name` | argument, result | the name a caller uses |
    | `lathe.dims` | argument, result | each dimension: an integer, or the name of a symbol; of a result also an expression over symbols as people read it: `"batch*4 + 1"` |
    | `lathe.role` | argument, result | what a language model uses it for (`"tokens"`, `"slots"`, ...); `"tensor"` otherwise |

    Arithmetic on `f16` and `bf16` values is done in `f32` and rounded once, when the value is stored. Inside a
    `lathe.fusion` intermediate values are not stored, hence not rounded.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerLoopOps();
    void registerTypes();
    void registerAttributes();
  }];
}

#endif // LATHE_DIALECTS_LATHE_LATHEDIALECT_TD

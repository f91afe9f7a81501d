// Operations that hold a program together: weights, constants, regions.

def Lathe_WeightOp : Lathe_ModelOp<"weight", [Lathe_NotDifferentiable]> {
  let summary = "An immutable tensor in a model file";
  let description = [{
    Names `bytes` bytes at `offset` of the module's file number `file`. The data stays in the mapped file until the
    artifact is written.
    Constraints:
    * (C1) The result's shape is static.
    * (C2) `bytes` is what a tensor of the result's type takes.
    Example:
    ```mlir
    %w = lathe.weight "blk.0.attn_q.weight" file 0 offset 4096 bytes 36864 : tensor<256x256x!lathe.gguf<q4_k>>
    ```
  }];
  let arguments = (ins StrAttr:$name, I64Attr:$file, I64Attr:$offset, I64Attr:$bytes);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$name `file` $file `offset` $offset `bytes` $bytes attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Lathe_ConstantOp : Lathe_ModelOp<"constant", [ConstantLike, Lathe_NotDifferentiable,
    AllTypesMatch<["value", "result"]>]> {
  let summary = "A small tensor written in the program itself";
  let description = [{
    Large tensors belong into `lathe.weight`, whose data stays in its file.
    Example:
    ```mlir
    %shape = lathe.constant dense<[1, -1]> : tensor<2xi64>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Lathe_ReadSizesOp : Lathe_ModelOp<"read_sizes", [Lathe_NotDifferentiable]> {
  let summary = "Sizes that are known only when the program runs";
  let description = [{
    Reads element i of `input` as dimension i of the result. A value outside of `min[i]` to `max[i]` stops the call. It is
    the one operation whose result has dimensions that do not follow from those of its operands: each becomes a symbol
    of its own, with these bounds.
    Constraints:
    * (C1) `input`, `min`, `max` and the result have the same number of sizes.
    * (C2) 0 <= `min[i]` <= `max[i]`.
    Example:
    ```mlir
    %s = lathe.read_sizes %count min [0] max [64] : tensor<1xi64> -> !lathe.sizes<1>
    ```
  }];
  let arguments = (ins Lathe_SizesData:$input, DenseI64ArrayAttr:$min, DenseI64ArrayAttr:$max);
  let results = (outs Lathe_SizesType:$result);
  let assemblyFormat = "$input `min` $min `max` $max attr-dict `:` type($input) `->` qualified(type($result))";
  let hasVerifier = 1;
}

def Lathe_WeightProgramOp : Lathe_ModelOp<"weight_program", [Lathe_NotDifferentiable, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A tensor computed from weights alone, once, when the artifact is written";
  let description = [{
    The region holds whatever passes do to weights: casts, transposes, slices, packing. It runs tensor by tensor when the
    artifact is written, so its result costs nothing at run time.
    Constraints:
    * (C1) The region reads nothing but `lathe.weight` and `lathe.constant`.
    * (C2) It yields one value, of the result's type, whose shape is static.
    Example:
    ```mlir
    %w = lathe.weight_program "fc.weight.f16" : tensor<32x64xf16> {
      %0 = lathe.weight "fc.weight" file 0 offset 128 bytes 8192 : tensor<32x64xf32>
      %1 = lathe.cast %0 : tensor<32x64xf32> -> tensor<32x64xf16>
      lathe.yield %1 : tensor<32x64xf16>
    }
    ```
  }];
  let arguments = (ins StrAttr:$name);
  let results = (outs Lathe_AnyTensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name attr-dict `:` type($result) $body";
  let hasRegionVerifier = 1;
}

def Lathe_FusionOp : Lathe_ModelOp<"fusion", [Lathe_NotDifferentiable, Lathe_KernelRegion, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "Operations that become one kernel";
  let description = [{
    The region computes the results from the operands alone. `kernel`, once chosen, records template, parameters and
    reason.
    Constraints:
    * (C1) The region's arguments have the operands' types.
    * (C2) `lathe.yield` passes values of the results' types.
    Example:
    ```mlir
    %y = lathe.fusion(%x, %b) kernel <"elementwise", {}, "no reduction"> :
        (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32> {
    ^bb0(%a0: tensor<4xf32>, %a1: tensor<4xf32>):
      %0 = lathe.add %a0, %a1 : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
      lathe.yield %0 : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands, OptionalAttr<Lathe_KernelAttr>:$kernel);
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $operands `)` (`kernel` $kernel^)? attr-dict `:` functional-type($operands, $outputs) $body
  }];
  let hasRegionVerifier = 1;
}

def Lathe_YieldOp : Lathe_Op<"yield", [Pure, ReturnLike, Terminator, Lathe_NotDifferentiable]> {
  let summary = "Ends a region and passes its results on";
  let description = [{
    Example:
    ```mlir
    lathe.yield %0 : tensor<4xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

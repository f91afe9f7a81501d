// Attention over tensors, and the operations of language models over a ragged batch: T token rows that belong to S
// sequences.

def Lathe_AttentionOp : Lathe_ModelOp<"attention", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Weighted means of values, by how well queries match keys";
  let description = [{
    For query t of head h, over the S keys of head `g = h * key heads / heads` (Vaswani et al., 2017):
    `result[b, h, t] = sum_s softmax_s(scale * query[b, h, t] . key[b, g, s] + mask[b, h, t, s]) * value[b, g, s]`,
    accumulated in f32. With `causal`, query t sees keys up to t + S - T alone, so that the last query sees all. A query that
    sees no key, and one whose mask is -infinity for each, gives zeros. Dimensions are `[B, H, T, D]`, or `[B, T, H, D]` of
    all tensors but the mask with `tokens_first`.
    Constraints:
    * (C1) `query`, `key`, `value` and `result` have rank 4 and one element type, but `result` may be f32.
    * (C2) Their batches agree, as do the widths of query and key and those of value and result; key and value have the
      same heads and tokens, result and query as well.
    * (C3) The heads of `key` divide those of `query`.
    * (C4) Each dimension of `mask` is 1 or that of `[B, H, T, S]`.
    Example:
    ```mlir
    %y = lathe.attention %q, %k, %v mask %m : tensor<?x1x1x16xf32> scale 1.25e-01 :
        tensor<?x4x16x64xf32>, tensor<?x2x16x64xf32>, tensor<?x2x16x32xf32> -> tensor<?x4x16x32xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$query, Lathe_FloatTensor:$key, Lathe_FloatTensor:$value,
                       Optional<Lathe_FloatTensor>:$mask, F32Attr:$scale, UnitAttr:$causal, UnitAttr:$tokens_first);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` $mask^ `:` type($mask))? `scale` $scale (`causal` $causal^)?
    (`tokens_first` $tokens_first^)? attr-dict `:` type($query) `,` type($key) `,` type($value) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Numbers of the dimensions that count heads and tokens.
    unsigned getHeadDim() { return getTokensFirst() ? 2 : 1; }
    unsigned getTokenDim() { return getTokensFirst() ? 1 : 2; }
  }];
}

def Lathe_RopeOp : Lathe_ModelOp<"rope", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
    AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotary position embedding";
  let description = [{
    Rotates pairs of elements of each head `[T, H, D]` by angles that grow with the token's position (Su et al., 2021):
    `theta_i = positions[t, 0] * base^(-2 i / dimensions) / factors[i]` for i < dimensions / 2, and
    `(a, b) -> magnitude * (a cos - b sin, a sin + b cos)`. With `adjacent` pairing the pair is elements 2i and 2i + 1, with
    `halves` i and i + dimensions / 2. Elements from `dimensions` on pass through. A magnitude other than 1 belongs to
    embeddings that are stretched to longer contexts (Peng et al., 2023).
    Constraints:
    * (C1) `input` has rank 3; `positions` is `[T, k]` with k >= 1.
    * (C2) `dimensions` is even, positive and at most D.
    * (C3) `factors`, when given, has dimensions / 2 elements.
    * (C4) `magnitude` > 0.
    Example:
    ```mlir
    %q1 = lathe.rope %q, %positions adjacent base 1.0e+04 dimensions 64 :
        tensor<?x4x64xf32>, tensor<?x1xi32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, RankedTensorOf<[I32]>:$positions, Optional<1DTensorOf<[F32]>>:$factors,
                       Lathe_RopePairingAttr:$pairing, F32Attr:$base, I64Attr:$dimensions,
                       DefaultValuedAttr<F32Attr, "1.0f">:$magnitude);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $positions (`factors` $factors^ `:` type($factors))? $pairing `base` $base `dimensions` $dimensions
    (`magnitude` $magnitude^)? attr-dict `:` type($input) `,` type($positions)
  }];
  let hasVerifier = 1;
}

def Lathe_RaggedAttentionOp : Lathe_ModelOp<"ragged_attention",
    [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Attention within each text of a ragged batch, which keeps nothing for later";
  let description = [{
    Text s owns the rows `row_offsets[s]` to `row_offsets[s + 1]` of all operands. Row r of it, head h, over the rows j of
    the same text (with `causal`: j <= r) of head `g = h * key heads / heads`:
    `result[r, h] = sum_j softmax_j(scale * query[r, h] . key[j, g]) * value[j, g]`, accumulated in f32. This is what
    encoders do (Devlin et al., 2019). Rows of no text give zeros.
    Constraints:
    * (C1) `query` is `[T, heads, key width]`, `key` `[T, key heads, key width]`, `value` `[T, key heads, value width]`
      and `result` `[T, heads, value width]`, of one element type; `result` may be f32.
    * (C2) The heads of `key` divide those of `query`.
    Example:
    ```mlir
    %o = lathe.ragged_attention %q, %k, %v, %offsets scale 1.25e-01 : tensor<?x4x64xf32>, tensor<?x2x64xf32>,
        tensor<?x2x32xf32>, tensor<?xi32> -> tensor<?x4x32xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$query, Lathe_FloatTensor:$key, Lathe_FloatTensor:$value,
                       1DTensorOf<[I32]>:$row_offsets, F32Attr:$scale, UnitAttr:$causal);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $row_offsets `scale` $scale (`causal` $causal^)? attr-dict `:`
    type($query) `,` type($key) `,` type($value) `,` type($row_offsets) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Lathe_AppendKvOp : Lathe_ModelOp<"append_kv", [Lathe_NotDifferentiable,
    AllTypesMatch<["state", "result"]>]> {
  let summary = "Write the keys and values of new tokens into the pages of their sequences";
  let description = [{
    Row t of `key` and `value` goes to slot `slots[t]` of layer `layer`: page `slots[t] / 16`, place `slots[t] % 16`. A slot
    of -1 writes nothing. Values are converted to the state's element type; in f8E4M3FN what is beyond 448 becomes 448,
    and blocks hold 32 neighbours of one head.
    Constraints:
    * (C1) `key` is `[T, heads, key width]`, `value` `[T, heads, value width]`, `slots` `[T]`.
    * (C2) The state's shape is `[layers, heads, key width + value width]`, its blocks, if it has any, divide both widths,
      and `layer` < layers.
    * (C3) At most one operation replaces `state`, and every other use of it comes before (the value is linear).
    Example:
    ```mlir
    %s1 = lathe.append_kv %k, %v, %s0, %slots layer 0 : tensor<?x2x64xf32>, tensor<?x2x64xf32>,
        !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$key, Lathe_FloatTensor:$value, Lathe_PagedState:$state,
                       1DTensorOf<[I32]>:$slots, I64Attr:$layer);
  let results = (outs Lathe_PagedState:$result);
  let assemblyFormat = [{
    $key `,` $value `,` $state `,` $slots `layer` $layer attr-dict `:`
    type($key) `,` type($value) `,` type($state) `,` type($slots)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = "::mlir::Value getReplacedState() { return getState(); }";
}

def Lathe_PagedAttentionOp : Lathe_ModelOp<"paged_attention", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "Causal attention of a ragged batch over paged keys and values";
  let description = [{
    Sequence s owns token rows `row_offsets[s]` to `row_offsets[s + 1]`; after this step it is `lengths[s]` tokens long, so
    its row r stands at position `p = lengths[s] - (row_offsets[s + 1] - r)`. For each head h, over the positions
    j <= p (and j > p - window, if the operation or the state has a window) found through `block_tables[s]`:
    `result[r, h] = sum_j softmax_j(scale * query[r, h] . key[j, h * kv heads / heads]) * value[j, ...]`, accumulated in f32
    (Kwon et al., 2023). With a `cap`, scores x become `cap * tanh(x / cap)` before the softmax (Gemma Team, 2024). With
    `sinks`, head h has one more score, `sinks[h]`, of a position without value (Xiao et al., 2023). Rows of no sequence,
    and sequences of length 0, give zeros.
    Constraints:
    * (C1) `query` is `[T, heads, key width]`, `result` `[T, heads, value width]`; the element types are the same.
    * (C2) The state's shape is `[layers, kv heads, key width + value width]`, or `[layers, kv heads, key width]`: then a
      key is its value and what the state has as key. Blocks divide both widths, kv heads heads, and `layer` < layers.
    * (C3) `row_offsets` is `[S + 1]`, `lengths` `[S]`, `block_tables` `[S, B]`.
    * (C4) `cap` and `window` are not negative; 0 means none. A state with a window has none smaller than `window`.
    * (C5) `sinks`, when given, has one element for each head of `query`.
    Example:
    ```mlir
    %o = lathe.paged_attention %q, %s, %offsets, %lengths, %tables layer 0 scale 1.25e-01 : tensor<?x4x64xf32>,
        !lathe.state<paged, 2x2x128xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32> -> tensor<?x4x64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$query, Lathe_PagedState:$state, 1DTensorOf<[I32]>:$row_offsets,
                       1DTensorOf<[I32]>:$lengths, 2DTensorOf<[I32]>:$block_tables, Optional<1DTensorOf<[F32]>>:$sinks,
                       I64Attr:$layer, F32Attr:$scale, DefaultValuedAttr<F32Attr, "0.0f">:$cap,
                       DefaultValuedAttr<I64Attr, "0">:$window);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $state `,` $row_offsets `,` $lengths `,` $block_tables (`sinks` $sinks^ `:` type($sinks))? `layer` $layer
    `scale` $scale (`cap` $cap^)? (`window` $window^)? attr-dict `:`
    type($query) `,` type($state) `,` type($row_offsets) `,` type($lengths) `,` type($block_tables) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Tokens that a row sees, itself included; 0: all.
    int64_t getVisibleTokens() { return getWindow() ? int64_t(getWindow()) : getState().getType().getWindow(); }
  }];
}

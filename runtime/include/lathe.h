/* Lathe's runtime: runs compiled models (.lathe) inside any program.
 *
 * Objects. A `lathe_program` is a loaded artifact. A `lathe_device` is a processor with its threads or its CUDA
 * context. A `lathe_session` is a program placed on a device: weights, working memory, state pools. A `lathe_sequence`
 * is one text of a language model: a list of pages in its session's state. A `lathe_engine` writes many texts at one
 * time, each asked for with a `lathe_request`, and deals with sequences and pages itself. A `lathe_tokenizer` turns
 * text into tokens, and it or a `lathe_text_decoder`, which does so token by token, turns them back. A `lathe_template`
 * makes a prompt of messages. A `lathe_group` is a process's place among those that run one program together.
 *
 * Ownership. Each `create` or `load` gives the caller one reference, given back with the matching `release`;
 * releasing NULL does nothing. A child keeps its parents alive: a session its program, device and group, a sequence its
 * session, an engine its session and tokenizer, a request its engine, a decoder its tokenizer. Strings and structs that
 * introspection returns belong to the program and live as long as it does.
 *
 * Errors. Functions that can fail return a `lathe_status`: NULL on success, otherwise an object with a code and a
 * message, which the caller releases. On failure `out_` parameters are NULL. Caller errors never abort. A file is a
 * program: loading one runs the code in it, so load only files that you would execute.
 *
 * Threads. Programs, devices, tokenizers, templates and engines may be used from any number of threads, a decoder and
 * a request's output by one at a time. Calls on one session, its sequences included, are serialized inside; sessions
 * run at the same time as each other. Nothing is kept outside these objects: no global state, environment variables or
 * signal handlers.
 *
 * Memory and time. Functions block until their result is there unless their comment says otherwise. On CUDA the
 * primary context is used and the caller's current context is restored; nothing waits for the whole device.
 *
 * Structs that the caller fills begin with `struct_size`, set to sizeof the struct: fields added later are then zero,
 * and zero always means the default. Units are bytes and tokens unless a name says otherwise. */
#ifndef LATHE_H
#define LATHE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define LATHE_API __attribute__((visibility("default")))
#else
#define LATHE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lathe_program lathe_program;
typedef struct lathe_device lathe_device;
typedef struct lathe_group lathe_group;
typedef struct lathe_session lathe_session;
typedef struct lathe_sequence lathe_sequence;
typedef struct lathe_engine lathe_engine;
typedef struct lathe_request lathe_request;
typedef struct lathe_tokenizer lathe_tokenizer;
typedef struct lathe_text_decoder lathe_text_decoder;
typedef struct lathe_template lathe_template;

/* ---- Status ---- */

/* What a failure is; the caller's answer stands beside each. */
typedef enum lathe_code {
  LATHE_INVALID_ARGUMENT = 1, /* the call is wrong: change the call */
  LATHE_NOT_FOUND = 2,        /* no such file, name, driver or device: name another or install it */
  LATHE_CORRUPT = 3,          /* the artifact contradicts itself: fetch or compile it again */
  LATHE_UNSUPPORTED = 4,      /* this runtime, machine or model cannot do it: compile for what there is */
  LATHE_OUT_OF_MEMORY = 5,    /* no memory or no pages: release something, or ask for less */
  LATHE_DEVICE_ERROR = 6      /* the driver or generated code failed: release the session */
} lathe_code;

typedef struct lathe_status_record *lathe_status;

/* NULL has no code: ask only a failure. */
LATHE_API lathe_code lathe_status_code(lathe_status status);
/* One line, owned by `status`. "" for NULL. */
LATHE_API const char *lathe_status_message(lathe_status status);
LATHE_API void lathe_status_release(lathe_status status);

/* "0.1.0". */
LATHE_API const char *lathe_version(void);

/* ---- Programs ---- */

/* Maps and checks a .lathe file. Weights are mapped, not read. The file must not change while the program lives.
 * LATHE_NOT_FOUND: the file cannot be opened. LATHE_CORRUPT: a field or hash is wrong. LATHE_UNSUPPORTED: made for
 * another version. */
LATHE_API lathe_status lathe_program_load(const char *path, lathe_program **out_program);

/* The machine code of one host image, linked into the caller's executable. */
typedef struct lathe_embedded_image {
  const char *section; /* the image's name in the artifact's section table, for example "x86-64-v3" */
  const void *code;    /* equal to that section, byte for byte; checked */
  size_t bytes;
} lathe_embedded_image;

/* A program linked into the caller's executable; `lathec --emit=obj` writes one. */
typedef struct lathe_embedded_program {
  size_t struct_size;
  const void *artifact; /* a whole .lathe file, aligned to 4096 */
  size_t artifact_bytes;
  size_t image_count;
  const lathe_embedded_image *images;
} lathe_embedded_program;

/* As `lathe_program_load`, for a program in memory that outlives every use of `*out_program`. */
LATHE_API lathe_status lathe_program_load_embedded(const lathe_embedded_program *embedded, lathe_program **out_program);
LATHE_API void lathe_program_release(lathe_program *program);

/* Reads every weight and compares its hash. LATHE_CORRUPT names the first that differs. */
LATHE_API lathe_status lathe_program_check_weights(const lathe_program *program);

/* What it was compiled for: "cpu" or "cuda". */
LATHE_API const char *lathe_program_target(const lathe_program *program);

/* Processes that it was compiled for; 1: it needs no group. */
LATHE_API int32_t lathe_program_rank_count(const lathe_program *program);

/* The manifest, JSON in UTF-8, NUL-terminated. */
LATHE_API const char *lathe_program_manifest(const lathe_program *program);

/* ---- What a program takes and gives ---- */

typedef enum lathe_type {
  LATHE_F32 = 1,
  LATHE_F16 = 2,
  LATHE_BF16 = 3,
  LATHE_F64 = 4,
  LATHE_I8 = 5,
  LATHE_U8 = 6,
  LATHE_I16 = 7,
  LATHE_I32 = 8,
  LATHE_I64 = 9,
  LATHE_U32 = 10,
  LATHE_BOOL = 11, /* one byte, 0 or 1 */
  LATHE_U16 = 12,
  LATHE_U64 = 13,
  /* Of states alone. */
  LATHE_F8_E4M3 = 14, /* one byte: sign, 4 bits of exponent, 3 of fraction; without infinities */
  LATHE_Q8_0 = 15     /* blocks of 32 in 34 bytes: an f16 scale and 32 signed bytes */
} lathe_type;

typedef enum lathe_entry_kind {
  LATHE_ENTRY_TENSOR = 1,         /* tensors in, tensors out: lathe_session_run */
  LATHE_ENTRY_LANGUAGE_MODEL = 2, /* a ragged batch of tokens: lathe_session_step */
  LATHE_ENTRY_ENCODER = 3         /* whole texts, of which nothing is kept: lathe_session_embed */
} lathe_entry_kind;

typedef enum lathe_state_kind {
  LATHE_STATE_PAGED = 1, /* bytes a token, in pages of 16 tokens */
  LATHE_STATE_SLOT = 2,  /* fixed bytes a sequence, changed by every step */
  LATHE_STATE_STATIC = 3 /* fixed bytes a sequence, written once */
} lathe_state_kind;

enum { LATHE_MAX_RANK = 8 };

/* Structs below are only ever handed out by pointer; later versions append fields. */
typedef struct lathe_symbol_info {
  const char *name;
  int64_t min, max;
} lathe_symbol_info;

typedef struct lathe_value_info {
  const char *name;
  const char *role; /* "tensor", "tokens", "positions", ... */
  lathe_type type;
  size_t rank;
  int64_t shape[LATHE_MAX_RANK]; /* -1 where the size is not fixed */
  /* NULL where the size is fixed, else the symbol's name. An output's size may also be computed, which this says for
   * people: "batch*4 + 1". */
  const char *symbols[LATHE_MAX_RANK];
} lathe_value_info;

typedef struct lathe_state_info {
  const char *name;
  lathe_state_kind kind;
  lathe_type element;
  size_t rank;
  int64_t shape[LATHE_MAX_RANK]; /* of one token (paged) or one sequence */
  int64_t page_tokens;
  int64_t page_bytes;
  int64_t window; /* tokens that stay visible, 0: all */
} lathe_state_info;

/* How the hidden states of a text's tokens become one vector. */
typedef enum lathe_pooling {
  LATHE_POOLING_MODEL = 0, /* as the model was trained */
  LATHE_POOLING_MEAN = 1,
  LATHE_POOLING_CLS = 2, /* the first token's */
  LATHE_POOLING_LAST = 3
} lathe_pooling;

typedef struct lathe_entry_info {
  const char *name;
  lathe_entry_kind kind;
  size_t symbol_count, input_count, output_count, state_count;
  /* Of encoders. */
  lathe_pooling pooling; /* what LATHE_POOLING_MODEL stands for; itself where the model's file does not say */
  int64_t max_tokens;    /* of one text */
} lathe_entry_info;

LATHE_API size_t lathe_program_entry_count(const lathe_program *program);
/* NULL where an index is past the end. `entry` counts from 0, as the other indices do. */
LATHE_API const lathe_entry_info *lathe_program_entry(const lathe_program *program, size_t entry);
LATHE_API const lathe_symbol_info *lathe_program_symbol(const lathe_program *program, size_t entry, size_t index);
LATHE_API const lathe_value_info *lathe_program_input(const lathe_program *program, size_t entry, size_t index);
LATHE_API const lathe_value_info *lathe_program_output(const lathe_program *program, size_t entry, size_t index);
LATHE_API const lathe_state_info *lathe_program_state(const lathe_program *program, size_t entry, size_t index);

/* ---- Devices ---- */

typedef enum lathe_device_kind { LATHE_DEVICE_CPU = 0, LATHE_DEVICE_CUDA = 1 } lathe_device_kind;

/* Covers [0, count) with calls of `body(argument, begin, end)`, in any order, on any threads, and returns when all of
 * them have returned. */
typedef void (*lathe_parallel_for)(void *user, int64_t count, void (*body)(void *argument, int64_t begin, int64_t end),
                                   void *argument);

typedef struct lathe_device_options {
  size_t struct_size;
  lathe_device_kind kind;
  int32_t threads; /* CPU; 0: what affinity and cgroup quota allow. The caller's thread is one of them */
  lathe_parallel_for parallel_for; /* CPU; replaces the device's own threads */
  void *parallel_for_user;
  int32_t ordinal; /* CUDA */
} lathe_device_options;

/* LATHE_NOT_FOUND: no CUDA driver or no such GPU; the message says what to install. */
LATHE_API lathe_status lathe_device_create(const lathe_device_options *options, lathe_device **out_device);
LATHE_API void lathe_device_release(lathe_device *device);
/* For people: "cpu, x86-64-v4, 8 threads" or "cuda:0, NVIDIA H200, sm_90". Owned by the device. */
LATHE_API const char *lathe_device_description(const lathe_device *device);

/* ---- Groups of ranks ---- */

/* A program that was compiled for several devices (`lathec --tensor-parallel=N`) runs in as many processes, which a
 * launcher has started: its ranks. Each of them makes a group. Rank 0 creates sessions with it, one or several, and
 * uses them as any other; the others call `lathe_group_follow`, which does with them what rank 0 asks for.
 *
 * Ranks meet through MPI, or without it over TCP: `rendezvous` says how. Those on GPUs, one GPU each, then use NCCL
 * (libnccl.so.2, found by dlopen), whose id goes the same way. NCCL reads its own environment variables;
 * NCCL_NVLS_ENABLE=0 keeps it from multicast, which not every machine that has it lets processes use. GPUs of one
 * machine that reach each other's memory add up small tensors in a kernel of the program's own instead.
 *
 * A rank that fails in a call, dies, stops or does not come to where the others wait for it breaks the group: within
 * seconds all calls on all ranks end with LATHE_DEVICE_ERROR and a message that names the rank. Release the session
 * and end the process then; a broken group cannot be used again. */
typedef struct lathe_group_options {
  size_t struct_size;
  int32_t rank;           /* from 0 */
  int32_t size;           /* ranks */
  const char *rendezvous; /* NULL: MPI. "tcp://HOST:PORT": rank 0 listens there. "file:PATH": it writes where it does
                             into this file, which all ranks see; what was there before does not count */
  const char *mpi_plugin; /* path of liblathe-mpi.so; NULL: where the loader finds it */
  int32_t direct_bytes;   /* GPUs: the largest tensors that are added up without NCCL; 0: as measured, -1: none */
  int32_t silence_ms;     /* a rank that has given no sign of life for so long is dead; 0: 5000 */
  int32_t wait_ms;        /* one that lives, but lets others wait for so long in one operation, is stuck; 0: 300000 */
} lathe_group_options;

/* Meets the other ranks, which call this too, within wait_ms. If the process has not started MPI, this does, and the
 * release of the group ends it: after that no group can be made. LATHE_INVALID_ARGUMENT: rank or size is not what MPI
 * or rank 0 says. LATHE_NOT_FOUND: no plug-in, no MPI library, or no rank where the rendezvous is. LATHE_UNSUPPORTED: a
 * plug-in or rank of another release, or an MPI library that several threads cannot use. */
LATHE_API lathe_status lathe_group_create(const lathe_group_options *options, lathe_group **out_group);
/* Of rank 0's, once its sessions are released too: lets the others go. Waits until all ranks release their group,
 * unless it is broken. */
LATHE_API void lathe_group_release(lathe_group *group);

/* On ranks other than 0: takes part in all that rank 0 does with sessions of this program, on a device of this rank's
 * own, and returns when rank 0 has released its group. LATHE_INVALID_ARGUMENT: rank 0's group, one of another size than
 * the program was compiled for, or another program than rank 0's. LATHE_DEVICE_ERROR: the group is broken; the message
 * names the rank. Otherwise as lathe_session_create and calls of the session. */
LATHE_API lathe_status lathe_group_follow(lathe_group *group, lathe_program *program, lathe_device *device);

/* ---- Sessions ---- */

typedef struct lathe_session_options {
  size_t struct_size;
  uint64_t kv_cache_bytes; /* at most, for all paged states together; 0: what max_sequences texts of the greatest length
                              take */
  int32_t max_sequences;   /* sequences alive at one time; 0: 1 */
  int32_t made_up_weights; /* not 0: makes up the weights that `lathec --weights=none` has left out, to measure with */
  int64_t max_text_tokens; /* the greatest length of a text; 0: what the model was compiled for */
  lathe_group *group;      /* of a program for several ranks, rank 0's; NULL: of any other */
} lathe_session_options;

/* Places weights, allocates pools, and on CUDA captures the decode graphs. `options` may be NULL.
 * LATHE_UNSUPPORTED: compiled for another device or CPU level, or without its weights. LATHE_OUT_OF_MEMORY: with the
 * bytes needed and free. LATHE_INVALID_ARGUMENT: a group of another size than the program was compiled for, whose
 * ranks have not all the same program, or of another rank than 0. */
LATHE_API lathe_status lathe_session_create(lathe_program *program, lathe_device *device,
                                            const lathe_session_options *options, lathe_session **out_session);
LATHE_API void lathe_session_release(lathe_session *session);

typedef enum lathe_memory {
  LATHE_MEMORY_HOST = 0,
  LATHE_MEMORY_DEVICE = 1 /* of the session's device; on a CPU the same as host */
} lathe_memory;

/* A dense row-major tensor in the caller's memory, aligned to its element. This layout is final. */
typedef struct lathe_tensor {
  const char *name;
  void *data; /* inputs are not written to */
  size_t bytes;
  lathe_type type;
  lathe_memory memory;
  size_t rank;
  int64_t shape[LATHE_MAX_RANK];
} lathe_tensor;

typedef struct lathe_run_options {
  size_t struct_size;
  const char *entry;          /* NULL: the program's only entry of this kind */
  const lathe_tensor *inputs; /* every input of the entry, by name, in any order */
  size_t input_count;
  /* Those wanted, by name; `type`, `rank` and `shape` are written by the call. With `data` NULL the call writes
   * `data` and `bytes` too: memory of the session, where `memory` says, that holds the result until its next call. */
  lathe_tensor *outputs;
  size_t output_count;
  void *stream; /* CUDA: a CUstream of the device's primary context; NULL: the session's own */
} lathe_run_options;

/* Writes type, rank and shape of `outputs`, and in `bytes` the size that each needs; reads no data. Where a size
 * depends on data the shape has -1 and `bytes` is the most that the output can take, or 0 if nothing bounds it.
 * LATHE_INVALID_ARGUMENT: a missing, unknown or badly shaped input. */
LATHE_API lathe_status lathe_session_shapes(lathe_session *session, const lathe_run_options *options);

/* Runs an entry of kind tensor. Where the size of an output depends on data its shape, as always, says what it turned
 * out to be; more bytes than that are left alone. With any output in host memory it returns when the outputs are there;
 * with all of them on the device it returns when the work is enqueued on the stream; inputs stay unchanged until that
 * is done. Where data decides sizes or control flow of a model on CUDA, the call waits for the stream whenever the host
 * has to know. LATHE_INVALID_ARGUMENT: as lathe_session_shapes, an output with too few bytes, or data that the model
 * does not define, such as an index outside of its table; the message names the node. On CUDA, a call that did not wait
 * leaves it to the session's next one to say so. */
LATHE_API lathe_status lathe_session_run(lathe_session *session, const lathe_run_options *options);

/* Bytes that a session holds on its device, apart from weights. */
typedef struct lathe_memory_info {
  size_t struct_size;
  uint64_t working_bytes; /* activations whose size the inputs' shapes give, inputs and outputs in transit */
  uint64_t pool_bytes;    /* values whose size depends on data, and outputs given without memory */
  uint64_t state_bytes;   /* pages of all states */
  uint64_t growths;       /* how often working memory or the pool was enlarged: stays the same once sizes repeat */
} lathe_memory_info;

/* Writes what `session` holds now. LATHE_INVALID_ARGUMENT: struct_size is not set. */
LATHE_API lathe_status lathe_session_memory(lathe_session *session, lathe_memory_info *info);

/* ---- Language models ---- */

/* A new, empty sequence. LATHE_OUT_OF_MEMORY: max_sequences are alive. */
LATHE_API lathe_status lathe_sequence_create(lathe_session *session, lathe_sequence **out_sequence);
/* Gives its pages back. */
LATHE_API void lathe_sequence_release(lathe_sequence *sequence);
/* A second sequence with the same tokens. They share pages until one of them writes.
 * LATHE_OUT_OF_MEMORY: max_sequences are alive. */
LATHE_API lathe_status lathe_sequence_fork(lathe_sequence *sequence, lathe_sequence **out_sequence);
/* Forgets all tokens from `length` on. LATHE_INVALID_ARGUMENT: `length` is more than the sequence has, or the model has
 * layers that see a window of tokens alone, more than 16 tokens are to be forgotten, but not all, and what stood before
 * the window is not there any more. */
LATHE_API lathe_status lathe_sequence_truncate(lathe_sequence *sequence, int64_t length);
/* Tokens in the sequence. */
LATHE_API int64_t lathe_sequence_length(const lathe_sequence *sequence);

/* How a token is chosen. Penalties change the logits; of what is left top_k, typical_p, top_p and min_p, in this order,
 * keep the likelier tokens; temperature then decides among those. */
typedef struct lathe_sampler {
  size_t struct_size;
  float temperature; /* 0: the most likely token */
  float top_p;       /* keep the most likely tokens up to this probability; 0: all */
  float min_p;       /* keep tokens at least this times as likely as the most likely one; 0: all */
  int32_t top_k;     /* keep so many; 0: all */
  uint64_t seed;     /* equal requests with equal seeds give equal texts */
  float typical_p;   /* keep the tokens nearest to the expected surprise up to this probability; 0: all */

  /* Against tokens that are in the text already, its prompt included. */
  float repeat_penalty;    /* positive logits are divided by it, others multiplied; 0: 1, which changes nothing */
  float presence_penalty;  /* taken off once */
  float frequency_penalty; /* taken off each time */
  int32_t penalty_tokens;  /* how many of the last tokens count; 0: all */
} lathe_sampler;

/* One ragged batch: sequence s appends token_counts[s] tokens. T is the sum of token_counts, S sequence_count,
 * R row_count, V the vocabulary. Arrays are in host memory unless said otherwise. */
typedef struct lathe_step_options {
  size_t struct_size;
  const char *entry; /* NULL: the program's only entry of this kind */
  size_t sequence_count;
  lathe_sequence *const *sequences; /* [S], each once */
  const int32_t *token_counts;      /* [S], each at least 1; NULL: 1 each */
  const int32_t *tokens;            /* [T] */
  const int32_t *positions;         /* [T]; NULL: each sequence goes on from its length */
  const int32_t *rows;              /* [R] in [0, T): whose logits to return; NULL: each sequence's last, R = S */
  size_t row_count;                 /* with `rows` */
  float *logits;                    /* [R, V]; NULL: not wanted */
  size_t logits_bytes;
  lathe_memory logits_memory;
  void *stream; /* as in lathe_run_options */

  /* What a model may take or give beyond that. Set on a model that lacks it, the call is LATHE_UNSUPPORTED. */
  const lathe_tensor *embeddings;   /* [T, width], in place of `tokens` */
  lathe_tensor *hidden_states;      /* [T, width], out */
  const int32_t *tree_parents;      /* [T]: the row a row attends through, -1: the sequence's end */
  const int32_t *adapters;          /* [T]: adapter of each row, -1: none */
  const uint32_t *logit_mask;       /* [R, ceil(V / 32)]: bit v % 32 of word v / 32 allows token v */
  const lathe_sampler *samplers;    /* [S]: how sampled_tokens are drawn, see below; NULL: the most likely ones */
  int32_t *sampled_tokens;          /* [R], out; what GGUF files become on CUDA has it */
  float *sampled_log_probabilities; /* [R], out */
} lathe_step_options;

/* Runs one step. On failure no sequence has changed its length. Returns when host logits and sampled tokens are
 * there; without them, or with device logits, when the work is enqueued on the stream. The option arrays may be reused
 * at once. With samplers, the device finds the largest logits of each row and the rest stays there: a sampler has
 * temperature 0, or a top_k of at most their number, which is 64, and no penalties. The token is the one that the same
 * sampler draws from all logits; its random number depends on the seed and on how many tokens the row's text has.
 * LATHE_INVALID_ARGUMENT: a bad count, token, row, sampler or repeated sequence. LATHE_OUT_OF_MEMORY: the pages do not
 * suffice; the message has the numbers. LATHE_UNSUPPORTED: a reserved field. */
LATHE_API lathe_status lathe_session_step(lathe_session *session, const lathe_step_options *options);

/* ---- Embeddings ---- */

/* Texts for an entry of kind encoder: S texts of T tokens together, W numbers a token (the second size of its output).
 * The tokens are those that the model wants, its special ones included. */
typedef struct lathe_embed_options {
  size_t struct_size;
  const char *entry; /* NULL: the program's only entry of this kind */
  size_t text_count;
  const int32_t *token_counts; /* [S], each at least 1 */
  const int32_t *tokens;       /* [T] */
  lathe_pooling pooling;       /* of `embeddings` */
  int32_t normalize;           /* not 0: each embedding is scaled to length 1, unless it is all zeros */
  float *embeddings;           /* [S, W], out; NULL: not wanted */
  size_t embeddings_bytes;
  float *hidden_states; /* [T, W], out; NULL: not wanted */
  size_t hidden_states_bytes;
} lathe_embed_options;

/* Computes texts in one batch; what a text gives does not depend on the others. Returns when all is there.
 * LATHE_INVALID_ARGUMENT: a bad count, token or pooling, or too many tokens: split the batch. LATHE_UNSUPPORTED: no
 * encoder, or LATHE_POOLING_MODEL where the model has none. */
LATHE_API lathe_status lathe_session_embed(lathe_session *session, const lathe_embed_options *options);

/* ---- Engines ---- */

/* An engine writes texts for any number of requests at one time. Each step is one batch of the model: first a token for
 * every text that is being written, then as much of the prompts as there is room for. Requests are served in the order
 * in which they came. Full pages are found again by what they hold, so that equal beginnings are computed once and
 * shared; pages that nobody uses any more stay until their memory is needed. When pages run out, the request that came
 * last gives its own up and is computed anew later; what it has written already stays, and it goes on as it would have.
 * On the CPU a request's output does not depend on the requests beside it or on any of this, to the bit. */
typedef struct lathe_engine_options {
  size_t struct_size;
  const char *entry;                /* NULL: the program's only language model */
  const lathe_tokenizer *tokenizer; /* for text, stop strings, grammars and tokens that end a text; NULL: without */
  int32_t max_step_tokens; /* in one step, which bounds how long it takes; 0: 512, or what the model was compiled for */
  int32_t max_running;     /* requests that have pages at one time; 0: as many as session and model allow */
  int32_t no_prefix_sharing; /* not 0: every request computes its whole prompt */
} lathe_engine_options;

/* An engine of `session`, which may have sequences and other engines beside it; they share its pages. `options` may be
 * NULL. LATHE_INVALID_ARGUMENT: more tokens or requests than the model was compiled for or the session has, or a
 * tokenizer of another model. LATHE_UNSUPPORTED: no language model. */
LATHE_API lathe_status lathe_engine_create(lathe_session *session, const lathe_engine_options *options,
                                           lathe_engine **out_engine);
LATHE_API void lathe_engine_release(lathe_engine *engine);

typedef struct lathe_logit_bias {
  int32_t token;
  float bias; /* added to the token's logit; -INFINITY: never choose it */
} lathe_logit_bias;

/* What is read here is copied. The texts are UTF-8 and NUL-terminated. */
typedef struct lathe_request_options {
  size_t struct_size;
  const int32_t *tokens; /* the prompt, at least one token */
  size_t token_count;
  int64_t max_tokens;           /* to write; 0: until the model's or the session's room for one text is used up */
  const lathe_sampler *sampler; /* NULL: the most likely token */
  const lathe_logit_bias *logit_biases;
  size_t logit_bias_count;

  /* When to stop, before max_tokens are written. */
  const int32_t *stop_tokens; /* besides those that end a text (lathe_tokenizer_ends_text) */
  size_t stop_token_count;
  const char *const *stop_strings; /* none of them appears in the text that is given out */
  size_t stop_string_count;
  int32_t ignore_end; /* not 0: tokens that end a text are like any other */

  /* What may be written: at most one of these is set. Tokens that end a text may follow where it can end. */
  const char *grammar;     /* GBNF, beginning at the rule `root` */
  const char *json_schema; /* "{}": any JSON */

  /* What is given out besides tokens and text. */
  int32_t keep_special;      /* not 0: special tokens appear in the text by name */
  int32_t log_probabilities; /* not 0: of each token */
  int32_t top_tokens;        /* so many of the most likely tokens for each place, with log-probabilities */
  int32_t logits;            /* not 0: the model's, for each token the row that it was chosen from */
} lathe_request_options;

/* Queues a request; `lathe_engine_step` works on it. LATHE_INVALID_ARGUMENT: an option is wrong, which the message
 * names, or prompt and max_tokens are more than the model was compiled for. LATHE_OUT_OF_MEMORY: they need more pages
 * than the session has, so that they would never fit; the message has the bytes needed and given. LATHE_UNSUPPORTED:
 * the JSON schema asks for what cannot be kept. */
LATHE_API lathe_status lathe_engine_submit(lathe_engine *engine, const lathe_request_options *options,
                                           lathe_request **out_request);

/* Runs one step of the model, unless there is nothing to do, and chooses the tokens. `out_unfinished`, which may be
 * NULL, says how many requests are not finished afterwards: call again until it is 0. Other calls on the engine and its
 * requests do not wait for a step, except another step.
 * LATHE_OUT_OF_MEMORY: sequences outside of the engine hold the pages, or all sequences, that the next request needs;
 * nothing has changed, release some. LATHE_DEVICE_ERROR: the model failed for each request of this step, together and
 * alone, and they are finished. If it fails for some of them only, those are, and the step has not failed. */
LATHE_API lathe_status lathe_engine_step(lathe_engine *engine, size_t *out_unfinished);

typedef enum lathe_finish {
  LATHE_FINISH_NONE = 0,        /* it goes on */
  LATHE_FINISH_STOP_TOKEN = 1,  /* the last token ends a text or is one of stop_tokens; it adds nothing to the text */
  LATHE_FINISH_STOP_STRING = 2, /* the text ends before it; the tokens include it */
  LATHE_FINISH_LENGTH = 3,      /* max_tokens, or no more room for one text */
  LATHE_FINISH_GRAMMAR = 4,     /* nothing may follow */
  LATHE_FINISH_CANCELLED = 5,
  LATHE_FINISH_FAILED = 6 /* `failure` and `message` say why */
} lathe_finish;

/* What a request has written since it was last polled. Pointers are the request's, valid until it is polled again or
 * released; where there is nothing they are NULL. */
typedef struct lathe_request_output {
  size_t struct_size;
  const int32_t *tokens; /* [N] */
  size_t token_count;    /* N */
  /* Valid UTF-8, whole characters, not NUL-terminated. It may lag behind the tokens: what could be the beginning of a
   * stop string or of a character is held back. */
  const char *text;
  size_t text_bytes;
  const float
      *log_probabilities;    /* [N], natural logarithms, by the model alone: before penalties, biases and filters */
  size_t top_count;          /* K: top_tokens, or the vocabulary if that is less */
  const int32_t *top_tokens; /* [N, K], the most likely first; -1 where there are no more */
  const float *top_log_probabilities; /* [N, K] */
  const float *logits;                /* [N, V] */
  lathe_finish finish;                /* after one other than LATHE_FINISH_NONE nothing follows */
  lathe_code failure;                 /* of LATHE_FINISH_FAILED, else 0 */
  const char *message;                /* of LATHE_FINISH_FAILED, else "" */

  /* Of the whole request so far. */
  int64_t shared_tokens; /* of the prompt, that were found and not computed when the request was begun */
  int64_t preemptions;   /* how often it has lost its pages */
} lathe_request_output;

/* Takes what `request` has written, and never waits. LATHE_INVALID_ARGUMENT: struct_size is not set. */
LATHE_API lathe_status lathe_request_poll(lathe_request *request, lathe_request_output *output);
/* Ends a request, unless it is finished already. What it had written can still be polled. Its pages are given back at
 * once or, while a step is running, by that step. */
LATHE_API void lathe_request_cancel(lathe_request *request);
/* Cancels it, if it is not finished. */
LATHE_API void lathe_request_release(lathe_request *request);

typedef struct lathe_engine_info {
  size_t struct_size;
  size_t running; /* requests that have a sequence of the session */
  size_t waiting; /* requests that have none: not begun, or preempted */

  /* Pages of the session, which its other users hold too. Those neither used nor cached are free. Layers that see a
   * window of tokens have pages of their own, which are counted beside those of the other layers. */
  uint64_t total_pages;
  uint64_t used_pages;
  uint64_t shared_pages; /* of those used, by more than one */
  uint64_t cached_pages; /* not used, but to be found by what they hold, until their memory is needed */
  uint64_t total_bytes, used_bytes, shared_bytes, cached_bytes; /* of these pages */

  /* Since the engine was created. */
  uint64_t steps;
  uint64_t computed_tokens; /* that went through the model */
  uint64_t shared_tokens;   /* that were found instead */
  uint64_t preemptions;
} lathe_engine_info;

/* Writes how the engine is and what its memory is used for. LATHE_INVALID_ARGUMENT: struct_size is not set. */
LATHE_API lathe_status lathe_engine_inspect(lathe_engine *engine, lathe_engine_info *info);

/* ---- Tokenizers ---- */

/* Reads the tokenizer of a .gguf file, one that holds nothing else too, or of a .lathe file. The file must not change
 * while the tokenizer lives. LATHE_NOT_FOUND: the file cannot be opened. LATHE_CORRUPT: it is neither, or what it says
 * of its tokens is wrong; the message names the key, what was found and what is needed. LATHE_UNSUPPORTED: an artifact
 * without a tokenizer, or a kind of tokenizer that this runtime lacks; the message lists those it has. */
LATHE_API lathe_status lathe_tokenizer_load(const char *path, lathe_tokenizer **out_tokenizer);
/* The tokenizer of a program, which it keeps alive. Fails as lathe_tokenizer_load does. */
LATHE_API lathe_status lathe_tokenizer_create(const lathe_program *program, lathe_tokenizer **out_tokenizer);
LATHE_API void lathe_tokenizer_release(lathe_tokenizer *tokenizer);

/* How many tokens there are: ids count from 0. */
LATHE_API int32_t lathe_tokenizer_size(const lathe_tokenizer *tokenizer);

typedef enum lathe_special_token {
  LATHE_TOKEN_BOS = 0, /* begins a text; what BERT calls CLS */
  LATHE_TOKEN_EOS = 1, /* ends a text */
  LATHE_TOKEN_EOT = 2, /* ends a turn of a conversation */
  LATHE_TOKEN_EOM = 3, /* ends a message after which a tool is to answer */
  LATHE_TOKEN_UNKNOWN = 4,
  LATHE_TOKEN_SEPARATOR = 5,
  LATHE_TOKEN_PADDING = 6,
  LATHE_TOKEN_MASK = 7
} lathe_special_token;

/* The id of a special token, -1 where the model has none or `kind` is none of the above. */
LATHE_API int32_t lathe_tokenizer_special(const lathe_tokenizer *tokenizer, lathe_special_token kind);
/* 1 for tokens after which a model has nothing more to say: EOS, EOT, EOM and others known by name; 0 for the rest and
 * for what is no token. */
LATHE_API int32_t lathe_tokenizer_ends_text(const lathe_tokenizer *tokenizer, int32_t token);
/* The bytes that a token stands for, which need not be whole characters; of a special token its name. They belong to
 * the tokenizer and are not NUL-terminated. NULL where there is no such token. */
LATHE_API const char *lathe_tokenizer_piece(const lathe_tokenizer *tokenizer, int32_t token, size_t *out_bytes);

typedef struct lathe_encode_options {
  size_t struct_size;
  int32_t add_special;   /* not 0: add the tokens that the model wants around a text, such as BOS */
  int32_t parse_special; /* not 0: names of special tokens in the text are those tokens; only for text you trust */
} lathe_encode_options;

/* Turns `text_bytes` bytes, whatever they are, into tokens. Writes the first `capacity` to `out_tokens`, and to
 * `out_count` how many there are: if that is more, call again with room for them. `options` may be NULL: 0 for all.
 * LATHE_INVALID_ARGUMENT: more than 2^30 bytes. LATHE_UNSUPPORTED: splitting the text takes too long; pass it in parts.
 */
LATHE_API lathe_status lathe_tokenizer_encode(const lathe_tokenizer *tokenizer, const char *text, size_t text_bytes,
                                              const lathe_encode_options *options, int32_t *out_tokens, size_t capacity,
                                              size_t *out_count);

typedef struct lathe_decode_options {
  size_t struct_size;
  int32_t keep_special; /* not 0: special tokens appear by name; otherwise they do not appear */
  int32_t goes_on;      /* not 0: there is text before this, so a space at its beginning stays */
} lathe_decode_options;

/* Turns tokens into the bytes they were made from. `capacity` and `out_bytes` are as in lathe_tokenizer_encode; the
 * text is not NUL-terminated. `options` may be NULL: 0 for all. LATHE_INVALID_ARGUMENT: an id that is no token. */
LATHE_API lathe_status lathe_tokenizer_decode(const lathe_tokenizer *tokenizer, const int32_t *tokens, size_t count,
                                              const lathe_decode_options *options, char *out_text, size_t capacity,
                                              size_t *out_bytes);

/* Decodes tokens one by one, as a model writes them. `options` as in lathe_tokenizer_decode. */
LATHE_API lathe_status lathe_text_decoder_create(const lathe_tokenizer *tokenizer, const lathe_decode_options *options,
                                                 lathe_text_decoder **out_decoder);
/* Takes one token and gives the text that can be shown now: valid UTF-8, never a part of a character, possibly empty.
 * Bytes that are no UTF-8 come out as U+FFFD. `out_text` belongs to the decoder until its next call and is not
 * NUL-terminated. LATHE_INVALID_ARGUMENT: no such token. */
LATHE_API lathe_status lathe_text_decoder_push(lathe_text_decoder *decoder, int32_t token, const char **out_text,
                                               size_t *out_bytes);
/* What is left when no token follows: nothing, or U+FFFD for a character that was never completed. */
LATHE_API lathe_status lathe_text_decoder_finish(lathe_text_decoder *decoder, const char **out_text, size_t *out_bytes);
LATHE_API void lathe_text_decoder_release(lathe_text_decoder *decoder);

/* ---- Chat templates ---- */

/* A template, Jinja text of `bytes` bytes, as models carry them to turn messages into a prompt. It may be rendered from
 * any number of threads. LATHE_INVALID_ARGUMENT: not UTF-8, or no template; the message has line and column. */
LATHE_API lathe_status lathe_template_create(const char *text, size_t bytes, lathe_template **out_template);
/* The template of a .gguf or .lathe file, with its special tokens as the variables bos_token, eos_token, unk_token and
 * pad_token. `name` chooses among a model's templates; NULL: the usual one and, for renderings with tools, that named
 * "tool_use" if there is one. LATHE_NOT_FOUND: no such file or template. Fails too as lathe_tokenizer_load and
 * lathe_template_create do. */
LATHE_API lathe_status lathe_template_load(const char *path, const char *name, lathe_template **out_template);
/* The same of a program. */
LATHE_API lathe_status lathe_template_create_for(const lathe_program *program, const char *name,
                                                 lathe_template **out_template);
LATHE_API void lathe_template_release(lathe_template *chat_template);

/* Texts are UTF-8 and NUL-terminated. */
typedef struct lathe_template_options {
  size_t struct_size;
  const char *messages;         /* JSON: [{"role": "user", "content": "Hello"}, ...] */
  const char *tools;            /* JSON, an array; NULL: none */
  const char *variables;        /* JSON, an object: what else the template may read, such as bos_token; NULL: nothing */
  int32_t no_generation_prompt; /* 1: the prompt does not begin the model's answer */
  int32_t utc_offset;           /* seconds by which the local time is ahead of UTC */
  int64_t time;                 /* what strftime_now writes: seconds since 1970 began in UTC; 0: now */
  uint64_t max_steps;           /* of work, before the rendering is ended; 0: 20 million */
  uint64_t max_bytes;           /* that it may make in all; 0: 1 GiB */
} lathe_template_options;

/* The prompt, NUL-terminated, for `lathe_text_release`. `out_bytes`, which may be NULL, is its length.
 * LATHE_INVALID_ARGUMENT: JSON that is wrong, or whatever ended the rendering, with line and column: the template's own
 * raise_exception, a value that it cannot use, max_steps or max_bytes. */
LATHE_API lathe_status lathe_template_render(const lathe_template *chat_template, const lathe_template_options *options,
                                             char **out_text, size_t *out_bytes);

/* Gives back text that a function made for the caller. */
LATHE_API void lathe_text_release(char *text);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_H */
